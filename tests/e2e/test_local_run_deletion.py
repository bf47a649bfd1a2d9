# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""`headrace runs delete` removes a run of this machine as a whole, or not at all."""

import re
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.cli.main import main
from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.reader import StoreLineage
from headrace.targets.local.history import LocalRuns
from headrace.targets.local.records.store import RunStore
from headrace.targets.local.shared.results import RunResult
from headrace_components.contract.errors import InputError, PlatformError
from support.cases.local_pipelines import fails, read, run_pipeline, step


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "journal.txt"
    path.touch()
    monkeypatch.setenv("JOURNAL", str(path))
    return path


@dsl.pipeline(name="pair")
def pair(text: str = "x", note: str = "n"):
    first = step(name="first", value=text)
    read(name=note, item=first.outputs["out"])


@dsl.pipeline(name="taker")
def taker(uri: str):
    item = dsl.importer(artifact_uri=uri, artifact_class=dsl.Artifact)
    read(name="taken", item=item.output)


@dsl.pipeline(name="failing")
def failing():
    fails(name="first")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a root"


def ran(pipeline: Any, root: Path, **parameters: Any) -> RunResult:
    return run_pipeline(pipeline, root, **parameters).result


def names_in_lineage(root: Path) -> list[str]:
    return [run.run_id for run in StoreLineage(default_url(root)).runs()]


def test_a_run_is_deleted_with_its_directory_lineage_and_cache(root: Path, journal: Path) -> None:
    one = ran(pair, root)
    two = ran(failing, root)

    LocalRuns(root).delete(one.run_id)

    assert not (root / "pair").exists()
    assert [run.id for run in LocalRuns(root).runs(None)] == [two.run_id]
    assert names_in_lineage(root) == [two.run_id]
    with pytest.raises(InputError, match="there is no run"):
        StoreLineage(default_url(root)).run(one.run_id)
    assert not (root / ".deleted").exists()
    journal.write_text("", "utf-8")
    again = ran(pair, root)
    assert [task.state for task in again.tasks] == ["done", "done"]
    assert again.state == "succeeded"


def test_a_run_whose_artifacts_another_one_reuses_is_kept_unless_forced(root: Path) -> None:
    one = ran(pair, root)
    two = ran(pair, root, note="other")
    three = ran(pair, root, note="third")
    runs = LocalRuns(root)

    with pytest.raises(InputError) as caught:
        runs.delete(one.run_id)

    # Runs of one second have IDs in any order.
    users = ", ".join(sorted((two.run_id, three.run_id)))
    expected = rf"made artifacts that 2 other runs use: {users}\. .*--force"
    assert re.search(expected, str(caught.value))
    assert one.directory.is_dir()
    assert one.run_id in names_in_lineage(root)
    runs.delete(two.run_id)  # it made nothing that another run uses
    with pytest.raises(InputError, match=f"another run uses: {three.run_id}"):
        runs.delete(one.run_id)
    runs.delete(one.run_id, force=True)
    assert [run.id for run in runs.runs(None)] == [three.run_id]


def test_a_run_whose_artifact_another_pipeline_imported_is_kept(root: Path) -> None:
    one = ran(pair, root)
    uri = str(one.directory / "step/out/value.txt")
    whole = str(one.directory / "step/out")
    ran(taker, root, uri=whole)

    with pytest.raises(InputError, match="another run uses"):
        LocalRuns(root).delete(one.run_id)

    assert Path(uri).is_file()


def test_a_root_with_another_name_protects_its_artifacts_as_well(
    root: Path, tmp_path: Path
) -> None:
    one = ran(pair, root)
    two = ran(pair, root, note="other")
    (tmp_path / "link").symlink_to(root)

    with pytest.raises(InputError, match=f"another run uses: {two.run_id}"):
        LocalRuns(tmp_path / "link").delete(one.run_id)
    LocalRuns(tmp_path / "link").delete(two.run_id)
    LocalRuns(tmp_path / "link").delete(one.run_id)

    assert names_in_lineage(root) == []
    entries = [file.read_text("utf-8") for file in (root / ".cache").glob("*.json")]
    assert not any(f"/{one.run_id}/" in entry for entry in entries)


def test_a_run_that_uses_it_and_was_removed_by_hand_does_not_count(root: Path) -> None:
    one = ran(pair, root)
    two = ran(pair, root, note="other")
    two.directory.rename(root.parent / "elsewhere")

    LocalRuns(root).delete(one.run_id)

    assert LocalRuns(root).runs(None) == []


def test_an_artifact_of_a_deleted_run_is_marked_and_its_history_stays(root: Path) -> None:
    one = ran(pair, root, text="secret")
    two = ran(pair, root, text="secret", note="other")

    LocalRuns(root).delete(one.run_id, force=True)

    lineage = StoreLineage(default_url(root))
    made = lineage.artifact(str(one.directory / "step/out"), root)
    assert made.producer is not None
    assert made.producer.parameters == {}
    assert [each.run_id for each in made.consumers] == [one.run_id, two.run_id]


def test_what_a_killed_deletion_left_is_finished_by_the_next_one(root: Path) -> None:
    one = ran(failing, root)
    two = ran(pair, root)
    (root / ".deleted/left/deep").mkdir(parents=True)

    LocalRuns(root).delete(one.run_id)

    assert not (root / ".deleted").exists()
    assert [run.id for run in LocalRuns(root).runs(None)] == [two.run_id]


def test_a_run_that_cannot_be_removed_stays_whole(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ran(pair, root)
    (root / ".deleted").write_text("in the way", "utf-8")

    with pytest.raises(PlatformError, match="cannot be removed"):
        LocalRuns(root).delete(one.run_id)

    assert (one.directory / "step/out/value.txt").is_file()
    (root / ".deleted").unlink()
    LocalRuns(root).delete(one.run_id)
    assert LocalRuns(root).runs(None) == []


def test_a_run_that_is_deleted_by_two_is_deleted_once(root: Path) -> None:
    one = ran(pair, root)
    store = RunStore.find(root, one.run_id)
    LocalRuns(root).delete(one.run_id)

    with pytest.raises(InputError, match="was just deleted"), store.locked():
        raise AssertionError

    assert not one.directory.exists()


def test_a_run_with_a_lineage_that_is_not_there_is_deleted(root: Path) -> None:
    one = ran(pair, root)
    (root / "metadata.sqlite").unlink()

    LocalRuns(root).delete(one.run_id)

    assert not one.directory.exists()


def test_a_run_is_deleted_from_the_command_line_by_a_word(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(pair, root)
    failed = ran(failing, root)

    assert main(["runs", "delete", "latest-failed", "--root", str(root)]) == 0

    assert capsys.readouterr().out == f"Run {failed.run_id} is deleted.\n"
