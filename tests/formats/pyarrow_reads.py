"""pyarrow reads a running service: an Arrow stream as it arrives, and a Parquet file in parts, which
stays one file while payments come."""

import os
import subprocess
import time
import urllib.request
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from figures import Parts, as_json, assert_rows, assert_sums, done, items, url

expected = items("windows/1m")
with urllib.request.urlopen(url("windows/1m?format=arrow")) as answer:
    assert answer.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
    assert answer.headers["Tidegauge-Generation"] == "1"
    table = pa.ipc.open_stream(answer).read_all()
assert_rows(table.to_pylist(), expected)
assert_sums(table.to_pylist(), timedelta(minutes=1))
assert table.schema.field("window_start").type == pa.timestamp("ms", "UTC")
assert table.schema.field("pay_count").type == pa.uint64()
assert not table.schema.field("window_start").nullable

file = Parts("windows/1m?format=parquet")
assert_rows(pq.read_table(file).to_pylist(), expected)
assert file.asked > 1

# Payments come between two parts: the parts are of one file all the same.
before = as_json("totals")["reading"]["sequence"]
file = Parts("totals?format=parquet")
reader = pq.ParquetFile(file)
subprocess.run(os.environ["PRODUCE"].split(" "), check=True, capture_output=True)
deadline = time.monotonic() + 60
while sum(total["pay_count"] for total in as_json("totals")["totals"]) == sum(
    row["pay_count"] for row in expected
):
    assert time.monotonic() < deadline, "the new payments were not read"
asked = file.asked
old = sum(row["pay_count"] for row in reader.read().to_pylist())
assert file.asked > asked, "nothing was asked for after the new payments"
assert old == sum(row["pay_count"] for row in expected)
new = pq.read_table(pa.BufferReader(urllib.request.urlopen(url("totals?format=parquet")).read()))
assert sum(new.column("pay_count").to_pylist()) > old
done(f"pyarrow: {table.num_rows} rows agree")
