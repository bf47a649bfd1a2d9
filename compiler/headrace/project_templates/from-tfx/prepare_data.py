"""Writes data/trips.csv: 2,000 taxi trips that chance made up.

Replace the file by one of your own. This script is then of no more use.
"""

import csv
import random
import sys
from pathlib import Path

NUM_TRIPS = 2000
COMPANIES = ["blue", "green", "red"]


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data/trips.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    dice = random.Random(7)
    rows = [_trip(dice) for _ in range(NUM_TRIPS)]
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _trip(dice: random.Random) -> dict[str, object]:
    miles = dice.lognormvariate(1, 0.8)
    pays_by_card = dice.random() < 0.6
    chance = 0.1 + 0.5 * pays_by_card + min(0.3, 0.05 * miles)
    return {
        "company": dice.choice(COMPANIES),
        "trip_miles": f"{miles:.2f}",
        "fare": f"{3 + 2.4 * miles + dice.random():.2f}",
        "payment": "card" if pays_by_card else "cash",
        "tipped": int(dice.random() < chance),
    }


if __name__ == "__main__":
    main()
