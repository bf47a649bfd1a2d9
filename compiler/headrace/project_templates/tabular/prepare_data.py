"""Writes data/payments.csv: 3,000 payments that chance made up, with those that were fraud.

Replace the file by one of your own. This script is then of no more use.
"""

import csv
import random
import sys
from pathlib import Path

NUM_PAYMENTS = 3000
COUNTRIES = ["DE", "FR", "IT", "NL", "PL", "US"]
SHOPS = {"books": 18, "electronics": 140, "fashion": 60, "food": 25, "games": 35, "travel": 320}
RISKY_SHOPS = {"electronics", "games"}


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data/payments.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    dice = random.Random(7)
    rows = [_payment(dice) for _ in range(NUM_PAYMENTS)]
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _payment(dice: random.Random) -> dict[str, object]:
    fraud = dice.random() < 0.15
    shop = dice.choice(sorted(RISKY_SHOPS) if fraud and dice.random() < 0.6 else sorted(SHOPS))
    hour = int(dice.triangular(0, 24, 3 if fraud else 16)) % 24
    amount = dice.lognormvariate(0, 0.7) * SHOPS[shop] * (2.5 if fraud else 1)
    age = int(dice.expovariate(1 / (40 if fraud else 400)))
    return {
        "amount": f"{amount:.2f}",
        "hour": hour,
        "country": dice.choice(COUNTRIES),
        "shop": shop,
        # Not every shop reports it.
        "card_age_days": "" if dice.random() < 0.05 else age,
        "payments_today": 1 + int(dice.expovariate(1 / (4 if fraud else 1))),
        "fraud": int(fraud),
    }


if __name__ == "__main__":
    main()
