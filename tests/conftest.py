"""Fixtures that every test may use."""

import os
import sys
import traceback
from pathlib import Path
from types import FrameType, SimpleNamespace

import pytest
from kfp.dsl import pipeline_task

from headrace_components.contract.task import LIBRARY_SETTINGS
from support.launcher.entry_points import Launcher

# The same variables as in every process of a component, set before a test imports TensorFlow.
os.environ.update(LIBRARY_SETTINGS)
# Without this, TensorFlow prints many notices at the start of each process.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _callers() -> list[tuple[FrameType, str, int, str]]:
    """Returns the frames above the one that calls this, as `inspect.stack` begins each."""
    return [
        (frame, frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_stack(sys._getframe(1))
    ]


# Each setter of a task, such as `set_memory_limit`, asks kfp for the name of its caller. There,
# `inspect.stack` looks for the source of all frames in all modules: in a process with TensorFlow
# and a deep stack, this takes a third of a second.
pipeline_task.inspect = SimpleNamespace(stack=_callers)


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    """Runs components in this process, by the rules of KFP 2.17."""
    return Launcher(root=tmp_path / "launcher")
