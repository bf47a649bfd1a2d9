# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""One task: its environment, its outputs, and its errors."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import dsl

import headrace
from headrace.display.progress import ProgressDisplay
from headrace.targets.local import engine
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace.targets.local.shared.options import Options
from headrace_components.contract.errors import InputError
from support.cases.local_pipelines import (
    choose_path,
    compiled,
    forgets,
    has_no_command,
    note_environment,
    point_back,
    read,
    run_pipeline,
    runs,
    step,
)


@pytest.fixture(autouse=True)
def _journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "journal.txt").touch()
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.txt"))


@dsl.pipeline(name="surroundings")
def surroundings():
    note_environment(name="GREETING").set_env_variable("GREETING", "hello")


def test_a_task_has_an_environment_a_session_and_a_temporary_directory_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    ran = run_pipeline(surroundings, tmp_path / "root")

    assert ran.journal == [f"hello {tmp_path} True True"], ran.result.failures
    assert not list(ran.result.directory.rglob("tmp*"))
    links = Path(tempfile.gettempdir()).glob("headrace-*")
    assert not [link for link in links if points_below(link, tmp_path)]


def points_below(path: Path, folder: Path) -> bool:
    try:
        return path.is_symlink() and path.readlink().is_relative_to(folder)
    except FileNotFoundError:  # a task of another test has ended meanwhile
        return False


@dsl.pipeline(name="pointing")
def pointing(to: str):
    point_back(to=to)


def test_an_output_may_point_at_an_earlier_artifact_under_the_root(tmp_path: Path) -> None:
    earlier = tmp_path / "pointing/earlier/model"
    earlier.mkdir(parents=True)

    result = run_pipeline(pointing, tmp_path, to=str(earlier)).result

    (artifact,) = result.tasks[0].artifacts["out"]
    assert artifact.uri == str(earlier)


def test_what_a_task_says_of_its_place_is_true_afterwards(tmp_path: Path) -> None:
    result = run_pipeline(pointing, tmp_path / "röot", to="").result

    (artifact,) = result.tasks[0].artifacts["out"]
    assert artifact.uri == str(result.directory / "point-back/out")
    assert artifact.metadata == {"given": artifact.uri, "n": 1}
    assert Path(artifact.uri).is_dir()


def test_an_output_may_not_point_outside_of_the_root(tmp_path: Path) -> None:
    result = run_pipeline(pointing, tmp_path / "root", to="/elsewhere").result

    assert result.failures[0].kind == "platform"
    assert "output `out` points at '/elsewhere', outside of the root" in result.failures[0].message


@pytest.mark.parametrize("scheme", ["https", "oci", "bq"])
def test_an_output_may_be_a_uri_of_no_store_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scheme: str
) -> None:
    uri = f"{scheme}://example.com/model:1"
    with ProgressDisplay() as observer:
        result = engine.start(
            compiled(pointing),
            parameters={"to": uri},
            options=Options(root=tmp_path / "root"),
            observer=observer,
        )

    (artifact,) = result.tasks[0].artifacts["out"]
    assert artifact.uri == uri
    assert f"output `out` points at '{uri}'" in capsys.readouterr().err
    again = run_pipeline(pointing, tmp_path / "root", to=uri).result
    assert [(task.state, task.artifacts["out"][0].uri) for task in again.tasks] == [("cached", uri)]


@dsl.container_component
def put(path: str):
    code = "import pathlib, sys; pathlib.Path(sys.argv[1], 'note.txt').write_text(sys.argv[2])"
    return dsl.ContainerSpec(
        image="test", command=["python", "-c", code], args=["{{$.workspace_path}}", path]
    )


@dsl.pipeline(name="sharing")
def sharing(given: str):
    first = put(path="{{$.workspace_path}}/data")
    imported = dsl.importer(artifact_uri=given, artifact_class=dsl.Dataset).after(first)
    read(name="imported", item=imported.output)
    step(name="path", value="{{$.workspace_path}}").after(first)


def test_the_tasks_of_a_run_share_its_workspace(tmp_path: Path) -> None:
    given = tmp_path / "given.txt"
    given.write_text("rows")
    spec = compiled(sharing)
    # The form in which kfp 2.14 and later compile `download_to_workspace`.
    spec["deploymentSpec"]["executors"]["exec-importer"]["importer"]["downloadToWorkspace"] = True

    for _ in range(2):  # tasks that use the workspace do not come from the cache
        ran = run_pipeline(spec, tmp_path / "root", given=str(given))

        assert ran.result.state == "succeeded", ran.result.failures
        workspace = ran.result.directory / ".workspace"
        assert (workspace / "note.txt").read_text() == f"{workspace}/data"
        copy = workspace / ".artifacts/importer/given.txt"
        (imported,) = (task for task in ran.result.tasks if task.name == "importer")
        assert imported.artifacts["artifact"][0].uri == str(copy)
        assert sorted(ran.journal) == ["imported rows", f"path {workspace}"]


def test_a_run_without_a_workspace_has_no_directory_for_it(tmp_path: Path) -> None:
    result = run_pipeline(pointing, tmp_path / "root", to="").result
    assert not (result.directory / ".workspace").exists()


@dsl.pipeline(name="choosing")
def choosing(chosen: str, spelling: str = "custom_path", is_directory: bool = False):
    choose_path(chosen=chosen, spelling=spelling, is_directory=is_directory)


@pytest.mark.parametrize(
    ("chosen", "given"),
    [
        ("elsewhere/value.txt", {}),
        ("elsewhere", {"is_directory": True}),
        ("TMPDIR/value.txt", {"spelling": "customPath"}),
        ("URI/deep/value.txt", {}),
        ("URI", {"is_directory": True}),
    ],
)
def test_what_a_task_wrote_to_a_path_of_its_choice_is_its_output(
    chosen: str, given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run_pipeline(choosing, tmp_path / "root", chosen=chosen, **given).result

    assert result.state == "succeeded", result.failures
    (artifact,) = result.tasks[0].artifacts["out"]
    assert artifact.uri == str(result.directory / "choose-path/out")
    found = Path(artifact.uri, "inner/value.txt") if given.get("is_directory") else artifact.uri
    assert Path(found).read_text("utf-8") == "mine"


def test_a_chosen_path_with_nothing_there_is_named(tmp_path: Path) -> None:
    result = run_pipeline(choosing, tmp_path / "root", chosen="/nothing/there").result

    (failure,) = result.failures
    assert failure.kind == "input"
    assert "output `out` was set to the path '/nothing/there', which is not there" in (
        failure.message
    )


@dsl.pipeline(name="wrong")
def wrong():
    forgets()
    runs(program="x")
    has_no_command()


def test_what_a_component_does_wrong_is_named(tmp_path: Path) -> None:
    failures = {f.task: f.message for f in run_pipeline(wrong, tmp_path).result.failures}

    assert failures["forgets"].startswith("forgets: output parameter `text` was not written.")
    assert failures["runs"].startswith(
        "runs: its command is 'no-such-program', which this machine lacks."
    )
    assert failures["has-no-command"].startswith("has-no-command: it names no command.")


@dsl.pipeline(name="one")
def one(value: str = "a"):
    step(name="one", value=value)


def test_a_root_that_cannot_be_written_is_a_failure_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/.cache").touch()

    failure = run_pipeline(one, tmp_path / "root").result.failures[0]

    assert failure.kind == "platform"
    assert f"step: {tmp_path}/root/.cache" in failure.message


def changed(**fields: Any) -> dict[str, Any]:
    return {**compiled(one), **fields}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"a": 1}, r"the pipeline has no `pipelineInfo`.* it has \['a'\]"),
        (changed(components={}), "has no component 'comp-step'"),
        (
            changed(deploymentSpec={"executors": {"exec-step": {"customJob": {}}}}),
            r"step: its executor is \['customJob'\]; the local backend runs containers",
        ),
    ],
)
def test_a_spec_that_cannot_run_is_refused_before_anything_runs(
    spec: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        engine.start(spec, options=Options(root=tmp_path / "root"))
    assert not (tmp_path / "root").exists()


def test_tasks_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    spec = compiled(one)
    spec["root"]["dag"]["tasks"]["step"]["dependentTasks"] = ["step"]

    with pytest.raises(InputError, match="tasks wait for each other"):
        engine.start(spec, options=Options(root=tmp_path))


def test_a_task_may_not_take_a_name_that_the_run_needs(tmp_path: Path) -> None:
    spec = compiled(one)
    spec["root"]["dag"]["tasks"] = {"logs": spec["root"]["dag"]["tasks"]["step"]}

    with pytest.raises(InputError, match="a task is named 'logs'"):
        engine.start(spec, options=Options(root=tmp_path))


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_compiled_pipeline_runs_from_its_file(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"pipeline.{suffix}"
    # kfp-kubernetes adds the second document.
    documents = [compiled(one), {"platforms": {}}]
    text = json.dumps(documents[0]) if suffix == "json" else yaml.safe_dump_all(documents)
    file.write_text(text, "utf-8")

    result = headrace.run(file, parameters={"value": "b"}, root=tmp_path / "root")

    assert result.state == "succeeded"
    assert (tmp_path / "journal.txt").read_text("utf-8") == "one b\n"


def test_a_job_of_vertex_runs_with_the_values_it_carries(tmp_path: Path) -> None:
    job = {
        "pipelineSpec": compiled(one),
        "runtimeConfig": {"parameterValues": {"value": "from the job"}},
    }

    headrace.run(job, root=tmp_path / "root")

    assert (tmp_path / "journal.txt").read_text("utf-8") == "one from the job\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.json", "{", "p.json is not JSON: Expecting property name"),
        ("p.yaml", "a: [", "p.yaml is not YAML: while parsing"),
        ("p.yaml", "- a", "p.yaml holds list data, expected a compiled pipeline"),
        ("p.json", None, "p.json' is not a file, expected a pipeline"),
    ],
)
def test_a_file_that_holds_no_pipeline_is_refused(
    name: str, text: str | None, words: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")

    with pytest.raises(InputError, match=words):
        headrace.run(tmp_path / name, root=tmp_path / "root")


def test_a_run_may_be_started_from_a_notebook(tmp_path: Path) -> None:
    async def cell() -> str:  # a notebook runs its cells in an event loop
        return headrace.run(compiled(one), root=tmp_path / "root").state

    assert asyncio.run(cell()) == "succeeded"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runner": "kubernetes"}, "the runner is 'kubernetes', expected one of"),
        ({"containers": ContainerOptions(network="host")}, "'worker', but --mount and --network"),
        ({"concurrency": -1}, "is -1, expected"),
    ],
)
def test_an_option_that_no_run_could_honour_is_refused(options: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Options(**options)
