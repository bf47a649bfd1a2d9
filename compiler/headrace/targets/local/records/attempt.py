"""One attempt at a task: where it writes before it has succeeded."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.targets.local.records.json_files import write_json
from headrace_components.library.runs.disk import sync

PRIVATE = ".headrace"
"""The directory of the messages between backend and task, in that of the task."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt at a task, in a separate directory.

    Attributes:
        partial: Where the task writes.
        final: Where that will be once the task has succeeded.
        temporary: The task's TMPDIR, inside `partial` or a link to there.
    """

    partial: Path
    final: Path
    temporary: Path

    @property
    def private(self) -> Path:
        """The directory of the messages between backend and task."""
        return self.partial / PRIVATE

    def published(self, value: Any) -> Any:
        """Returns JSON data in which the final place stands for the place of writing."""
        if isinstance(value, str):
            return value.replace(str(self.partial), str(self.final))
        if isinstance(value, list):
            return [self.published(item) for item in value]
        if isinstance(value, Mapping):
            return {key: self.published(item) for key, item in value.items()}
        return value

    def written(self, uri: str) -> Path:
        """Returns the current path of an output that will have a URI."""
        return Path(uri.replace(str(self.final), str(self.partial), 1))

    def keep(self) -> None:
        """Waits until the outputs are on the disk, which may take a while.

        Raises:
            OSError: The disk did not take all of it.
        """
        self._remove_temporary()
        sync(
            Path(folder, name)
            for folder, folders, files in os.walk(self.partial)
            for name in (".", *folders, *files)
        )

    def commit(self, result: Mapping[str, Any]) -> None:
        """Makes the outputs visible, and with them the task done."""
        self._remove_temporary()
        write_json(self.private / "result.json", result)
        # An existing directory is no longer the task's result: it was damaged, or made by other
        # code.
        shutil.rmtree(self.final, ignore_errors=True)
        self.partial.rename(self.final)
        sync([self.final.parent])

    def keep_findings(self, directory: Path) -> str:
        """Moves the results of a failed task to a directory; returns a sentence that names it."""
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        found = sorted(path for path in self.partial.iterdir() if path.name != PRIVATE)
        for path in found:
            path.rename(directory / path.name)
        return f"What it found is kept in {directory}: {', '.join(path.name for path in found)}."

    def discard(self) -> None:
        """Removes the files of a failed task."""
        self._remove_temporary()
        shutil.rmtree(self.partial, ignore_errors=True)

    def _remove_temporary(self) -> None:
        if self.temporary.is_symlink():
            self.temporary.unlink()
        shutil.rmtree(self.private / "tmp", ignore_errors=True)
