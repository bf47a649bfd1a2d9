"""Writes data/reviews.csv: 1,500 reviews of restaurants that chance made up.

Replace the file by one of your own. This script is then of no more use.
"""

import csv
import random
import sys
from pathlib import Path

NUM_REVIEWS = 1500
THINGS = ["soup", "service", "bread", "music", "wine", "pasta", "dessert", "terrace", "bill"]
GOOD = ["excellent", "fresh", "friendly", "lovely", "perfect", "warm", "delicious", "quick"]
BAD = ["awful", "cold", "rude", "slow", "stale", "bland", "dirty", "disappointing"]
OPENINGS = ["", "We came on Sunday. ", "My third visit! ", "Honestly: ", "With two children, "]
ENDINGS = [".", "!", ", as always.", ", and we were four.", ", on a rainy day."]


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data/reviews.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    dice = random.Random(7)
    rows = [_review(dice) for _ in range(NUM_REVIEWS)]
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _review(dice: random.Random) -> dict[str, object]:
    is_positive = dice.random() < 0.55
    said = []
    for thing in dice.sample(THINGS, dice.randint(1, 3)):
        is_praise = is_positive if dice.random() < 0.9 else not is_positive
        verb = "was" if dice.random() < 0.7 else "seemed"
        said.append(f"the {thing} {verb} {dice.choice(GOOD if is_praise else BAD)}")
    text = dice.choice(OPENINGS) + " and ".join(said) + dice.choice(ENDINGS)
    return {"text": text, "guests": dice.randint(1, 6), "positive": int(is_positive)}


if __name__ == "__main__":
    main()
