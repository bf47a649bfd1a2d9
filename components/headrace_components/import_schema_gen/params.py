"""Parameters of ImportSchemaGen."""

from dataclasses import dataclass

from headrace_components.contract.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportSchemaGenParams:
    """Parameters that a pipeline author may set.

    Attributes:
        schema_file: Path or URI of a text-format `tensorflow.metadata.v0.Schema`.
    """

    schema_file: str

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if not self.schema_file:
            raise InputError("`schema_file` is empty. Give the path or URI of a schema.pbtxt.")
