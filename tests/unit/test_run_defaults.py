"""Where a run goes: what the caller gives, else what the pipeline's file names, else the usual."""

from pathlib import Path

from headrace.frontend.loading import RunDefaults
from headrace.targets.local.runnable import Runnable


def test_what_is_given_wins_over_the_file_and_the_file_over_the_usual_place() -> None:
    named = Runnable(spec={}, defaults=RunDefaults(root="pipelines/taxi", metadata="sqlite:////a"))

    assert named.root("here") == Path("here")
    assert named.root(None) == Path("pipelines/taxi")
    assert Runnable(spec={}).root(None) == Path("headrace_root")
    assert named.metadata("mysql://u@h/d") == "mysql://u@h/d"
    assert named.metadata("") == "sqlite:////a"
    assert Runnable(spec={}).metadata("") == ""
