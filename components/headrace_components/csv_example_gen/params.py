"""Parameters of CsvExampleGen."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.library.sources.params import FileExampleGenParams

COLUMN_TYPES = ("INT", "FLOAT", "BYTES")
"""Types of columns, by the names that a schema has for them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvExampleGenParams(FileExampleGenParams):
    """Parameters that a pipeline author may set beyond `FileExampleGenParams`.

    Attributes:
        delimiter: The character between two fields.
        column_types: `{"fare": "FLOAT", "code": "BYTES"}`: the type of a column by its name, INT,
            FLOAT or BYTES. Name the columns whose type must be the same on every day. The types of
            other columns follow from their values.
    """

    component: ClassVar[str] = "csv_example_gen"

    delimiter: str = ","
    column_types: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        FileExampleGenParams.__post_init__(self)
        delimiter = self.delimiter
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\r\n"':
            raise InputError(
                f"`delimiter` is {delimiter!r}, expected one ASCII character that "
                "is neither a quote nor a line break. For tab-separated files give the tab "
                "character."
            )
        for name, column_type in self.column_types.items():
            if column_type not in COLUMN_TYPES:
                near = difflib.get_close_matches(str(column_type).upper(), COLUMN_TYPES, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else "Text is BYTES."
                raise InputError(
                    f"`column_types` has {column_type!r} for column {name!r}, "
                    f"expected one of {list(COLUMN_TYPES)}. {hint}"
                )
