"""A large answer arrives in pieces, whole, and the service does not hold it in memory."""

import os
import sys
import urllib.error
import urllib.request
from datetime import timedelta

import pyarrow as pa
from figures import assert_sums, fetch, time, url


def resident():
    """Bytes of memory that the service uses."""
    with open(f"/proc/{os.environ['SERVICE']}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


before = resident()
answers = []
# Twenty clients that have begun to read and then wait: whole answers would be twenty large ones.
for _ in range(20):
    answer = urllib.request.urlopen(url("windows/1s?format=ndjson"), timeout=60)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.read(1_000)
    answers.append(answer)
grown = resident() - before
length = 1_000 + len(answers[0].read())
for answer in answers:
    answer.close()
assert length > 40 << 20, length
# A large bound on purpose: half of what twenty answers would take.
assert grown < 20 * length / 2, (grown, length)

rows = pa.ipc.open_stream(fetch("windows/1s?format=arrow")[1]).read_all().to_pylist()
assert len(rows) > 100_000, len(rows)
assert_sums(rows, timedelta(seconds=1))
csv = fetch("windows/1s?format=csv")[1].decode().splitlines()
assert len(csv) == len(rows) + 1
name = csv[0].split(",").index("window_start")
assert [time(line.split(",")[name]) for line in csv[1:]] == [row["window_start"] for row in rows]
packed, body = fetch("windows/1s?format=csv", Accept_Encoding="zstd")
assert packed.headers["Content-Encoding"] == "zstd"
assert len(body) * 4 < sum(map(len, csv))
print(f"large: {len(rows)} rows agree; {length} bytes, twenty readers took {grown}")
