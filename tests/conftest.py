"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

from headrace_components.contract.task import LIBRARY_SETTINGS
from support.launcher.entry_points import Launcher

# The same variables as in every process of a component, set before a test imports TensorFlow.
os.environ.update(LIBRARY_SETTINGS)
# Without this, TensorFlow prints many notices at the start of each process.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    """Runs components in this process, by the rules of KFP 2.17."""
    return Launcher(root=tmp_path / "launcher")
