"""`headrace submit --target vertex`, with the real client and a server with the API's protos."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from google.cloud.aiplatform_v1.types import Schedule

from headrace.cli.main import main
from headrace.targets.remote import watching
from headrace.targets.vertex import jobs_api
from support.fakes.cloud_storage import cloud_storage
from support.fakes.vertex_pipelines import VertexPipelines, vertex_pipelines

PARENT = "projects/my-project/locations/europe-west1"
PIPELINE = """
from kfp import dsl

@dsl.container_component
def step(text: str, before: str = "") -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="ghcr.io/mine/step", command=["echo", text])

@dsl.pipeline(name="Three_Steps")
def three_steps(text: str, times: int = 2):
    first = step(text=text).set_display_name("first")
    second = step(text="b").after(first)
    step(text="c").after(second)
"""
TAKING = """
from kfp import dsl

@dsl.container_component
def use(rows: dsl.Input[dsl.Dataset]):
    return dsl.ContainerSpec(image="ghcr.io/mine/use", command=["use"], args=["{{$}}"])

@dsl.pipeline(name="Taking")
def taking(rows: dsl.Input[dsl.Dataset], text: str):
    use(rows=rows)
"""
RESOLVING = """
from kfp import dsl
from headrace_components.catalog import latest_blessed_model

@dsl.pipeline(name="Daily")
def daily(more: str):
    latest_blessed_model()
"""
PROFILE = """
[vertex]
pipeline_root = "gs://bucket/root"
project = "my-project"
region = "europe-west1"
service_account = "runner@my-project.iam.gserviceaccount.com"
parameters = { text = "of the profile" }
"""


@pytest.fixture
def vertex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VertexPipelines]:
    monkeypatch.setattr(jobs_api, "_RETRY_SECONDS", (0.01, 0.01))
    (tmp_path / "pipeline.py").write_text(PIPELINE, "utf-8")
    (tmp_path / "headrace.toml").write_text(PROFILE, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with vertex_pipelines() as server:
        monkeypatch.setenv(jobs_api.ENDPOINT_VARIABLE, server.address)
        yield server


def submit(*options: str) -> int:
    return main(["submit", "pipeline.py", "--target", "vertex", "--poll", "0.1", *options])


def start(vertex: VertexPipelines, run_id: str) -> None:
    assert submit("--no-wait", "--run-id", run_id) == 0


def runs(*words: str) -> int:
    return main(["runs", *words, "--target", "vertex"])


def schedules(*words: str) -> int:
    return main(["schedules", *words, "--target", "vertex"])


def test_a_run_is_started_and_watched_to_its_end(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    vertex.fates["step-2"] = ("SKIPPED", "")

    assert submit("-p", "text=hello") == 0

    (name,) = vertex.jobs
    run_id = name.removeprefix(f"{PARENT}/pipelineJobs/")
    assert re.fullmatch(r"three-steps-\d{14}", run_id)
    parameters = vertex.jobs[name].runtime_config.parameter_values
    assert dict(parameters) == {"text": "hello"}
    captured = capsys.readouterr()
    page = (
        "https://console.cloud.google.com/vertex-ai/locations/europe-west1/pipelines/runs/"
        f"{run_id}?project=1234567890"
    )
    assert captured.out == f"Run: {run_id}\nPage: {page}\n"
    *lines, last = captured.err.splitlines()
    assert last == f"Page: {page}"
    events = [line for line in lines if "log at" not in line]
    assert [re.sub(r"^\s*\S+( \S+)?  ", "", line) for line in events[1:-1]] == [
        "step    started",
        "step    done  1m 30s",
        "step-2  cached  1m 30s",
        "step-3  started",
        "step-3  done  1m 30s",
    ]
    assert events[-1] == f"Run {run_id} succeeded in 30m 00s: 2 done, 1 cached"


def test_a_failed_run_ends_with_the_reason_and_the_log(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    vertex.fates["step-2"] = ("FAILED", "The replica workerpool0-0 exited with status 2.")

    assert submit() == 1

    *_, name, reason, log, _ = capsys.readouterr().err.splitlines()
    assert (name, reason) == ("step-2 failed:", "The replica workerpool0-0 exited with status 2.")
    assert re.fullmatch(
        r"Its log: https://console.cloud.google.com/logs/query;query=resource.type%3D%22ml_job%22"
        r"%0Aresource.labels.job_id%3D%22\d+%22;duration=P30D\?project=1234567890",
        log,
    )


def test_a_task_that_says_why_it_failed_is_quoted(
    vertex: VertexPipelines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    vertex.fates["step-2"] = ("FAILED", "The replica workerpool0-0 exited with status 2.")
    start(vertex, "mine")
    assert runs("show", "mine") == 0
    # The run itself and its first task were numbered before.
    task = tmp_path / "bucket/root/1234567890/mine/step-2_103"
    task.mkdir(parents=True)
    told = {"kind": "input", "message": "trainer: `module_file` has no run_fn. Add one."}
    (task / "executor_error.json").write_text(json.dumps(told), "utf-8")

    with cloud_storage(tmp_path) as environment:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", environment["STORAGE_EMULATOR_HOST"])
        assert runs("watch", "mine", "--poll", "0.1") == 1
        assert told["message"] in capsys.readouterr().err
        (task / "executor_error.json").unlink()
        assert runs("show", "mine") == 0

    assert "The replica workerpool0-0 exited with status 2." in capsys.readouterr().out


def test_without_waiting_the_command_ends_when_the_run_has_started(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit("--no-wait", "--run-id", "mine") == 0

    assert vertex.calls == ["CreatePipelineJob"]
    assert capsys.readouterr().out.startswith("Run: mine\nPage: https://console.cloud.google.com/")


def test_a_run_has_what_the_profile_and_the_command_line_say(vertex: VertexPipelines) -> None:
    assert submit("--no-wait", "--no-cache", "-p", "times=3", "--run-id", "mine") == 0

    job = vertex.jobs[f"{PARENT}/pipelineJobs/mine"]
    assert dict(job.runtime_config.parameter_values) == {"text": "of the profile", "times": 3}
    assert job.service_account == "runner@my-project.iam.gserviceaccount.com"
    tasks = job.pipeline_spec["root"]["dag"]["tasks"]
    assert [dict(task["cachingOptions"]) for task in tasks.values()] == [{}, {}, {}]


def test_a_run_keeps_the_caching_that_its_tasks_ask_for(vertex: VertexPipelines) -> None:
    start(vertex, "mine")

    job = vertex.jobs[f"{PARENT}/pipelineJobs/mine"]
    assert job.pipeline_spec["root"]["dag"]["tasks"]["step"]["cachingOptions"]["enableCache"]


def test_a_call_whose_answer_was_lost_starts_no_second_run(vertex: VertexPipelines) -> None:
    vertex.lost.add("CreatePipelineJob")

    assert submit() == 0

    assert vertex.calls[:3] == ["CreatePipelineJob", "CreatePipelineJob", "GetPipelineJob"]
    assert len(vertex.jobs) == 1


def test_a_pipeline_that_takes_an_artifact_is_not_started_without_it(
    vertex: VertexPipelines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pipeline.py").write_text(TAKING, "utf-8")

    assert submit() == 2

    assert "takes an artifact as its input `rows`, but parameters" in capsys.readouterr().err
    assert vertex.calls == []


def test_runs_that_start_in_one_second_have_names_of_their_own(vertex: VertexPipelines) -> None:
    for _ in range(4):
        assert submit("--no-wait") == 0

    names = [name.rpartition("/")[2] for name in vertex.jobs]
    assert all(re.fullmatch(r"three-steps-\d{14}", name) for name in names)
    assert len(set(names)) == 4


def test_a_name_under_which_later_runs_would_not_find_this_one_is_refused(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("resolving.py").write_text(RESOLVING, "utf-8")
    digest = f"sha256:{'0a' * 32}"
    images = f'[images]\nregistry = "ghcr.io/mine"\ndigests.latest_blessed_model = "{digest}"\n'
    Path("headrace.toml").write_text(PROFILE.replace("text = ", "more = ") + images, "utf-8")
    command = ["submit", "resolving.py", "--target", "vertex", "--no-wait", "--run-id"]

    assert main([*command, "mine"]) == 2
    assert main([*command, "daily-20260102030405"]) == 0

    error = capsys.readouterr().err
    assert (
        "'latest-blessed-model' knows earlier runs of the pipeline by names such as 'daily-2026"
        in error
    )


def test_a_run_is_not_started_under_a_name_that_is_taken(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    start(vertex, "mine")

    assert submit("--run-id", "mine") == 2

    assert "there is a run 'mine' in projects/my-project" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "text", "exit_code", "message"),
    [
        (
            grpc.StatusCode.PERMISSION_DENIED,
            "Permission 'aiplatform.pipelineJobs.create' denied",
            75,
            r"did not start the run: 403 Permission .* needs the role roles/aiplatform.user on "
            r"project 'my-project' and, since tasks run as runner@my-project\S+, "
            r"roles/iam.serviceAccountUser on that account",
        ),
        (
            grpc.StatusCode.PERMISSION_DENIED,
            "Vertex AI API has not been used in project 1 before or it is disabled.",
            75,
            r"Enable the API: `gcloud services enable aiplatform.googleapis.com --project my-p",
        ),
        (
            grpc.StatusCode.NOT_FOUND,
            "Location europe-west99 is not found",
            2,
            r"Check `project`, 'my-project', and `region`, 'europe-west1', in \[vertex\] of "
            r"headrace.toml, and that the project has the API enabled",
        ),
        (
            grpc.StatusCode.INVALID_ARGUMENT,
            "Field: parameter_values",
            2,
            r"400 Field: parameter_values. Correct what it names",
        ),
        (
            grpc.StatusCode.UNAUTHENTICATED,
            "Request had expired authentication credentials",
            75,
            r"no credentials for Google Cloud that it takes: 401 .* Run `gcloud auth "
            r"application-default login`",
        ),
        (
            grpc.StatusCode.UNAVAILABLE,
            "Getting metadata from plugin failed with error: ('invalid_grant: Bad Request', {})",
            75,
            r"no credentials for Google Cloud .*invalid_grant.* Run `gcloud auth",
        ),
    ],
)
def test_what_the_api_refuses_is_explained_at_once(
    vertex: VertexPipelines,
    code: grpc.StatusCode,
    text: str,
    exit_code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    vertex.refusals["CreatePipelineJob"] = [(code, text)] * 9

    assert submit() == exit_code

    assert vertex.calls == ["CreatePipelineJob"]
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)


@pytest.mark.parametrize(
    ("code", "text", "advice"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded", r"Ask for more quota in 'my-proj"),
        (grpc.StatusCode.UNAVAILABLE, "The service is unavailable", r"Call the command again"),
        (
            grpc.StatusCode.UNAVAILABLE,
            "DNS resolution failed for europe-west99-aiplatform.googleapis.com:443",
            r"Check `project`, 'my-project', and `region`",
        ),
    ],
)
def test_a_busy_api_is_asked_again_and_then_explained(
    vertex: VertexPipelines,
    code: grpc.StatusCode,
    text: str,
    advice: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    vertex.refusals["CreatePipelineJob"] = [(code, text)] * 2
    assert submit("--no-wait") == 0
    assert f"{text}. Again in 0.01 s." in caplog.text

    vertex.refusals["CreatePipelineJob"] = [(code, text)] * 9
    assert submit("--no-wait") == 75

    assert vertex.calls == ["CreatePipelineJob"] * 6
    assert re.search(advice, capsys.readouterr().err)


def test_watching_goes_on_when_the_api_is_busy_and_says_how_when_it_stays_so(
    vertex: VertexPipelines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = (grpc.StatusCode.UNAVAILABLE, "The service is unavailable")
    vertex.refusals["GetPipelineJob"] = [None, busy, None, busy, busy, None]
    assert submit() == 0
    vertex.refusals["GetPipelineJob"] = [None, *[busy] * 3]
    assert submit() == 0
    assert "It is asked again for 10 minutes; the run goes on.\n" in capsys.readouterr().err

    monkeypatch.setattr(watching, "PATIENCE_SECONDS", 0)
    vertex.refusals["GetPipelineJob"] = [None, *[busy] * 3]
    assert submit("--run-id", "mine") == 75

    error = capsys.readouterr().err
    assert "Run mine goes on without this command.\n" in error
    assert "To watch it:  headrace runs watch mine --target vertex\n" in error
    assert error.splitlines()[-1].startswith("error: vertex: 127.0.0.1")


# Like a shell starts background commands of a script.
IGNORING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def test_ctrl_c_is_heard_where_it_was_ignored_at_the_start(vertex: VertexPipelines) -> None:
    vertex.steps = 2
    start(vertex, "mine")
    command = [
        sys.executable,
        "-m",
        "headrace.cli.main",
        "runs",
        "watch",
        "mine",
        "--target",
        "vertex",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", IGNORING, *command, "--poll", "0.1"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "started" in line:
            break

    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Run mine goes on without this command." in error


def test_ctrl_c_ends_the_waiting_and_not_the_run(vertex: VertexPipelines) -> None:
    vertex.steps = 2
    command = [
        sys.executable,
        "-m",
        "headrace.cli.main",
        "submit",
        "pipeline.py",
        "--target",
        "vertex",
    ]
    config = Path("headrace.toml").rename("my profile.toml")
    process = subprocess.Popen(
        [*command, "--config", str(config), "--run-id", "mine", "--poll", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "step-2" in line and "started" in line:
            break

    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=60)

    assert process.returncode == 130
    assert output.startswith("Run: mine\nPage: https://")
    assert error.splitlines()[-3:] == [
        "Run mine goes on without this command.",
        "To watch it:  headrace runs watch mine --target vertex --config 'my profile.toml'",
        "To cancel it: headrace runs cancel mine --target vertex --config 'my profile.toml'",
    ]
    assert "CancelPipelineJob" not in vertex.calls
    vertex.steps = 100
    watch = ["runs", "watch", "mine", "--target", "vertex", "--config", "my profile.toml"]
    assert main([*watch, "--poll", "0.1"]) == 0


def test_runs_are_listed_shown_cancelled_and_deleted(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    for run_id in ("one", "two", "three"):
        start(vertex, run_id)
    vertex.steps = 3
    capsys.readouterr()

    assert runs("list", "--limit", "3") == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"CREATED \(UTC\)  +STATE    NAME         RUN    TIME +PARAMETERS", heading)
    assert [re.sub(r"\d+h \d\dm", "TIME", row) for row in rows] == [
        "2026-01-02 03:06:05  waiting  three-steps  three  TIME  text=of the profile",
        "2026-01-02 03:05:05  waiting  three-steps  two    TIME  text=of the profile",
        "2026-01-02 03:04:05  waiting  three-steps  one    TIME  text=of the profile",
    ]
    assert runs("delete", "two") == 2
    assert "is not in a terminal state. `headrace runs show" in capsys.readouterr().err
    assert runs("cancel", "two") == 0
    assert capsys.readouterr().out == "Run two is being cancelled.\n"
    assert runs("show", "two", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["state"], shown["created"]) == ("cancelled", "2026-01-02T03:05:05+00:00")
    assert runs("cancel", "two") == 2
    assert "run 'two' is over (cancelled). There is nothing to cancel" in capsys.readouterr().err
    assert runs("delete", "two") == 0
    assert runs("show", "two") == 2
    assert "is not found. `headrace runs list --target vertex` shows" in capsys.readouterr().err
    assert runs("show", f"{PARENT}/pipelineJobs/one") == 0
    words = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert words[0] == ["one", "running,"]
    assert words[2:5] == [["Pipeline:", "three-steps"], ["text", "="], ["times", "="]]
    assert words[5] == ["step", "running"]
    assert words[6][0].startswith("https://console.cloud.google.com/logs/query;query=resource.type")
    assert words[7:] == [["step-2", "waiting"], ["step-3", "waiting"]]
    assert runs("list", "--json", "--limit", "1") == 0
    assert [run["id"] for run in json.loads(capsys.readouterr().out)] == ["three"]


def test_runs_have_the_same_names_and_filters_as_elsewhere(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit("--no-wait", "-p", "times=4") == 0
    start(vertex, "mine-1")
    start(vertex, "mine-2")
    chosen = next(iter(vertex.jobs)).rpartition("/")[2]

    def found(*words: str) -> list[str]:
        capsys.readouterr()
        assert runs("list", "--json", *words) == 0
        return [run["id"] for run in json.loads(capsys.readouterr().out)]

    def shown(name: str) -> str:
        capsys.readouterr()
        assert runs("show", name, "--json") == 0
        return str(json.loads(capsys.readouterr().out)["id"])

    assert found("-p", "times=4") == [chosen]
    assert found("-p", "text=of the profile", "--limit", "2") == ["mine-2", "mine-1"]
    assert found("--pipeline", "three-steps") == ["mine-2", "mine-1", chosen]
    assert found("--pipeline", "three") == []
    assert (shown("three-steps/latest"), shown("three")) == ("mine-2", chosen)
    assert runs("show", "mine") == 2
    assert "is the beginning of 2 runs: mine-2, mine-1." in capsys.readouterr().err
    vertex.calls.clear()
    assert shown(chosen) == chosen
    assert vertex.calls == ["GetPipelineJob"]


def test_a_cancelled_run_ends_the_waiting_with_exit_code_1(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    start(vertex, "mine")
    vertex.steps = 1
    assert runs("show", "mine") == 0
    assert runs("cancel", "mine") == 0
    vertex.steps = 1

    assert runs("watch", "mine", "--poll", "0.1") == 1

    assert "Run mine cancelled in 30m 00s: 1 cancelled\n" in capsys.readouterr().err


def test_a_schedule_is_made_with_its_times(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    times = ["--timezone", "Europe/Paris", "--start", "2026-07-01T12:00", "--end", "2999-01-01"]

    assert submit("--schedule", " 0 3 * * 1-5", *times, "--max-concurrent", "2") == 0

    (made,) = vertex.scheduled.values()
    assert made.cron == "TZ=Europe/Paris 0 3 * * 1-5"
    assert made.display_name == "three-steps"
    assert made.start_time == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert made.end_time == datetime(2998, 12, 31, 23, tzinfo=UTC)
    assert made.max_concurrent_run_count == 2
    job = made.create_pipeline_job_request.pipeline_job
    assert dict(job.runtime_config.parameter_values) == {"text": "of the profile"}
    assert capsys.readouterr().out == (
        "Schedule: 100\nPage: https://console.cloud.google.com/vertex-ai/locations/europe-west1/"
        "pipelines/schedules/100?project=1234567890\n"
    )


def test_a_schedule_is_not_made_twice(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    vertex.lost.add("CreateSchedule")
    assert submit("--schedule", "0 3 * * *") == 0

    assert submit("--schedule", "0 4 * * *") == 2

    assert len(vertex.scheduled) == 1
    assert "Delete it: `headrace schedules delete --target vertex 100`" in capsys.readouterr().err
    assert submit("--schedule", "0 4 * * *", "--schedule-name", "other") == 0


def test_schedules_are_listed_paused_resumed_and_deleted(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        assert submit("--schedule", "0 3 * * *", "--schedule-name", name) == 0
    capsys.readouterr()

    assert schedules("pause", "101") == 0
    assert vertex.scheduled[f"{PARENT}/schedules/101"].state == Schedule.State.PAUSED
    assert schedules("list") == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "NEXT RUN (UTC)       STATE   CRON       NAME  SCHEDULE",
        "2026-01-03 03:04:05  active  0 3 * * *  c     102",
        "-                    paused  0 3 * * *  b     101",
        "2026-01-03 03:04:05  active  0 3 * * *  a     100",
    ]
    assert schedules("resume", "101") == 0
    assert vertex.scheduled[f"{PARENT}/schedules/101"].state == Schedule.State.ACTIVE
    assert schedules("delete", "101") == 0
    assert schedules("delete", "101") == 2
    assert "`headrace schedules list --target vertex` shows those" in capsys.readouterr().err
    assert schedules("list", "--json") == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)] == ["102", "100"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--schedule", "daily"], r"--schedule is 'daily', expected five fields"),
        (["--schedule", "0 3 * * *", "--run-id", "a"], r"--run-id 'a' and --schedule"),
        (["--timezone", "UTC"], r"--timezone is of a schedule, but there is no --schedule"),
        (
            ["--schedule", "0 3 * * *", "--timezone", "Europe/Pari"],
            r"--timezone is 'Europe/Pari', which this machine's database",
        ),
        (["--schedule", "0 3 * * *", "--start", "soon"], r"--start is 'soon', expected a time as"),
        (
            ["--schedule", "0 3 * * *", "--start", "2026-02-01", "--end", "2026-01-01"],
            r"--end is '2026-01-01', which is not after --start, '2026-02-01'",
        ),
        (
            ["--schedule", "0 3 * * *", "--end", "2026-01-01"],
            r"--end is '2026-01-01', which is over, so nothing would ever run",
        ),
        (["--run-id", "My_Run"], r"--run-id is 'My_Run', expected at most 128 lower-case"),
        (["-p", "txet=x"], r"headrace submit: pipeline 'three-steps' has no parameter 'txet'"),
        (["-p", "times=many"], r"headrace submit: `times` is \"many\", expected an integer"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_called(
    vertex: VertexPipelines,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert submit(*options) == 2

    assert vertex.calls == []
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('project = "my-project"', "", r"`project` is not set, .*\[vertex\] of headrace.toml"),
        ('region = "europe-west1"', "", r"`region` is not set, .*`region = \"europe-west1\"`"),
        (
            '{ text = "of the profile" }',
            "{}",
            r"needs a value for text. Pass it, for example -p text=VALUE",
        ),
    ],
)
def test_a_setting_that_is_missing_is_named(
    vertex: VertexPipelines, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PROFILE.replace(f"{old}\n", "") if not new else PROFILE.replace(old, new)
    Path("headrace.toml").write_text(text, "utf-8")

    assert submit() == 2

    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("endpoint", ["http://example.com", "https://example.com"])
def test_only_this_machine_is_called_without_encryption(
    vertex: VertexPipelines,
    endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(jobs_api.ENDPOINT_VARIABLE, endpoint)

    assert submit() == 2

    assert f"is {endpoint!r}, expected one without scheme" in capsys.readouterr().err


def test_the_profile_may_name_the_host(
    vertex: VertexPipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(jobs_api.ENDPOINT_VARIABLE)
    Path("headrace.toml").write_text(f'{PROFILE}endpoint = "{vertex.address}"\n', "utf-8")

    assert submit("--no-wait") == 0


def test_credentials_are_asked_for_when_the_pipeline_has_compiled(
    vertex: VertexPipelines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(jobs_api.ENDPOINT_VARIABLE)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")

    assert submit("-p", "txet=x") == 2
    assert "no parameter 'txet'" in capsys.readouterr().err
    assert submit() == 75

    assert "Run `gcloud auth application-default login`" in capsys.readouterr().err


def test_a_client_that_is_not_installed_is_named_with_its_extra(
    vertex: VertexPipelines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.aiplatform_v1.services", None)

    assert submit() == 2

    error = capsys.readouterr().err
    assert "is not installed, which calls to Vertex AI need. Run `pip install 'headrace[v" in error
