"""Names of a pipeline and its tasks in the text, made from TFX's."""

import keyword
import re

_LONGEST = 63  # characters, as of a label in Kubernetes


def kfp_name(name: str) -> str:
    """Returns a pipeline's name as kfp takes it: lower-case letters, digits and single `-`."""
    kept = re.sub("[^0-9a-z]+", "-", name.lower()).strip("-")
    if not kept:
        return "pipeline"
    return kept[:_LONGEST].strip("-")


def identifier(name: str) -> str:
    """Returns a node's ID, or another name, as a variable: `CsvExampleGen` as `csv_example_gen`."""
    words = re.sub("([a-z0-9])([A-Z])", r"\1_\2", name)
    words = re.sub("([A-Z]+)([A-Z][a-z])", r"\1_\2", words)
    kept = re.sub("[^0-9a-z]+", "_", words.lower()).strip("_") or "task"
    if kept[0].isdigit():
        kept = f"task_{kept}"
    kept = kept[:_LONGEST].rstrip("_")
    return f"{kept}_" if keyword.iskeyword(kept) or keyword.issoftkeyword(kept) else kept


class Names:
    """Gives names that are different from each other."""

    def __init__(self, *reserved: str) -> None:
        """Notes the names that are taken already."""
        self._taken = {*reserved}

    def new(self, name: str) -> str:
        """Returns `name` as an identifier, with a number behind it if it is taken."""
        wanted = identifier(name)
        chosen, number = wanted, 2
        while chosen in self._taken:
            chosen, number = f"{wanted.rstrip('_')}_{number}", number + 1
        self._taken.add(chosen)
        return chosen
