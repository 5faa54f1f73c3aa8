"""What the measurements of whole services in Python share: servers, payments, and what the figures should be."""

import collections
import contextlib
import csv
import datetime
import io
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SHANGHAI = 8 * HOUR
DEFINITIONS = ["1m", "10m-by-1m", "1h", "day"]


def windows_of(name, at):
    """The windows of a default definition that hold `at`, computed without the product's code."""
    if name == "1m":
        yield at // MINUTE * MINUTE, at // MINUTE * MINUTE + MINUTE
    elif name == "10m-by-1m":
        last = at // MINUTE * MINUTE
        for start in range(last - 9 * MINUTE, last + 1, MINUTE):
            yield start, start + 10 * MINUTE
    elif name == "1h":
        yield at // HOUR * HOUR, at // HOUR * HOUR + HOUR
    else:  # "day": local days of Shanghai, cumulative by the hour
        start = (at + SHANGHAI) // DAY * DAY - SHANGHAI
        for end in range(at // HOUR * HOUR + HOUR, start + DAY + 1, HOUR):
            yield start, end


def exact(cents):
    text = f"{cents // 100}.{cents % 100:02}".rstrip("0").rstrip(".")
    return text or "0"


def millis(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(moment.timestamp() * 1000)


def free_port():
    with socket.socket() as probe:
        while True:
            port = random.randrange(12_000, 20_000)
            if probe.connect_ex(("127.0.0.1", port)):
                return port


class Lab:
    """Servers that end with this script."""

    def __init__(self, scratch):
        self.scratch, self.running, self.ports = scratch, [], {}

    def start(self, server):
        if server in self.ports:
            return self.ports[server]
        subprocess.run([ROOT / "lab/lab", "prepare", server], check=True, stdout=sys.stderr)
        port, folder = free_port(), self.scratch / server
        folder.mkdir()
        command = [ROOT / "lab/lab", "run", server, "--dir", folder, "--port", str(port), "--die-with-stdin", "--scratch"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running.append(process)
        for _ in range(1200):
            if (folder / "ready").exists():
                self.ports[server] = port
                return port
            time.sleep(0.1)
        sys.exit(f"{server} did not come up")

    def stop(self):
        for process in self.running:
            process.stdin.close()
            process.terminate()
            process.wait()


def built():
    """The programs of the service and of `examples/send.rs`."""
    given = os.environ.get("TIDEGAUGE_BIN"), os.environ.get("SEND_BIN")
    if all(given):
        return given
    run = ["cargo", "build", "--release", "--locked", "--bin", "tidegauge", "--example", "send"]
    subprocess.run(run, cwd=ROOT, check=True)
    metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"]
    metadata = json.loads(subprocess.check_output(metadata, cwd=ROOT))
    release = pathlib.Path(metadata["target_directory"]) / "release"
    return given[0] or release / "tidegauge", given[1] or release / "examples/send"


def end_on_term():
    """SIGTERM ends the script as Ctrl-C does: what it started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def forget_settings():
    """A setting of the person's own would make this another measurement."""
    for name in [name for name in os.environ if name.startswith("TIDEGAUGE_")]:
        if name not in ("TIDEGAUGE_BIN", "TIDEGAUGE_LAB_CACHE"):
            del os.environ[name]


def payment(partition, at, branch, cents, recorded=None):
    """A line for `examples/send.rs`."""
    value = f'{{"createTime":{at},"orderId":1,"payAmount":{exact(cents)},"payPlatform":0,"branchId":{branch}}}'
    recorded = at if recorded is None else recorded
    return f'{{"partition":{partition},"timestamp":{recorded},"payment":{value}}}\n'


def send(program, port, topic, partitions, scratch, lines):
    command = [program, f"127.0.0.1:{port}", topic, str(partitions)]
    # Makes the topic. The first batches to one that was just made may be refused and come behind those after them.
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    path = scratch / "lines"
    with path.open("w") as file:
        file.writelines(lines)
    with path.open() as file:
        subprocess.run(command, stdin=file, check=True)
    path.unlink()


def settings(lab, scratch, topic, prefix=None, event_time=""):
    """The default windows; documents in indexes of `prefix`, if there is one."""
    text = f'state_dir = "{scratch}/state"\n[kafka]\nbrokers = "127.0.0.1:{lab.start("kafka")}"\n'
    text += f'topic = "{topic}"\nstart = "earliest"\n[http]\nlisten = "127.0.0.1:0"\n'
    text += '[[window]]\nname = "1m"\nsize = "1m"\n[[window]]\nname = "10m-by-1m"\nsize = "10m"\nslide = "1m"\n'
    text += '[[window]]\nname = "1h"\nsize = "1h"\n[[window]]\nname = "day"\nsize = "1d"\nstep = "1h"\n'
    text += 'time_zone = "Asia/Shanghai"\n'
    if event_time:
        text += f"[event_time]\n{event_time}\n"
    if prefix is not None:
        text += f'[elasticsearch]\nurl = "http://127.0.0.1:{lab.start("es7")}"\n'
        text += f'index_prefix = "{prefix}"\nlegacy_totals = ""\n'
    return text


ServedToEnd = collections.namedtuple("ServedToEnd", "status wall cpu peak_mb said errors")


def serve_to_end(tidegauge, scratch):
    """The service reads its topic to the end: exit status, wall and processor time in s, peak memory in MB, what it printed."""
    command = [tidegauge, "--config", scratch / "tidegauge.toml", "serve", "--until-end", "-o", "json"]
    began = time.monotonic()
    with (scratch / "out").open("w") as out, (scratch / "err").open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
    wall, cpu = time.monotonic() - began, usage.ru_utime + usage.ru_stime
    said, errors = (scratch / "out").read_text(), (scratch / "err").read_text()
    return ServedToEnd(status, wall, cpu, usage.ru_maxrss / 1024, said, errors)


@contextlib.contextmanager
def serving(tidegauge, scratch):
    """The service while it runs: its process, and the address of its figures."""
    command = [tidegauge, "--config", scratch / "tidegauge.toml", "serve"]
    err = scratch / "err"
    with err.open("w") as words:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=words, stdin=subprocess.DEVNULL)
    try:
        found = None
        while not found:
            if process.poll() is not None:
                sys.exit(f"the service ended: {err.read_text()[-2000:]}")
            time.sleep(0.05)
            found = re.search(r" serving .*address=([0-9.:]+)", err.read_text())
        yield process, f"http://{found[1]}/api/v1"
    finally:
        process.terminate()
        process.wait()


def rfc3339(at):
    moment = datetime.datetime.fromtimestamp(at / 1000, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def listed(url, name, branch=None, begin=None, end=None):
    """Windows with payments over HTTP that start in [begin, end): of one branch by start and end, or of all by
    start, end and branch."""
    asked = {"format": "csv", "branch": branch, "from": begin and rfc3339(begin), "to": end and rfc3339(end)}
    asked = urllib.parse.urlencode({key: value for key, value in asked.items() if value is not None})
    windows = {}
    with urllib.request.urlopen(f"{url}/windows/{name}?{asked}") as answer:
        for row in csv.DictReader(io.TextIOWrapper(answer, "utf-8")):
            if row["pay_count"] != "0":
                key = (millis(row["window_start"]), millis(row["window_end"]))
                key += () if branch is not None else (int(row["branch_id"]),)
                windows[key] = (int(row["pay_count"]), row["pay_amount_exact"])
    return windows


def ask(url, body, method="POST"):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
