# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""The outputs of a task that fails because of what it found, on this machine."""

from pathlib import Path

import pytest
from kfp import dsl

from headrace.targets.local import engine
from headrace.targets.local.shared.observer import Silence
from support.cases.local_pipelines import run_pipeline

CODE = """
import os, sys
from headrace_components.contract import task
from headrace_components.contract.errors import FindingsError

def execute(t):
    t.output("anomalies").path.joinpath("found.txt").write_text("north")
    t.output("report").path.write_text("a page")
    if os.path.exists(t.params["flag"]):
        raise FindingsError("finder: there is something. Mend it.")

sys.exit(task.main("finder", execute, sys.argv[1:]))
"""


@dsl.container_component
def finder(
    flag: str,
    anomalies: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
):
    return dsl.ContainerSpec(
        image="test", command=["python", "-c", CODE], args=["--executor_input", "{{$}}"]
    )


@dsl.pipeline(name="finding")
def finding(flag: str):
    with dsl.If(flag != ""):
        finder(flag=flag)


def test_what_a_failed_task_found_is_kept_beside_its_log_until_it_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal.txt"
    monkeypatch.setenv("JOURNAL", str(journal))
    flag = tmp_path / "flag"
    flag.touch()

    run = run_pipeline(finding, tmp_path / "root", flag=str(flag))

    (failure,) = run.result.failures
    place = run.result.logs / "condition-1.finder.findings"
    assert failure.message == (
        f"finder: there is something. Mend it. What it found is kept in {place}: anomalies, report."
    )
    assert (place / "anomalies/found.txt").read_text("utf-8") == "north"
    assert (place / "report").read_text("utf-8") == "a page"
    left = [path for path in run.result.directory.rglob("found.txt") if place not in path.parents]
    assert left == []

    flag.unlink()
    again = engine.resume(run.result.run_id, root=tmp_path / "root", observer=Silence())

    assert again.state == "succeeded"
    assert not place.exists()
