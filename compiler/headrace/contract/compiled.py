"""The result of a compilation: a document, and its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.errors import CompileError


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """The document for a target.

    Attributes:
        spec: The `PipelineSpec` after all passes.
        document: The document for the target, as plain JSON data: the same, or for example a
            PipelineJob of Vertex AI around it.
        text: The content of the file, for example JSON, or YAML for Kubeflow.
        notes: Lines for the author: entries of the profile for other pipelines, and what a target
            does differently.
    """

    spec: Mapping[str, Any]
    document: dict[str, Any]
    text: str
    notes: tuple[str, ...] = ()

    def write(self, output: Path) -> None:
        """Writes `text` to `output`, which is there whole or not at all.

        Raises:
            CompileError: The file cannot be written.
        """
        part = output.parent / f".{output.name}.part"  # "." has no name
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            if output.exists() and not output.is_file():  # a pipe or a device, such as /dev/stdout
                output.write_text(self.text, "utf-8")
                return
            part.write_text(self.text, "utf-8")
            part.replace(output)
        except OSError as error:
            if part.is_file():
                part.unlink()
            raise CompileError(
                f"compile: could not write {str(output)!r}: {error.strerror}. "
                "Free space, or choose another file; what was there before is unchanged."
            ) from error
