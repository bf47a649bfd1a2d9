"""What `headrace gc` removes, and what it leaves because somebody needs it."""

import io
import json
import os
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.cli.main import main
from headrace.targets.local.garbage.environments_and_images import environments, images
from headrace.targets.local.garbage.items import Item
from headrace.targets.local.garbage.removing import remove
from headrace.targets.local.records.listing import find_run, stores
from headrace.targets.local.records.store import SPINS
from headrace.targets.local.runners.environments import VARIABLE, Environments
from support.cases.edit_loop import edit, write_project
from support.programs.finding import program

BLESSING = """
from kfp import dsl
from headrace_components.artifacts import ModelBlessing, PushedModel
from headrace_components.authoring import python_component

judge = python_component(
    name="judge", code="judge.py:judge", outputs={"blessing": ModelBlessing},
    parameters={"blessed": 1, "seed": 1},
)


@dsl.pipeline(name="judged")
def judged(blessed: int = 1, seed: int = 1):
    judge(blessed=blessed, seed=seed)
"""
JUDGE = """
def judge(blessing, blessed, seed):
    blessing.set_int_custom_property("blessed", blessed)
"""


@pytest.fixture(autouse=True)
def no_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environments"))
    return tmp_path / "environments"


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write_project(tmp_path / "my project")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a root"


def run(pipeline: Path, root: Path, **parameters: Any) -> str:
    time.sleep(1.1)  # IDs of runs begin with the second, by which they are ordered
    result = headrace.run(pipeline, root=root, parameters=parameters)
    return result.run_id


def left(root: Path) -> list[str]:
    return [store.directory.name for store in stores(root)]


def gc(root: Path, *words: str) -> int:
    return main(["gc", "--root", str(root), *words])


def planned(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert gc(root, "--json", "--dry-run", *words) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_old_runs_are_shown_first_and_go_with_their_lineage_and_their_entries_of_the_cache(
    pipeline: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run(pipeline, root), run(pipeline, root, scale=5)

    assert gc(root, "--keep", "1", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert f"edit-loop/{first}: it succeeded on 20" in shown
    assert left(root) == [second, first]
    assert gc(root, "--keep", "1", "--yes") == 0
    assert "Removed 1, which frees " in capsys.readouterr().out
    assert left(root) == [second]
    assert main(["lineage", "runs", "--root", str(root), "--json"]) == 0
    assert [each["run_id"] for each in json.loads(capsys.readouterr().out)] == [second]
    again = headrace.run(pipeline, root=root)
    assert {task.state for task in again.tasks} == {"done"}


def test_a_run_stays_as_long_as_a_younger_one_has_its_artifacts_also_through_another_one(
    pipeline: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run(pipeline, root)
    edit(pipeline.with_name("module.py"), "return rate", "return rate * 2")
    trained = run(pipeline, root)
    used = run(pipeline, root)
    plan = planned(root, capsys, "--keep", "1")

    assert plan["items"] == []
    assert {each["run"]: each["reason"] for each in plan["kept"]} == {
        made: f"the run {used} has artifacts of it",
        trained: f"the run {used} has artifacts of it",
    }
    newest = run(pipeline, root, scale=7)
    assert gc(root, "--keep", "1", "--yes") == 0
    assert left(root) == [newest]


def test_the_run_with_the_newest_blessed_model_and_the_newest_that_succeeded_stay(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "judge.py").write_text(JUDGE, "utf-8")
    pipeline = tmp_path / "judged.py"
    pipeline.write_text(BLESSING, "utf-8")
    before = run(pipeline, root, blessed=1, seed=1)
    blessed = run(pipeline, root, blessed=1, seed=2)
    refused = run(pipeline, root, blessed=0, seed=3)
    (tmp_path / "judge.py").write_text("def judge(blessing, blessed, seed):\n    1 / 0\n", "utf-8")
    failed = run(pipeline, root, seed=4)

    plan = planned(root, capsys, "--keep", "1")
    assert [each["name"] for each in plan["items"]] == [f"judged/{before}"]
    assert {each["run"] for each in plan["kept"]} == {blessed, refused}
    assert gc(root, "--keep", "1", "--yes") == 0
    assert left(root) == [failed, refused, blessed]


def test_a_run_that_somebody_works_on_stays_also_if_the_work_began_after_the_list(
    pipeline: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(pipeline, root)
    run(pipeline, root, scale=5)
    (item,) = planned(root, capsys, "--keep", "1")["items"]

    with find_run(root, first).locked():
        assert planned(root, capsys, "--keep", "1")["items"] == []
        assert "still being worked on" in remove(Item(**item), root)
    assert len(left(root)) == 2


def test_age_counts_in_hours_days_and_weeks_and_with_a_number_both_must_hold(
    pipeline: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(pipeline, root)
    run(pipeline, root, scale=5)
    summary = find_run(root, first).directory / "summary.json"
    old = json.loads(summary.read_text("utf-8")) | {"created": "2020-01-01T00:00:00+00:00"}
    summary.write_text(json.dumps(old), "utf-8")

    for words, number in (
        (["--older-than", "12h"], 1),
        (["--older-than", "9999w"], 0),
        (["--older-than", "12h", "--keep", "2"], 0),
        ([], 0),
    ):
        assert len(planned(root, capsys, *words)["items"]) == number, words


def test_leftovers_of_killed_tasks_old_tries_and_entries_without_outputs_go(
    pipeline: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = find_run(root, run(pipeline, root))
    partial = store.directory / "for-loop-2/0/.train-2.0123abcd.partial"
    (partial / "model").mkdir(parents=True)
    (partial / "model/file").write_bytes(b"x" * 1000)
    spins = [root / SPINS / name for name in ("old", "new")]
    for spin in spins:
        (spin / "logs").mkdir(parents=True)
    os.utime(spins[0], (0, 0))
    entry = root / ".cache/0.json"
    entry.write_text('{"artifacts": {"a": [{"uri": "/no/such"}]}}', "utf-8")
    looks_alike = store.directory / "prepare/table/.a.0123abcd.partial"
    looks_alike.mkdir()

    with store.locked():
        kinds = [each["kind"] for each in planned(root, capsys)["items"]]
        assert kinds == ["spin", "cache"]
    assert gc(root, "--yes") == 0
    assert not partial.exists()
    assert looks_alike.exists()
    assert [spin.exists() for spin in spins] == [False, True]
    assert not entry.exists()
    again = headrace.run(pipeline, root=root)
    assert {task.state for task in again.tasks} == {"cached"}


def test_environments_of_other_locks_and_those_that_were_not_used_for_long_go(
    no_environments: Path,
) -> None:
    image = "pusher"  # its lock is for every Python
    kept = ["packages-new", Environments.current_name(image), "components-1", "unknown"]
    gone = ["packages-old", f"{image}-0123456789abcdef"]
    for name in (*kept, *gone):
        (no_environments / name / "bin").mkdir(parents=True)
        age = timedelta(days=40 if name == "packages-old" else 2)
        before = time.time() - age.total_seconds()
        os.utime(no_environments / name, (before, before))

    found = list(environments(timedelta(days=30)))
    assert sorted(item.name for item in found) == sorted(gone)
    assert [remove(item, Path("/nowhere")) for item in found] == ["", ""]
    assert sorted(each.name for each in no_environments.iterdir()) == sorted(kept)


@pytest.mark.slow
def test_an_image_that_has_lost_its_name_goes_and_others_images_stay(tmp_path: Path) -> None:
    podman = program("podman", "no image can be made")
    made = []
    for title in ("pusher", "somebody-else"):
        file = tmp_path / "Dockerfile"
        file.write_text(
            f"FROM scratch\nLABEL org.opencontainers.image.title={title} "
            f"org.opencontainers.image.licenses=Apache-2.0 test={tmp_path.name}{time.time_ns()}\n",
            "utf-8",
        )
        command = [podman, "build", "--quiet", "--no-cache", str(tmp_path)]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        made.append(said.stdout.split()[-1])
    try:
        found = {item.place: item for item in images(timedelta(days=100_000))}
        assert made[0] in found
        assert made[1] not in found
        assert remove(found[made[0]], tmp_path) == ""
        assert remove(found[made[0]], tmp_path) != ""
    finally:
        subprocess.run([podman, "rmi", *made], capture_output=True, check=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--older-than", "30"], "--older-than is '30', expected a number of hours, days or weeks"),
        (["--older-than", "0d"], "--older-than is '0d'"),
        (["--older-than", "-3d"], "--older-than is '-3d'"),
        (["--keep", "0"], "--keep"),
        (["--json"], "--json asks nothing, so it needs --dry-run"),
        (["--keep", "1"], "nobody can answer here, so nothing was removed. Add --yes"),
        (["--root", "no/such"], "'no/such', which is not a directory"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_removed(
    words: list[str],
    message: str,
    pipeline: Path,
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(pipeline, root)
    run(pipeline, root, scale=5)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert gc(root, *words) == 2
    assert message in capsys.readouterr().err
    assert len(left(root)) == 2
