"""The names of a model's classes: the values of the label, in the order of its vocabulary."""

import logging
from pathlib import Path
from typing import Any

# A vocabulary of classes is short; one of words may have many megabytes.
_MAX_BYTES = 100_000


def class_names(model: Any, schema: Any, label_key: str) -> tuple[str, ...]:
    """Returns the names of the classes 0, 1, ...; empty if nothing says them without doubt.

    A model that was trained on a label from a vocabulary carries its file. It is recognised by the
    label's domain in the schema: both have the same values.

    Args:
        model: The artifact of the candidate; None if there is none.
        schema: A `Schema` message; None if there is none.
        label_key: The feature of the label. One that the model makes, such as `species_xf`, begins
            with the name of the column that it is made from.
    """
    names = [feature.name for feature in schema.feature] if schema is not None else []
    column = max(
        (name for name in names if name and label_key.startswith(name)), key=len, default=""
    )
    domain = _domain(schema, column) if column else frozenset()
    if model is None or not domain:
        return ()
    found = {
        lines
        for path in sorted(model.path.glob("**/assets/*"))
        if (lines := _lines(path)) and frozenset(lines) == domain
    }
    if len(found) > 1:
        logging.info(
            "evaluator: the model has %d vocabularies with the values of the label %r in different "
            "orders, so classes are shown by their numbers.",
            len(found),
            label_key,
        )
    return found.pop() if len(found) == 1 else ()


def _domain(schema: Any, label_key: str) -> frozenset[str]:
    for feature in schema.feature:
        if feature.name != label_key:
            continue
        if feature.HasField("string_domain"):
            return frozenset(feature.string_domain.value)
        shared = [each for each in schema.string_domain if each.name == feature.domain]
        return frozenset(value for each in shared for value in each.value)
    return frozenset()


def _lines(path: Path) -> tuple[str, ...]:
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return ()
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return ()
    return tuple(lines[:-1] if lines[-1] == "" else lines)
