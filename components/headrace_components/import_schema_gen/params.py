"""Parameters of ImportSchemaGen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportSchemaGenParams:
    """Parameters that a pipeline author may set: one of them.

    Attributes:
        schema_file: Path or URI of a text-format `tensorflow.metadata.v0.Schema`.
        schema_json: The schema itself, in JSON form.
    """

    schema_file: str = ""
    schema_json: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if bool(self.schema_file) == bool(self.schema_json):
            given = "both `schema_file` and `schema_json`" if self.schema_json else "no schema"
            raise InputError(
                f"got {given}, expected one. Give the path or URI of a schema.pbtxt as "
                "`schema_file`, or the schema itself as `schema_json`."
            )
