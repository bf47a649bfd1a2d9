# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Verdicts and jobs of tasks are shown in the terminal, while they run and from the cache."""

import asyncio
import re
from pathlib import Path

import pytest
from kfp import dsl

from headrace.targets.local import engine
from headrace.targets.local.execution import task_notices
from headrace.targets.local.shared.observer import Silence
from headrace.targets.local.shared.options import Options
from headrace_components.artifacts import Model, ModelBlessing
from headrace_components.catalog import csv_example_gen, pusher
from headrace_components.contract.progress import Progress
from support.cases.local_pipelines import compiled
from support.programs import beam_clusters


class Told(Silence):
    """Keeps the lines that a run prints."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


class Heard:
    """Keeps what a task says."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notices: list[str] = []
        self.progress: list[Progress] = []

    def said(self, line: str) -> None:
        self.lines.append(line)

    def noticed(self, notice: str) -> None:
        self.notices.append(notice)

    def progressed(self, progress: Progress) -> None:
        self.progress.append(progress)


@dsl.pipeline(name="gate")
def gate(model: str, blessing: str, destination: str):
    candidate = dsl.importer(artifact_uri=model, artifact_class=Model)
    verdict = dsl.importer(
        artifact_uri=blessing, artifact_class=ModelBlessing, metadata={"blessed": 0}
    )
    pusher(model=candidate.output, model_blessing=verdict.output, base_directory=destination)


def test_that_nothing_is_pushed_is_told_again_when_the_cache_answers(tmp_path: Path) -> None:
    model, blessing = tmp_path / "model", tmp_path / "blessing"
    (model / "Format-Serving").mkdir(parents=True)
    (model / "Format-Serving/saved_model.pb").write_bytes(b"")
    blessing.mkdir()
    (blessing / "NOT_BLESSED").touch()
    parameters = {
        "model": str(model),
        "blessing": str(blessing),
        "destination": str(tmp_path / "serving"),
    }

    told = []
    for _ in range(2):
        observer = Told()
        result = engine.start(
            compiled(gate),
            parameters=parameters,
            options=Options(root=tmp_path / "root"),
            observer=observer,
        )
        assert result.state == "succeeded"
        told.append([line for line in observer.lines if line.startswith("pusher: ")])

    assert told[0] == [
        f"pusher: nothing is pushed: `model_blessing` at {blessing} is not a blessing."
    ]
    assert told[1] == ["pusher: not pushed"]


@dsl.pipeline(name="elsewhere")
def elsewhere(data: str, args: list):
    csv_example_gen(input_base=data, beam_pipeline_args=args)


def test_the_job_of_a_task_on_beam_is_told_with_its_states(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("a,b\n1,2\n3,4\n", "utf-8")
    observer = Told()

    with beam_clusters.cluster() as args:
        result = engine.start(
            compiled(elsewhere),
            parameters={"data": str(tmp_path / "data"), "args": args},
            options=Options(root=tmp_path / "root"),
            observer=observer,
        )

    assert result.state == "succeeded"
    told = [line for line in observer.lines if line.startswith("csv-example-gen: ")]
    job = r"csv-example-gen: job headrace-csv-example-gen-[0-9a-f]{12}"
    assert len(told) == 2
    assert re.fullmatch(rf"{job} on the job server localhost:\d+\.", told[0])
    assert re.fullmatch(rf"{job} is DONE\.", told[1])


def test_notices_are_told_once_each_while_the_task_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_notices, "_LOOK_SECONDS", 0.01)
    log = tmp_path / "task.log"
    log.write_text("NOTICE trainer: of an earlier attempt\n", "utf-8")
    heard = Heard()
    told, seen = heard.notices, list[list[str]]()

    async def run() -> None:
        with log.open("a", encoding="utf-8", buffering=1) as output:
            progress = tmp_path / "progress.json"
            async with task_notices.TaskNotices(log, "trainer", progress, heard).passed_on():
                for text in ("NOTICE trainer: a job\nINFO of no", " notice\nNOTICE trainer: its"):
                    output.write(text)
                    output.flush()
                    await asyncio.sleep(0.2)
                    seen.append(list(told))
                output.write(" end\n")

    asyncio.run(run())

    assert seen == [["a job"], ["a job"]]
    assert told == ["a job", "its end"]
    assert heard.lines == [
        "NOTICE trainer: a job",
        "INFO of no notice",
        "NOTICE trainer: its end",
    ]


def test_lines_and_progress_of_a_task_are_told_but_no_notice_of_a_foreign_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_notices, "_LOOK_SECONDS", 0.01)
    log, progress = tmp_path / "task.log", tmp_path / "progress.json"
    log.touch()
    heard = Heard()

    async def run() -> None:
        with log.open("a", encoding="utf-8", buffering=1) as output:
            async with task_notices.TaskNotices(log, None, progress, heard).passed_on():
                output.write("NOTICE pusher: pushed\r\n1/10\r5/10\r10/10\nno end")
                for text in ('{"text": "a\\u001b[2J", "share": 7}', "damaged", "{}", "[" * 9999):
                    progress.write_text(text, "utf-8")
                    await asyncio.sleep(0.1)

    asyncio.run(run())

    assert heard.notices == []
    assert heard.lines == ["NOTICE pusher: pushed", "10/10", "no end"]
    assert heard.progress == [Progress(text="a [2J", share=1.0)]
    assert not progress.exists()
