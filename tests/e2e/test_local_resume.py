# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""The results that a resumed run keeps, and when it uses code that its author has corrected."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from kfp import dsl

import headrace
from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.reader import StoreLineage
from headrace.targets.local import engine
from headrace.targets.local.shared.observer import Silence
from headrace.targets.local.shared.options import Options
from headrace.targets.local.shared.results import RunResult
from headrace.targets.local.shared.rules import Backend
from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from support.cases.local_pipelines import check, compiled, read, run_pipeline, step

PIPELINE = """
from kfp import dsl
from support.cases.local_pipelines import check, read, step
from settings import EXPECTED

@dsl.pipeline(name="corrected")
def corrected(value: str = "a"):
    first = step(name="first", value=value)
    second = step(name="second", value="b")
    read(name="reader", item=second.outputs["out"])
    read(name="other-reader", item=first.outputs["out"])
    check(name="third", value=second.outputs["text"], expected=EXPECTED)
"""


class Told(Silence):
    """Keeps the lines that a run prints."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "journal.txt"
    path.touch()
    monkeypatch.setenv("JOURNAL", str(path))
    return path


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline whose last task fails until its expected value is corrected."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    (tmp_path / "author").mkdir()
    (tmp_path / "author/settings.py").write_text("EXPECTED = 'wrong'\n", "utf-8")
    file = tmp_path / "author/pipeline.py"
    file.write_text(PIPELINE, "utf-8")
    return file


def headrace_run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "headrace.cli.main", "run", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fail(pipeline: Path, root: Path, journal: Path) -> tuple[str, str]:
    """Starts a run that fails; returns its ID and the command that finishes it."""
    failed = headrace_run(pipeline, "--root", root, "-p", "value=x")
    assert failed.returncode == 1, failed.stderr
    assert sorted(journal.read_text("utf-8").splitlines()) == [
        "first x",
        "other-reader x",
        "reader b",
        "second b",
        "third b",
    ]
    journal.write_text("", "utf-8")
    (line,) = [text for text in failed.stdout.splitlines() if "To finish this run: " in text]
    (record,) = root.glob("*/*/run.json")
    return record.parent.name, line.partition(": ")[2]


def test_the_command_that_a_failed_run_names_takes_the_corrected_code(
    pipeline: Path, tmp_path: Path, journal: Path
) -> None:
    _, command = fail(pipeline, tmp_path / "root", journal)
    (pipeline.parent / "settings.py").write_text("EXPECTED = 'b'\n", "utf-8")

    finished = subprocess.run(
        [sys.executable, "-m", "headrace.cli.main", *command.split()[1:]],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert "The code has changed since this run began." in finished.stderr
    assert journal.read_text("utf-8").splitlines() == ["third b"]


def test_a_run_that_is_resumed_by_its_id_takes_a_file_that_was_edited(
    pipeline: Path, tmp_path: Path, journal: Path
) -> None:
    run_id, _ = fail(pipeline, tmp_path / "root", journal)
    edited = PIPELINE.replace("EXPECTED)", "'c')").replace('value="b"', 'value="c"')
    pipeline.write_text(edited, "utf-8")

    finished = headrace_run("--root", tmp_path / "root", "--resume", run_id)

    assert finished.returncode == 0, finished.stderr
    assert "The code has changed since this run began." in finished.stderr
    assert "step-2: its code, parameters or inputs have changed" in finished.stderr
    # Tasks after the changed task run again; all others are kept.
    assert sorted(journal.read_text("utf-8").splitlines()) == ["reader c", "second c", "third c"]


def test_a_pipeline_that_only_compiles_otherwise_is_offered_and_not_taken(
    pipeline: Path, tmp_path: Path, journal: Path
) -> None:
    run_id, command = fail(pipeline, tmp_path / "root", journal)
    (pipeline.parent / "settings.py").write_text("EXPECTED = 'b'\n", "utf-8")

    failed = headrace_run("--root", tmp_path / "root", "--resume", run_id)

    assert failed.returncode == 1
    assert command in " ".join(failed.stderr.split())
    assert journal.read_text("utf-8").splitlines() == ["third b"]


def test_a_run_goes_on_as_it_began_when_its_file_is_gone_or_unchanged(
    pipeline: Path, tmp_path: Path, journal: Path
) -> None:
    run_id, _ = fail(pipeline, tmp_path / "root", journal)

    for told in ("", "is no longer there; the run goes on with the code that it began with"):
        again = headrace_run("--root", tmp_path / "root", "--resume", run_id)
        assert again.returncode == 1
        assert told in " ".join(again.stderr.split())
        assert "has changed" not in again.stderr
        pipeline.unlink(missing_ok=True)
    assert journal.read_text("utf-8").splitlines() == ["third b", "third b"]


def test_new_code_that_does_not_compile_is_told_and_nothing_is_lost(
    pipeline: Path, tmp_path: Path, journal: Path
) -> None:
    run_id, _ = fail(pipeline, tmp_path / "root", journal)
    pipeline.write_text("import nowhere\n", "utf-8")

    refused = headrace_run("--root", tmp_path / "root", "--resume", run_id)

    assert refused.returncode == 2
    assert "nowhere" in refused.stderr
    assert "Traceback" not in refused.stderr
    pipeline.write_text(PIPELINE.replace("EXPECTED)", "'b')"), "utf-8")
    assert headrace_run("--root", tmp_path / "root", "--resume", run_id).returncode == 0
    assert journal.read_text("utf-8").splitlines() == ["third b"]


def test_a_run_of_another_pipeline_is_not_resumed(
    pipeline: Path, tmp_path: Path, journal: Path
) -> None:
    run_id, _ = fail(pipeline, tmp_path / "root", journal)
    pipeline.write_text(PIPELINE.replace('"corrected"', '"another"'), "utf-8")

    refused = headrace_run(pipeline, "--root", tmp_path / "root", "--resume", run_id)

    assert refused.returncode == 2
    assert "is one of the pipeline 'corrected', but 'another' was given" in (
        " ".join(refused.stderr.split())
    )


@dsl.pipeline(name="from-python")
def wrong():
    first = step(name="first", value="a")
    check(name="second", value=first.outputs["text"], expected="wrong")


@dsl.pipeline(name="from-python")
def right():
    first = step(name="first", value="a")
    check(name="second", value=first.outputs["text"], expected="a")


def test_a_run_from_python_takes_the_pipeline_that_it_is_given(
    tmp_path: Path, journal: Path
) -> None:
    failed = headrace.run(wrong, root=tmp_path / "root")
    told = Told()

    again = headrace.resume(failed.run_id, root=tmp_path / "root")
    finished = headrace.resume(failed.run_id, pipeline=right, root=tmp_path / "root", observer=told)

    assert [failed.state, again.state, finished.state] == ["failed", "failed", "succeeded"]
    assert journal.read_text("utf-8").splitlines() == ["first a", *["second a"] * 3]
    assert [line.partition(".")[0] for line in told.lines] == [
        "The code has changed since this run began"
    ]


MODULE_PIPELINE = """
from kfp import dsl
from headrace_components.artifacts import Examples
from headrace_components.catalog import filter_examples

@dsl.pipeline(name="filtered")
def filtered(examples: str):
    imported = dsl.importer(artifact_uri=examples, artifact_class=Examples, reimport=False)
    filter_examples(examples=imported.output, module_file="module.py")
"""


def test_a_corrected_module_is_packed_again(tmp_path: Path, journal: Path) -> None:
    with ExamplesWriter(tmp_path / "examples", "train") as writer:
        column = pa.array([[1], [2], [3]], pa.large_list(pa.int64()))
        writer.write(pa.RecordBatch.from_arrays([column], ["n"]))
    file = tmp_path / "author/pipeline.py"
    file.parent.mkdir()
    file.write_text(MODULE_PIPELINE, "utf-8")
    module = file.with_name("module.py")
    module.write_text("def filter_fn(record):\n    return record['m'][0] > 1\n", "utf-8")
    parameters = {"examples": str(tmp_path / "examples")}
    failed = headrace.run(str(file), parameters=parameters, root=tmp_path / "root")
    module.write_text("def filter_fn(record):\n    return record[-1] > 1\n", "utf-8")

    finished = headrace.resume(failed.run_id, root=tmp_path / "root")

    assert failed.state == "failed"
    assert finished.state == "succeeded", finished.failures
    (artifact,) = finished.tasks[-1].artifacts["filtered_examples"]
    assert ExamplesReader(Path(artifact.uri), "test").num_rows("train") == 2


@dsl.pipeline(name="three")
def three():
    first = step(name="first", value="a")
    read(name="second", item=first.outputs["out"])
    step(name="third", value="c")


def lose(result: RunResult) -> None:
    (result.directory / "step/out/value.txt").unlink()


def change(result: RunResult) -> None:
    (result.directory / "step/out/value.txt").write_text("changed", "utf-8")


DAMAGED_RESULTS = [
    b"",
    b"\xff\x00",
    b"[]",
    b"{}",
    b'{"is_recorded": true, "parameters": {}, "artifacts": {}}',
    b'{"is_recorded": true, "parameters": {"text": "a"}, "artifacts": {"out": [{"u": 1}]}}',
]


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("content", DAMAGED_RESULTS)
def test_a_damaged_result_is_told_and_had_from_the_cache_or_made_again(
    content: bytes, use_cache: bool, tmp_path: Path, journal: Path
) -> None:
    result = run_pipeline(three, tmp_path / "root", use_cache=use_cache).result
    (result.directory / "step/.headrace/result.json").write_bytes(content)
    journal.write_text("", "utf-8")
    told = Told()

    again = engine.resume(result.run_id, root=tmp_path / "root", observer=told)

    assert again.state == "succeeded", again.failures
    (line,) = [line for line in told.lines if "is damaged" in line]
    assert line.startswith("step: ")
    assert (again.directory / "step/out/value.txt").read_text("utf-8") == "a"
    expected = [] if use_cache else ["first a", "second a"]
    assert journal.read_text("utf-8").splitlines() == expected
    assert engine.resume(result.run_id, root=tmp_path / "root").state == "succeeded"
    assert journal.read_text("utf-8").splitlines() == expected


@pytest.mark.parametrize("meddle", [lose, change])
def test_a_finished_task_whose_output_is_not_as_it_was_left_runs_again_with_what_reads_it(
    meddle: Any, tmp_path: Path, journal: Path
) -> None:
    result = run_pipeline(three, tmp_path / "root").result
    meddle(result)
    journal.write_text("", "utf-8")
    told = Told()

    again = engine.resume(result.run_id, root=tmp_path / "root", observer=told)

    assert again.state == "succeeded", again.failures
    assert journal.read_text("utf-8").splitlines() == ["first a", "second a"]
    assert (again.directory / "step/out/value.txt").read_text("utf-8") == "a"
    assert told.lines[0].startswith("step: ")
    assert "has changed; the task runs again" in told.lines[0]
    assert engine.resume(result.run_id, root=tmp_path / "root").state == "succeeded"
    assert journal.read_text("utf-8").splitlines() == ["first a", "second a"]


def test_lineage_names_the_task_that_made_an_output_anew(tmp_path: Path) -> None:
    root = tmp_path / "root"
    result = run_pipeline(three, root).result
    lose(result)
    engine.resume(result.run_id, root=root)
    run_pipeline(three, root)  # from the cache

    lineage = StoreLineage(default_url(root))
    found = lineage.artifact(str(result.directory / "step/out"), root)
    _, executions = lineage.run(result.run_id)

    made = [execution.id for execution in executions if execution.task == "step"]
    assert len(made) == 2
    assert found.producer is not None
    assert found.producer.id == made[1]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b'{"format": 1}', b'{"format": 1, "run_id": 3}', b"[" * 100_000],
)
def test_a_damaged_record_is_named_and_stops_no_other_run(content: bytes, tmp_path: Path) -> None:
    result = run_pipeline(three, tmp_path / "root").result
    record = result.directory / "run.json"
    record.write_bytes(content)

    with pytest.raises(InputError, match=r"run\.json is damaged .*Start a new one") as caught:
        engine.resume(result.run_id, root=tmp_path / "root")
    assert "\n" not in str(caught.value)
    assert run_pipeline(three, tmp_path / "root").result.state == "succeeded"
    with pytest.raises(InputError, match="no run 'x' is under"):
        engine.resume("x", root=tmp_path / "root")


@pytest.mark.parametrize("text", ["*", "?" * 22, "[0-9]*", "..", ".", "", "x/../y", "../three"])
def test_the_id_of_a_run_is_no_pattern_and_no_path(text: str, tmp_path: Path) -> None:
    result = run_pipeline(three, tmp_path / "root").result
    shutil.copytree(result.directory, tmp_path / "root/three/three")

    with pytest.raises(InputError, match=r"no run .* is under"):
        engine.resume(text, root=tmp_path / "root")


def test_a_password_is_not_stored_and_asked_for_when_the_run_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    options = Options(root=root, metadata="mysql://u:hunter2@127.0.0.1:9/d")
    with pytest.raises(PlatformError, match="server runs"):
        engine.start(compiled(three), options=options)
    (record,) = root.glob("*/*/run.json")
    (found,) = [json.loads(record.read_text("utf-8"))]

    assert found["metadata"] == "mysql://u@127.0.0.1:9/d"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    for file in root.rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes()
    with pytest.raises(
        InputError, match="Set HEADRACE_METADATA_PASSWORD to it, or pass --metadata"
    ):
        engine.resume(record.parent.name, root=root)
    monkeypatch.setenv("HEADRACE_METADATA_PASSWORD", "hunter2")
    with pytest.raises(PlatformError, match=r"mysql://u@127.*server runs") as caught:
        engine.resume(record.parent.name, root=root)
    assert "hunter2" not in str(caught.value)
    monkeypatch.delenv("HEADRACE_METADATA_PASSWORD")
    here = f"sqlite:///{tmp_path / 'lineage.sqlite'}"
    assert engine.resume(record.parent.name, root=root, metadata=here).state == "succeeded"
    assert os.environ.get("HEADRACE_METADATA_PASSWORD") is None


@pytest.mark.parametrize("url", ["mysql://u:hunter2[@h/d", "mysql://u:hunter2@h", "nonsense"])
def test_a_url_of_no_database_is_refused_before_anything_is_made(url: str, tmp_path: Path) -> None:
    options = Options(root=tmp_path / "root", metadata=url)

    with pytest.raises(InputError, match="the metadata URL is") as caught:
        engine.start(compiled(three), options=options)

    assert "hunter2" not in str(caught.value)
    assert not (tmp_path / "root").exists()


@dsl.container_component
def look(item: dsl.Input[dsl.Artifact]):
    """Notes the metadata of its input; succeeds when it looks for the second time."""
    return dsl.ContainerSpec(
        image="test",
        command=[
            "python",
            "-c",
            "import json, os, sys\n"
            "item = json.loads(sys.argv[1])['inputs']['artifacts']['item']['artifacts'][0]\n"
            "open(os.environ['JOURNAL'], 'a').write(json.dumps(item.get('metadata', {})) + '\\n')\n"
            "sys.exit(len(open(os.environ['JOURNAL']).readlines()) != 3)\n",
        ],
        args=["{{$}}"],
    )


@dsl.pipeline(name="looks")
def looks():
    look(item=step(name="made").outputs["out"])


@pytest.mark.parametrize(
    ("like", "metadata"), [("kubeflow", '{"display_name": "out"}'), ("vertex", "{}")]
)
def test_a_run_that_is_resumed_keeps_its_rules(
    like: Backend, metadata: str, tmp_path: Path, journal: Path
) -> None:
    failed = run_pipeline(looks, tmp_path / "root", like=like).result

    engine.resume(failed.run_id, root=tmp_path / "root")

    assert journal.read_text("utf-8").splitlines() == ["made ", metadata, metadata]


def test_a_run_from_before_there_were_rules_is_resumed_like_kubeflow(
    tmp_path: Path, journal: Path
) -> None:
    failed = run_pipeline(looks, tmp_path / "root", like="vertex").result
    record = json.loads((failed.directory / "run.json").read_text("utf-8"))
    record.pop("like")
    (failed.directory / "run.json").write_text(json.dumps(record), "utf-8")
    file = failed.directory / "step/.headrace/result.json"
    result = json.loads(file.read_text("utf-8"))
    result["artifacts"]["out"][0].pop("port")
    file.write_text(json.dumps(result), "utf-8")

    resumed = engine.resume(failed.run_id, root=tmp_path / "root")

    assert resumed.state == "succeeded"
    assert journal.read_text("utf-8").splitlines() == ["made ", "{}", '{"display_name": "out"}']


def test_the_rules_of_a_run_that_is_resumed_are_not_chosen_anew(tmp_path: Path) -> None:
    refused = headrace_run("--root", tmp_path, "--resume", "x", "--like", "vertex")

    assert refused.returncode == 2
    assert "the rules that it was started with, but got -p, --no-cache or --like" in refused.stderr
