"""DuckDB reads what a running service gives: exact sums in SQL.

`read_csv('http://…')` in DuckDB needs its extension httpfs, which it fetches from the internet when
it is first used; a test can't, so the bytes come by urllib and by Arrow here, and that files can be
read in parts is shown with pyarrow and polars.
"""

import os
import tempfile
from datetime import timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa
from figures import as_json, assert_rows, assert_sums, done, fetch, items

expected = items("windows/1m")
sql = duckdb.connect()
sql.execute("SET TimeZone = 'UTC'")


def rows(relation):
    names = relation.columns
    return [dict(zip(names, row)) for row in relation.fetchall()]


with tempfile.TemporaryDirectory() as home:
    for format, read in (
        ("csv", "read_csv('{}', types = {{'pay_amount_exact': 'VARCHAR', "
                "'late_amount_exact': 'VARCHAR', 'window_start': 'TIMESTAMPTZ', "
                "'window_end': 'TIMESTAMPTZ'}})"),
        ("parquet", "read_parquet('{}')"),
    ):
        path = os.path.join(home, f"windows.{format}")
        with open(path, "wb") as file:
            file.write(fetch(f"windows/1m?format={format}")[1])
        table = sql.sql(f"SELECT * FROM {read.format(path)}")
        found = rows(sql.sql(f"""SELECT * REPLACE (
            epoch_ms(window_start) AS window_start, epoch_ms(window_end) AS window_end)
            FROM {read.format(path)}"""))
        from datetime import datetime, timezone
        for row in found:
            for name in ("window_start", "window_end"):
                row[name] = datetime.fromtimestamp(row[name] / 1000, timezone.utc)
        assert_rows(found, expected)
        assert_sums(found, timedelta(minutes=1))

stream = pa.ipc.open_stream(fetch("windows/1m?format=arrow")[1]).read_all()
sums = sql.execute("""SELECT branch_id, sum(pay_amount_exact::DECIMAL(38, 18)), sum(pay_count)
    FROM stream GROUP BY ALL ORDER BY ALL""").fetchall()
totals = [
    (total["branch_id"], Decimal(total["pay_amount_exact"]), total["pay_count"])
    for total in as_json("totals")["totals"]
]
assert sums == totals, (sums, totals)
done(f"DuckDB: {len(expected)} rows agree")
