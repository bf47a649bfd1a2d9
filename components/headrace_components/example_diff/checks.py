"""Refuses configs with which no pair of rows could be compared."""

import difflib

import pyarrow as pa

from headrace_components.contract.errors import InputError
from headrace_components.example_diff.features import Kinds
from headrace_components.example_diff.params import PairedSkew


def check(config: PairedSkew, base: Kinds, test: Kinds) -> None:
    """Compares the features that `config` names with the existing features.

    Args:
        config: How to pair and compare.
        base: The split of the baseline.
        test: The split under test.

    Raises:
        InputError: A feature is in no row, an identifier has different types in the splits, or
            values to count are not strings.
    """
    for name in config.identifier_features:
        _check_known(name, "identifier_features", base, test)
        _check_identifier(name, base, test)
    for name in config.confused_features:
        _check_known(name, "confusion_config", base, test)
        for side, kinds in (("baseline_examples", base), ("examples", test)):
            if kinds.of(name) not in (None, pa.large_binary()):
                raise InputError(
                    f"`confusion_config` names {name!r}, which holds {kinds.of(name)} "
                    f"in `{side}`, expected strings. Name a feature of strings."
                )


def _check_known(name: str, parameter: str, base: Kinds, test: Kinds) -> None:
    known = sorted({*base.types, *test.types})
    if name not in known and (base.num_rows or test.num_rows):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Name one of {known}."
        raise InputError(
            f"`{parameter}` names {name!r}, which no row of the splits "
            f"{test.split!r} and {base.split!r} has. {hint}"
        )


def _check_identifier(name: str, base: Kinds, test: Kinds) -> None:
    sides = {"baseline_examples": base, "examples": test}
    is_missing = any(kinds.of(name) is None and kinds.num_rows for kinds in sides.values())
    types = {kinds.of(name) for kinds in sides.values()} - {None}
    if is_missing or len(types) > 1:
        held = [f"{kinds.of(name) or 'no value'} in `{side}`" for side, kinds in sides.items()]
        raise InputError(
            f"the identifier {name!r} holds {' and '.join(held)} (splits "
            f"{base.split!r} and {test.split!r}), expected one type in both. Name other "
            "`identifier_features`, or give it one type where the examples are made."
        )
