"""Writes penguins.csv: the 344 penguins of the Palmer Archipelago, three species.

Source: the palmerpenguins package (CC0), from Gorman, Williams and Fraser, PLoS ONE 9(3), 2014.
"""

import csv
import sys
from importlib import resources
from pathlib import Path

SPECIES = ["Adelie", "Chinstrap", "Gentoo"]


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data/penguins.csv"
    text = (resources.files("palmerpenguins") / "data/penguins.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        for row in rows:
            known = {name: "" if value == "NA" else value for name, value in row.items()}
            writer.writerow({**known, "species": SPECIES.index(row["species"])})


if __name__ == "__main__":
    main()
