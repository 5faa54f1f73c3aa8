"""What the service must say: computed from the payments, and as JSON says it."""

import io
import json
import os
import sys
import urllib.request
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal

URL = os.environ["TIDEGAUGE"]
MONEY = ("pay_amount_exact", "late_amount_exact")


def url(path):
    return f"{URL}/api/v1/{path}"


def fetch(path, method="GET", **headers):
    """The answer and its bytes."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url(path), headers=names, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer, answer.read()


def as_json(path):
    return json.loads(fetch(path)[1])


def items(path):
    """All items of a paged route, by JSON."""
    found, cursor = [], ""
    mark = "&" if "?" in path else "?"
    while cursor is not None:
        page = as_json(f"{path}{mark}limit=10000{cursor}")
        found += page["items"]
        cursor = page["next"] and f"&cursor={page['next']}"
    return found


def payments():
    """Branch, time and exact amount of every payment, by our own arithmetic."""
    with open(os.environ["PAYMENTS"]) as lines:
        for line in lines:
            payment = json.loads(line, parse_float=Decimal, parse_int=Decimal)
            time = datetime.strptime(payment["createTime"], "%Y-%m-%d %H:%M:%S")
            time = time.replace(tzinfo=timezone.utc)
            yield int(payment["branchId"]), time, payment["payAmount"]


def sums(size):
    """Sum and count by start of the window and branch."""
    windows = defaultdict(lambda: (Decimal(0), 0))
    for branch, time, amount in payments():
        start = time - timedelta(seconds=time.timestamp() % size.total_seconds())
        total, count = windows[start, branch]
        windows[start, branch] = (total + amount, count + 1)
    return dict(windows)


def time(text):
    return datetime.fromisoformat(text) if text else None


def assert_rows(rows, expected):
    """Rows with native types say exactly what the JSON items say."""
    assert len(rows) == len(expected), (len(rows), len(expected))
    for row, item in zip(rows, expected):
        assert list(row) == list(item), (list(row), list(item))
        for name, value in item.items():
            if name.endswith(("_start", "_end", "_time")):
                value = time(value)
            assert row[name] == value, (name, row[name], value)


def assert_sums(rows, size):
    """Rows hold the exact sums of the payments, and zeros beside them."""
    truth = sums(size)
    seen = {}
    for row in rows:
        figure = (Decimal(row["pay_amount_exact"]), row["pay_count"])
        if row["pay_count"]:
            seen[row["window_start"], row["branch_id"]] = figure
        else:
            assert figure == (0, 0)
    assert seen == truth, "the sums are not those of the payments"


class Parts(io.RawIOBase):
    """A file at an address, read as Parquet readers do it: HEAD, then a GET for each part."""

    def __init__(self, path):
        self.path, self.at, self.asked = path, 0, 0
        head, body = fetch(path, "HEAD")
        assert body == b"" and head.headers["Accept-Ranges"] == "bytes"
        self.length = int(head.headers["Content-Length"])
        self.tag = head.headers["ETag"]

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.at

    def seek(self, offset, whence=io.SEEK_SET):
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.length}
        self.at = base[whence] + offset
        return self.at

    def readinto(self, buffer):
        wanted = min(len(buffer), self.length - self.at)
        if wanted <= 0:
            return 0
        part = f"bytes={self.at}-{self.at + wanted - 1}"
        answer, body = fetch(self.path, Range=part)
        assert answer.status == 206 and answer.headers["ETag"] == self.tag
        assert answer.headers["Content-Range"] == f"{part.replace('=', ' ')}/{self.length}"
        buffer[:wanted] = body
        self.at += wanted
        self.asked += 1
        return wanted


def done(said):
    """Says what was found, and ends at once: the threads of pyarrow may still read in the background,
    and then abort the process while the interpreter shuts down."""
    print(said)
    sys.stdout.flush()
    os._exit(0)
