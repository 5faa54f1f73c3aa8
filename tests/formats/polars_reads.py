"""polars reads a running service: CSV and NDJSON, and Parquet in parts by itself."""

import io
from datetime import timedelta
from decimal import Decimal

import polars as pl
from figures import MONEY, Parts, as_json, assert_rows, assert_sums, done, fetch, items, url

expected = items("windows/1m")
TYPES = {name: pl.String for name in MONEY}

frame = pl.read_csv(url("windows/1m?format=csv"), schema_overrides=TYPES, try_parse_dates=True)
assert_rows(frame.to_dicts(), expected)
assert_sums(frame.to_dicts(), timedelta(minutes=1))

lines = pl.read_ndjson(io.BytesIO(fetch("windows/1m?format=ndjson")[1]))
assert lines["pay_amount_exact"].to_list() == [row["pay_amount_exact"] for row in expected]

frame = pl.read_parquet(Parts("windows/1m?format=parquet"))
assert_rows(frame.to_dicts(), expected)
assert frame.schema["window_start"] == pl.Datetime("ms", "UTC")

# Lazily by address: polars asks for the length, the footer, and the columns that it needs.
lazy = pl.scan_parquet(url("windows/1m?format=parquet"))
sums = lazy.group_by("branch_id").agg(
    pl.col("pay_amount_exact").cast(pl.Decimal(38, 18)).sum(), pl.col("pay_count").sum()
)
sums = {row["branch_id"]: row for row in sums.collect().to_dicts()}
for total in as_json("totals")["totals"]:
    row = sums[total["branch_id"]]
    assert row["pay_amount_exact"] == Decimal(total["pay_amount_exact"]), (row, total)
    assert row["pay_count"] == total["pay_count"]
done(f"polars: {len(frame)} rows agree")
