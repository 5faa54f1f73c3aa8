"""pandas reads a running service: CSV, NDJSON and Parquet by address; resample, group by, pivot."""

from datetime import timedelta
from decimal import Decimal

import pandas as pd
from figures import MONEY, as_json, assert_rows, assert_sums, done, items, payments, url

expected = items("windows/1m")
EXACT = {name: str for name in MONEY}
TIMES = ["window_start", "window_end"]


def rows(frame):
    """Native values; what is missing is None."""
    frame = frame.astype(object).where(frame.notna(), None)
    return frame.to_dict("records")


from_csv = pd.read_csv(url("windows/1m?format=csv"), parse_dates=TIMES, dtype=EXACT)
assert_rows(rows(from_csv), expected)
assert_sums(rows(from_csv), timedelta(minutes=1))

from_lines = pd.read_json(
    url("windows/1m?format=ndjson"), lines=True, convert_dates=TIMES, dtype=EXACT
)
assert_rows(rows(from_lines), expected)

from_parquet = pd.read_parquet(url("windows/1m?format=parquet"))
assert_rows(rows(from_parquet), expected)
assert str(from_parquet["window_start"].dtype.tz) == "UTC"
assert from_parquet["branch_id"].dtype == "uint32"

totals = pd.read_csv(url("totals?format=csv"), parse_dates=["first_event_time"], dtype=EXACT)
exact = totals.set_index("branch_id")["pay_amount_exact"].map(Decimal)
for branch in exact.index:
    truth = sum(amount for of, _, amount in payments() if of == branch)
    assert exact[branch] == truth, (branch, exact[branch], truth)

# Minutes of all branches add up to the total, whichever way they are put together.
frame = from_csv.assign(exact=from_csv["pay_amount_exact"].map(Decimal))
by_branch = frame.groupby("branch_id")["exact"].sum()
assert by_branch.to_dict() == exact.to_dict()
by_hour = frame.set_index("window_start")["pay_count"].resample("1h").sum()
assert by_hour.sum() == totals["pay_count"].sum()
hours = items("windows/1h")
for start, count in by_hour.items():
    of_hour = [h["pay_count"] for h in hours if pd.Timestamp(h["window_start"]) == start]
    assert count == sum(of_hour), start
table = frame.pivot(index="window_start", columns="branch", values="pay_amount")
assert len(table) == frame["window_start"].nunique()
assert set(table.columns) == {total["branch"] for total in as_json("totals")["totals"]}
done(f"pandas: {len(frame)} rows agree")
