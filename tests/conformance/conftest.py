"""Fixtures for all tests of this directory."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.txt"))
