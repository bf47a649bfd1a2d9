"""Writes the files of splits: each bundle writes its own files."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from headrace_components.library.beam import locations
from headrace_components.library.data.columnar import numbered


class WriteBundles(beam.DoFn, ABC):
    """Writes elements that have a `split`, and yields its results for each bundle and split.

    Files are written on the worker, and published under unique names when the bundle is complete,
    so that a bundle that is tried twice leaves nothing behind.

    Args:
        scratch: Location to publish files to.
    """

    def __init__(self, scratch: str) -> None:
        self._scratch = scratch
        self._writers: dict[str, Any] = {}
        self._directory: Path | None = None

    @abstractmethod
    def open(self, directory: Path, rows: Any) -> Any:
        """Returns a context manager that writes the split of `rows` under a local directory."""

    @abstractmethod
    def write(self, writer: Any, rows: Any) -> None:
        """Writes rows of the writer's split."""

    @abstractmethod
    def publish(self, directory: Path, split: str, writer: Any, target: str) -> Any:
        """Publishes the files of a split, which is now complete, and returns the result.

        Args:
            directory: The local directory.
            split: Name of the split.
            writer: The result of `open`.
            target: Location to publish to.
        """

    def start_bundle(self) -> None:
        """Starts without files."""
        self._remove()
        self._directory = Path(tempfile.mkdtemp(prefix="headrace-beam-"))
        self._writers = {}

    def process(self, rows: Any) -> None:
        """Writes rows."""
        writer = self._writers.get(rows.split)
        if writer is None:
            writer = self.open(self._directory or Path(), rows).__enter__()
            self._writers[rows.split] = writer
        self.write(writer, rows)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Publishes the files."""
        for split, writer in self._writers.items():
            writer.__exit__(None, None, None)
            target = locations.join(self._scratch, uuid4().hex)
            written = self.publish(self._directory or Path(), split, writer, target)
            yield WindowedValue(written, GlobalWindow().max_timestamp(), [GlobalWindow()])
        self._writers = {}
        self._remove()

    def teardown(self) -> None:
        """Removes the files of a failed bundle."""
        self._remove()

    def _remove(self) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None


def name_finally(files: Sequence[str], directory: str, prefix: str, suffix: str) -> list[str]:
    """Moves the files of all bundles to a directory, and returns their names there.

    Args:
        files: Locations of the files, in order.
        directory: Location of the directory.
        prefix: The start of the names.
        suffix: The end of the names.
    """
    names = [numbered(prefix, suffix, index, len(files)) for index in range(len(files))]
    locations.rename(files, [locations.join(directory, name) for name in names])
    return names
