"""Parameters of ParquetExampleGen."""

from dataclasses import dataclass
from typing import ClassVar

from headrace_components.library.sources.params import FileExampleGenParams


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetExampleGenParams(FileExampleGenParams):
    """Parameters that a pipeline author may set: those of every component that reads files."""

    component: ClassVar[str] = "parquet_example_gen"
