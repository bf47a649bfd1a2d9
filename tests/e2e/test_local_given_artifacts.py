# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Runs of a pipeline that takes artifacts: those of earlier runs, as lineage knows them."""

from pathlib import Path

import pytest
from kfp import dsl

from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.reader import StoreLineage
from headrace.targets.local import engine
from headrace.targets.local.shared.options import Options
from support.cases.local_pipelines import check, compiled, read, step


@dsl.pipeline(name="maker")
def maker():
    step(name="first", value="a")


@dsl.pipeline(name="taker")
def taker(item: dsl.Input[dsl.Artifact], expected: str = "wrong"):
    read(name="reader", item=item)
    check(name="checker", value="right", expected=expected)


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "journal.txt"
    path.touch()
    monkeypatch.setenv("JOURNAL", str(path))
    return path


def test_an_artifact_of_an_earlier_run_is_given_on_in_lineage(tmp_path: Path) -> None:
    options = Options(root=tmp_path)
    (made,) = engine.start(compiled(maker), options=options).tasks
    given = {"item": made.artifacts["out"]}

    failed = engine.start(compiled(taker), artifacts=given, options=options)
    resumed = engine.resume(failed.run_id, root=tmp_path)

    assert [task.state for task in failed.tasks if task.name == "read"] == ["done"]
    assert [task.state for task in resumed.tasks if task.name == "read"] == ["cached"]
    uri = made.artifacts["out"][0].uri
    lineage = StoreLineage(default_url(tmp_path)).artifact(uri, tmp_path)
    assert lineage.producer is not None
    assert lineage.producer.id == made.execution
    assert [each.task for each in lineage.consumers] == ["read"]
    assert lineage.reused_by == []
