"""Parameters of CsvExampleGen."""

from dataclasses import dataclass
from typing import ClassVar

from headrace_components.errors import InputError
from headrace_components.example_gen.params import FileExampleGenParams


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvExampleGenParams(FileExampleGenParams):
    """What a pipeline author may choose beyond `FileExampleGenParams`.

    Attributes:
        delimiter: The character between two fields.
    """

    component: ClassVar[str] = "csv_example_gen"

    delimiter: str = ","

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        FileExampleGenParams.__post_init__(self)
        delimiter = self.delimiter
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\r\n"':
            raise InputError(
                f"csv_example_gen: `delimiter` is {delimiter!r}, expected one ASCII character that "
                "is neither a quote nor a line break. For tab-separated files give the tab "
                "character."
            )
