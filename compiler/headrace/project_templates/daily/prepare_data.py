"""Writes the orders of a day into data/YYYY-MM-DD/: the day after the last one that is there.

The first call writes seven days. The orders are made up by chance. In your own project, another
system writes these files.
"""

import csv
import datetime
import random
import sys
from pathlib import Path

FIRST_DAY = datetime.date(2026, 1, 1)
FIRST_DAYS = 7
ORDERS_OF_A_DAY = 400
CITIES = ["Berlin", "Hamburg", "Köln", "Leipzig", "München"]
CARRIERS = {"bike": 0.1, "van": 0.25, "truck": 0.45}


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data"
    days = sorted(datetime.date.fromisoformat(each.name) for each in data.glob("????-??-??"))
    start = days[-1] + datetime.timedelta(days=1) if days else FIRST_DAY
    for number in range(1 if days else FIRST_DAYS):
        _write(data, start + datetime.timedelta(days=number))


def _write(data: Path, day: datetime.date) -> None:
    dice = random.Random(day.toordinal())
    rows = [_order(dice) for _ in range(ORDERS_OF_A_DAY)]
    target = data / day.isoformat() / "orders.csv"
    target.parent.mkdir(parents=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _order(dice: random.Random) -> dict[str, object]:
    carrier = dice.choice(sorted(CARRIERS))
    distance = dice.lognormvariate(2, 0.6)
    hour = dice.randint(6, 21)
    chance = CARRIERS[carrier] + 0.015 * distance + (0.3 if 16 <= hour <= 18 else 0)
    return {
        "city": dice.choice(CITIES),
        "carrier": carrier,
        "distance_km": f"{distance:.1f}",
        "hour": hour,
        "late": int(dice.random() < chance),
    }


if __name__ == "__main__":
    main()
