"""Parameters of ImportExampleGen."""

from dataclasses import dataclass
from typing import ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.library.sources.params import FileExampleGenParams

EXAMPLE = "FORMAT_TF_EXAMPLE"
SEQUENCE_EXAMPLE = "FORMAT_TF_SEQUENCE_EXAMPLE"
PROTO = "FORMAT_PROTO"
PARQUET = "FORMAT_PARQUET"

_WITH_FEATURES = (EXAMPLE, SEQUENCE_EXAMPLE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportExampleGenParams(FileExampleGenParams):
    """Parameters that a pipeline author may set beyond `FileExampleGenParams`.

    Attributes:
        payload_format: Format of the records: `FORMAT_TF_EXAMPLE`, `FORMAT_TF_SEQUENCE_EXAMPLE` or
            `FORMAT_PROTO` in TFRecord files, with or without gzip; or `FORMAT_PARQUET` for the rows
            of Parquet files.
        columnar: Whether to write the columnar twin, which later components read faster. Only
            tf.Examples have one.
    """

    component: ClassVar[str] = "import_example_gen"

    payload_format: str = EXAMPLE

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        FileExampleGenParams.__post_init__(self)
        known = (*_WITH_FEATURES, PROTO, PARQUET)
        if self.payload_format not in known:
            raise InputError(
                f"`payload_format` is {self.payload_format!r}, expected one of "
                f"{list(known)}. Name what the files hold."
            )
        if self.partition_feature and self.payload_format not in _WITH_FEATURES:
            raise InputError(
                f"`partition_feature_name` is {self.partition_feature!r}, but "
                f"records of {self.payload_format} are divided as a whole. Leave it out, or give "
                f"a `payload_format` of {list(_WITH_FEATURES)}."
            )

    @property
    def has_twin(self) -> bool:
        """Whether the output has a columnar twin; only tf.Examples have one."""
        return self.columnar and self.payload_format == EXAMPLE
