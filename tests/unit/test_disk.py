"""The files that are synced to the disk, and those that are skipped."""

import os
from pathlib import Path

import pytest

from headrace_components.library.runs.disk import sync


def test_files_and_directories_are_synced_and_what_is_neither_is_passed_over(
    tmp_path: Path,
) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/file").write_bytes(b"x" * 1000)
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    (tmp_path / "dangling").symlink_to("nowhere")

    sync([tmp_path, *tmp_path.rglob("*"), tmp_path / "removed-meanwhile"])


def test_what_the_disk_does_not_take_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        sync([tmp_path / "file/below"])
