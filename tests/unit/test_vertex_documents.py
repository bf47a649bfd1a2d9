"""docs/vertex.md: its profile compiles the example, and its commands work as described."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.cli.main import main
from headrace.targets.vertex import jobs_api
from headrace_components import catalog
from support.fakes.vertex_pipelines import VertexPipelines, vertex_pipelines

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "vertex.md").read_text("utf-8")


@pytest.fixture
def vertex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VertexPipelines]:
    """Serves the API for the working directory of the page's commands."""
    (profile,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "headrace.toml").write_text(profile, "utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "images").mkdir()
    digests = dict.fromkeys(catalog.__all__, f"sha256:{'0a' * 32}")
    (tmp_path / "images/digests.json").write_text(json.dumps(digests), "utf-8")
    monkeypatch.chdir(tmp_path)
    with vertex_pipelines() as server:
        monkeypatch.setenv(jobs_api.ENDPOINT_VARIABLE, server.address)
        yield server


def commands(group: str) -> list[list[str]]:
    """Returns the page's commands of a group, without `headrace`."""
    scripts = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    lines = [shlex.split(line, comments=True) for line in scripts.splitlines()]
    return [line[1:] for line in lines if line[:2] == ["headrace", group]]


def test_the_commands_of_the_page_run_a_pipeline_and_keep_its_record(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    submit, on_a_schedule = commands("submit")

    assert main([*submit, "--poll", "0.1"]) == 0

    (job,) = vertex.jobs.values()
    assert dict(job.runtime_config.parameter_values) == {
        "data": "gs://my-bucket/penguins/data",
        "serving_dir": "gs://my-bucket/penguins/serving",
        "train_steps": 400,
    }
    captured = capsys.readouterr()
    run = captured.out.splitlines()[0].removeprefix("Run: ")
    assert f"Run {run}: 10 tasks" in captured.err
    # It has ended, so there is nothing to cancel.
    for words in commands("runs"):
        assert main([run if word == "RUN" else word for word in words]) == 2 * ("cancel" in words)
    assert vertex.jobs == {}

    capsys.readouterr()
    assert main(on_a_schedule) == 0
    schedule = capsys.readouterr().out.splitlines()[0].removeprefix("Schedule: ")
    for words in commands("schedules"):
        assert main([schedule if word == "SCHEDULE" else word for word in words]) == 0
    assert vertex.scheduled == {}


def test_the_commands_of_the_page_are_all_there_are() -> None:
    from headrace.cli.runs import runs
    from headrace.cli.schedules import schedules

    assert {words[1] for words in commands("runs")} == set(runs.commands)
    assert {words[1] for words in commands("schedules")} == set(schedules.commands)


def test_the_options_of_the_page_are_those_of_the_command() -> None:
    from headrace.cli.submit import submit

    known = {option for parameter in submit.params for option in parameter.opts}
    known |= {option for parameter in submit.params for option in parameter.secondary_opts}
    named = re.findall(r"^\| `(--?[a-z-]+)", PAGE, re.MULTILINE)
    assert len(named) == 6
    assert known.issuperset(named)
    # The rest is in the text.
    rest = ("--start", "--end", "--max-concurrent", "--schedule-name", "--timezone")
    assert [option for option in rest if option not in PAGE or option not in known] == []
