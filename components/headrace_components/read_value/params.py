"""Parameters of ReadValue."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.errors import InputError

OPERATORS = ("==", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedValues:
    """Two values to compare.

    Attributes:
        left: A number, a text or a truth value.
        operator: One of `OPERATORS`.
        right: A value of the same kind.
    """

    left: Any
    operator: str
    right: Any

    def __post_init__(self) -> None:
        """Rejects an operator that is none."""
        if self.operator not in OPERATORS:
            raise InputError(
                f"`any_of` has the operator {self.operator!r}, expected one of {list(OPERATORS)}."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class AllOf:
    """Comparisons that hold together.

    Attributes:
        all_of: The comparisons.
    """

    all_of: tuple[ComparedValues, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadValueParams:
    """Parameters that a pipeline author may set.

    Attributes:
        property_name: Name of a property of `artifact`, such as `blessed`; empty for its URI.
        is_number: Whether the property has to be a number, for a condition that compares it with
            one.
        json_text: JSON text of an object, which becomes the output `json`.
        any_of: Groups of comparisons, as `[{"all_of": [{"left": 3, "operator": "<", "right":
            5}]}]`. The output `holds` says whether all of one group hold.
    """

    property_name: str = ""
    is_number: bool = False
    json_text: str = ""
    any_of: tuple[AllOf, ...] = ()

    @property
    def json(self) -> Mapping[str, Any]:
        """The object of `json_text`; empty without one.

        Raises:
            InputError: The text is not that of a JSON object.
        """
        if not self.json_text:
            return {}
        try:
            found = json.loads(self.json_text)
        except ValueError as error:
            raise InputError(
                f"`json_text` is {self.json_text[:200]!r}, expected a JSON object: {error}. "
                "Correct the task that makes it."
            ) from error
        if not isinstance(found, dict):
            raise InputError(
                f"`json_text` is {self.json_text[:200]!r}, which is JSON of type "
                f"{type(found).__name__}, expected an object. Correct the task that makes it."
            )
        return found
