"""The view of an author on runs on Kubeflow, with answers of a real one.

The runs and the log in tests/fixtures/kubeflow_runs are answers of Kubeflow Pipelines 2.17.
"""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import base64
import gzip
import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from google.protobuf import json_format
from kfp import dsl

import headrace_components
from headrace.cli.main import main
from headrace.contract.service import ServiceRun, ServiceTask
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow import failures
from headrace.targets.kubeflow.cluster_state import ClusterState
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.kubeflow.submit import KubeflowRemote, connect
from headrace.targets.remote import watching
from headrace_components.contract.declaration import find, names
from support.cases import kubeflow_pipelines
from support.cases.kubeflow_pipelines import order
from support.fakes.kubeflow_api import KubeflowApi
from support.fakes.kubeflow_cluster import Cluster as FakeCluster
from support.fakes.kubeflow_cluster import kubeflow_cluster
from support.fakes.kubeflow_workflow import Workflow
from support.fakes.port_forwarding import forwarding

RUNS = Path(__file__).parents[2] / "fixtures" / "kubeflow_runs"
LOG = (RUNS / "node_log_failed_task.txt").read_text("utf-8")
FAILED_POD = "camp2-trfail-9trxl-system-container-impl-2380975042"
END = "F1129 21:08:42.903210      16 main.go:130] failed to execute component: {}\n"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    with kubeflow_cluster(tmp_path) as served:
        monkeypatch.setenv("KUBECONFIG", str(served.kubeconfig))
        yield served


def recorded(api: KubeflowApi, name: str) -> str:
    """Adds a run of a real Kubeflow to the API, and returns its ID."""
    run: dict[str, Any] = json.loads((RUNS / f"run_{name}.json").read_text("utf-8"))
    api.runs[run["run_id"]] = run
    return str(run["run_id"])


def options(api: KubeflowApi, folder: Path, more: str = "") -> list[str]:
    config = folder / "headrace.toml"
    config.write_text(f'[kubeflow]\nhost = "{api.address}"\n{more}\n', "utf-8")
    return ["--target", "kubeflow", "--config", str(config)]


def task(run: ServiceRun, name: str) -> ServiceTask:
    return next(each for each in run.tasks if each.name == name)


def test_a_failed_task_says_its_own_last_error_and_what_its_exit_code_means(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    run_id = recorded(api, "failed_task")
    api.logs[FAILED_POD] = LOG

    run = remote.describe(run_id)

    assert run.state == "failed"
    assert run.message == ""
    assert task(run, "transform").message == (
        "transform: preprocessing_fn raised ValueError at module_raise.py, line 2: camp2: my own "
        "error in preprocessing_fn. Expected it to return: correct it there; the log has the full "
        "traceback.\n"
        "Exit code 2: the pipeline, a parameter or the data has to change, and a retry would fail "
        "as well."
    )
    assert {each.name: each.state for each in run.tasks} == {
        "csv-example-gen": "done",
        "statistics-gen": "done",
        "schema-gen": "done",
        "transform": "failed",
    }


def test_the_log_of_a_pod_that_is_gone_is_read_where_argo_keeps_it(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    run_id = recorded(api, "failed_task")
    assert "cannot be read any more" in task(remote.describe(run_id), "transform").message

    api.archive["camp2-trfail-9trxl-2380975042"] = LOG

    assert "my own error" in task(remote.describe(run_id), "transform").message
    assert remote.log(run_id, "transform") == LOG


def test_who_may_not_read_logs_sees_the_run_and_hears_why(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    run_id = recorded(api, "failed_task")
    api.logs[FAILED_POD] = LOG
    api.refusals["GET log"] = [403] * 100

    failed = task(remote.describe(run_id), "transform")

    assert failed.state == "failed"
    assert failed.message.startswith("Its log cannot be read: kubeflow: ")
    assert "answered 403" in failed.message


def test_waiting_for_a_failed_run_ends_with_the_error_and_where_the_log_is(
    api: KubeflowApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = recorded(api, "failed_task")
    api.logs[FAILED_POD] = LOG
    given = options(api, tmp_path)

    assert main(["runs", "watch", run_id, *given, "--poll", "0.1"]) == 1
    told = capsys.readouterr().err
    assert "ValueError at module_raise.py, line 2: camp2: my own error" in told
    assert f"Its log: headrace runs logs {' '.join(given)} {run_id} transform\n" in told

    assert main(["runs", "show", run_id, *given]) == 0
    shown = capsys.readouterr().out
    assert "    Exit code 2: the pipeline, a parameter" in shown
    assert f"Their logs: headrace runs logs {' '.join(given)} {run_id}\n" in shown


RAISED = (
    "Traceback (most recent call last):\n"
    + "  File x, line 1, in f\n    f()\n" * 30
    + "KeyError: 'late'\n"
)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("ERROR a: b.\n" + END.format("exit status 75"), "a: b.\nExit code 75: the platform"),
        ("ERROR:root:a: b.\n" + END.format("exit status 3"), "a: b.\nExit code 3."),
        (END.format("exit status 137"), "It was killed, most often because it needed more memory"),
        (END.format("signal: killed"), "It was killed, most often because it needed more memory"),
        ("INFO a: begins.\n", "Its log just stops, so its whole container was killed."),
        (
            "ERROR a: one\n  two\nINFO a: three\nERROR a: four\nfive\n"
            + END.format("signal: term"),
            "a: four\nfive\nIt ended by signal: term.",
        ),
        (
            "Traceback (most recent call last):\n  File x\nKeyError: 'a'\n\n"
            "During handling of the above exception, another exception occurred:\n\n"
            "Traceback (most recent call last):\n  File y\n    f()\nValueError: b\nmore of b\n"
            + END.format("exit status 1"),
            "ValueError: b\nmore of b\nExit code 1.",
        ),
        (
            "ERROR:root:no answer, again\nINFO:root:there it is\n"
            + RAISED
            + END.format("exit status 1"),
            "KeyError: 'late'\nExit code 1.",
        ),
        (
            "ERROR:root:row 3\n" + RAISED + "INFO:root:bye\n" + END.format("exit status 1"),
            "row 3\nKeyError: 'late'\nExit code 1.",
        ),
        (
            "ERROR a: b.\nException ignored in: <function f>\n"
            "Traceback (most recent call last):\n  File x\nTypeError: c\n"
            + END.format("exit status 2"),
            "a: b.\n",
        ),
        (
            "\x1b[31mERROR a: größe ☃\x1b[0m\n" + END.format("exit status 3"),
            "a: größe ☃\nExit code 3.",
        ),
        (
            "INFO a: done.\nF1129 21:08:42.9 16 main.go:130] failed to upload output artifacts: "
            "no bucket\n",
            "Kubeflow's launcher: failed to upload output artifacts: no bucket",
        ),
    ],
)
def test_what_ended_a_task_is_read_from_its_log(log: str, reason: str) -> None:
    assert failures.reason_of_task(log).startswith(reason)


def test_a_task_that_needed_too_much_memory_says_so(
    api: KubeflowApi, remote: KubeflowRemote, cluster: FakeCluster
) -> None:
    whole = recorded(api, "oom_killed")
    cluster.run_id = whole
    node = "camp2-ingest-cbq7h-3210521526"
    pod = "camp2-ingest-cbq7h-system-container-impl-3210521526"
    api.logs[pod] = "INFO csv_example_gen: reading.\n"
    cluster.add_workflow(
        "camp2-ingest-cbq7h", nodes={node: {"message": "main: OOMKilled (exit code 137)"}}
    )
    alone = recorded(api, "oom_killed_component")
    api.logs["camp2-hog-fm96h-system-container-impl-510199001"] = END.format("signal: killed")

    for run_id, name in ((whole, "csv-example-gen"), (alone, "hog")):
        assert task(remote.describe(run_id), name).message == failures.OUT_OF_MEMORY


def test_a_run_whose_service_account_is_not_there_says_so(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    run = remote.describe(recorded(api, "no_service_account"))

    assert run.state == "failed"
    account = api.runs[run.id]["service_account"]
    assert f"Most often its service account is not there: {account!r}" in run.message
    assert f"describe workflow -l pipeline/runid={run.id}" in run.message


def test_a_run_that_fails_by_its_first_driver_says_its_words(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    run_id = recorded(api, "no_service_account")
    api.logs["camp2-ingest-gw6hv-system-dag-driver-844316661"] = (
        "F1129 21:47:24.964760      17 main.go:127] KFP driver: driver.RootDAG(pipelineName=a, "
        "runID=b) failed: pipeline root 's3://a' has no region\n"
    )

    assert (
        "first task. Its driver, which prepares the task, failed: pipeline root 's3://a' has"
        in (remote.describe(run_id).message)
    )


def test_a_run_that_fails_beside_its_tasks_does_not_blame_its_account(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    run_id = recorded(api, "succeeded_penguins")
    api.runs[run_id]["state"] = "FAILED"

    assert remote.describe(run_id).message == "It failed, and none of its tasks has the reason."


def test_what_the_cluster_says_of_a_run_without_tasks_is_passed_on(
    api: KubeflowApi, remote: KubeflowRemote, cluster: FakeCluster
) -> None:
    cluster.run_id = recorded(api, "no_service_account")
    said = 'error looking up service account kubeflow/nobody: serviceaccount "nobody" not found'
    cluster.add_workflow("camp2-ingest-gw6hv", phase="Failed")
    cluster.add_event("camp2-ingest-gw6hv", said, "2026-11-29T21:03:21Z")

    run = remote.describe(cluster.run_id)

    assert run.message == f"It failed before its first task. Kubernetes says: {said}"


@pytest.mark.parametrize("name", ["cancelled_while_running", "cancelled_while_pending"])
def test_a_cancelled_run_is_told_as_cancelled(
    name: str, api: KubeflowApi, remote: KubeflowRemote, tmp_path: Path
) -> None:
    run_id = recorded(api, name)

    run = remote.describe(run_id)

    assert run.state == "cancelled"
    assert {each.state for each in run.tasks} == {"cancelled"}
    assert [each.state for each in remote.runs(20)] == ["cancelled"]
    assert main(["runs", "watch", run_id, *options(api, tmp_path), "--poll", "0.1"]) == 1


@pytest.mark.parametrize(
    "name",
    [
        "pending_cpu",
        "pending_gpu_timeout",
        "pending_gpuquota",
        "pending_image",
        "pending_nopvc",
        "image_pull_backoff",
    ],
)
def test_a_task_that_cannot_start_says_that_it_waits(
    name: str, api: KubeflowApi, remote: KubeflowRemote
) -> None:
    waits = task(remote.describe(recorded(api, name)), "csv-example-gen")

    assert waits.state == "running"
    assert waits.pending_seconds > 60
    assert "its pod has not started, and this account may not read why" in waits.message
    assert "kubectl -n kubeflow get events" in waits.message


def test_why_a_pod_cannot_start_is_read_from_the_cluster(
    api: KubeflowApi, cluster: FakeCluster
) -> None:
    def reason(name: str) -> str:
        cluster.run_id = recorded(api, name)
        remote = connect(Profile(targets=(Kubeflow(host=api.address),)))
        return task(remote.describe(cluster.run_id), "csv-example-gen").message

    scheduled = {"type": "PodScheduled", "status": "True"}
    node = "camp2-ingest-wtth6-1953650986"
    unfit = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available"
    cluster.add_pod(
        "a",
        node,
        phase="Pending",
        conditions=[
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": unfit,
            }
        ],
    )
    assert reason("pending_cpu") == f"its pod has not started: {unfit}"

    node = "camp2-ingest-jlwsv-2121218839"
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nowhere/a:1"'}
    cluster.add_pod(
        "b",
        node,
        phase="Pending",
        conditions=[scheduled],
        containerStatuses=[{"name": "main", "state": {"waiting": waiting}}],
    )
    assert "ImagePullBackOff: Back-off pulling" in reason("image_pull_backoff")

    node = "camp2-ingest-nmtct-97313705"
    starting = {"name": "main", "state": {"waiting": {"reason": "ContainerCreating"}}}
    cluster.add_pod("c", node, conditions=[scheduled], containerStatuses=[starting])
    cluster.add_event("c", 'MountVolume.SetUp failed: secret "s" not found', "2026-11-29T21:05:00Z")
    cluster.add_event("c", "an earlier one", "2026-11-29T21:04:00Z")
    assert reason("pending_nopvc").endswith('failed: secret "s" not found')

    node = "camp2-ingest-fkxvl-831769530"
    quota = 'pods "x" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1'
    packed = gzip.compress(json.dumps({node: {"message": quota}}).encode())
    cluster.pods.clear()
    cluster.add_workflow("w", compressedNodes=base64.b64encode(packed).decode())
    assert reason("pending_gpuquota").endswith(quota)

    cluster.forbidden = {"workflows", "pods", "events"}
    assert "this account may not read why" in reason("pending_gpuquota")


def test_a_pod_that_starts_is_told_from_one_of_the_same_moment_that_waits(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    run_id = recorded(api, "pending_cpu")
    run = api.runs[run_id]
    other = {"display_name": "executor(0)", "state": "RUNNING", "task_id": "other"}
    details = run["run_details"]["task_details"]
    mine = next(each for each in details if each["display_name"] == "executor(0)")
    details.append({**mine, **other})

    assert task(remote.describe(run_id), "csv-example-gen").pending_seconds > 60

    api.logs["camp2-ingest-wtth6-system-container-impl-1953650986"] = "INFO it runs.\n"
    assert task(remote.describe(run_id), "csv-example-gen").pending_seconds == 0


@pytest.mark.parametrize("name", ["retrying", "running_after_pod_deleted"])
def test_a_pod_that_was_deleted_and_made_again_is_told_of(
    name: str, api: KubeflowApi, remote: KubeflowRemote
) -> None:
    run = remote.describe(recorded(api, name))

    again = task(run, "sleeper")
    assert again.state == "running"
    assert again.message == (
        "attempt 2. The one before failed: Its pod was deleted, or lost its node."
    )


def test_a_driver_that_fails_names_its_task_and_the_input(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    api.failing_drivers = {"train"}
    api.logs["train-driver"] = (
        "F1129 21:47:24.964760      17 main.go:127] KFP driver: driver.Container("
        'pipelineName=edge-loops, runID=038888af, taskDisplayName="lst", taskName="lst", '
        'component="comp-lst", dagExecutionID=445, componentSpec) failed: failed to resolve '
        'inputs: input parameter "n" type mismatch: expect NUMBER_INTEGER, got string\n'
    )
    run_id = remote.submit(order()).id
    while not (run := remote.describe(run_id)).is_over:
        pass

    failed = task(run, "train")
    assert failed.state == "failed"
    assert failed.message == (
        "Its driver, which prepares the task, failed: failed to resolve inputs: input parameter "
        '"n" type mismatch: expect NUMBER_INTEGER, got string.'
    )


def test_a_task_from_the_cache_is_told_as_cached(api: KubeflowApi, remote: KubeflowRemote) -> None:
    run = remote.describe(recorded(api, "cached_kfp_sample"))

    assert {each.name: each.state for each in run.tasks} == {
        "make-data": "cached",
        "sum-data": "cached",
    }


def test_a_finished_run_has_no_task_under_way(api: KubeflowApi, remote: KubeflowRemote) -> None:
    run_id = recorded(api, "pending_cpu")
    for state, told in (("FAILED", "cancelled"), ("SUCCEEDED", "done")):
        api.runs[run_id]["state"] = state

        assert task(remote.describe(run_id), "csv-example-gen").state == told


def test_logs_are_printed_of_one_task_and_of_all(
    api: KubeflowApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = recorded(api, "failed_task")
    api.logs[FAILED_POD] = LOG
    given = options(api, tmp_path)

    assert main(["runs", "logs", run_id, "transform", *given]) == 0
    assert capsys.readouterr().out == LOG
    assert main(["runs", "logs", run_id, *given]) == 0
    assert capsys.readouterr().out == f"==> transform, failed <==\n{LOG}"
    assert main(["runs", "logs", run_id, "transfrom", *given]) == 2
    assert "Did you mean 'transform'?" in capsys.readouterr().err
    assert main(["runs", "logs", run_id, "schema-gen", *given]) == 2
    assert "is done, cannot be read" in capsys.readouterr().err


def test_a_log_is_followed_until_its_task_ends(
    api: KubeflowApi, remote: KubeflowRemote, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = iter(["INFO one\nINFO t", "wo\n", "", "INFO three"])
    shown = ""

    def grown(self: KubeflowApi, run_id: str, node: str) -> str | None:
        nonlocal shown
        if api.runs[run_id]["_pods"].get(node) != "make":
            return None
        shown += next(lines, "")
        return shown

    run_id = remote.submit(order()).id
    api.log = grown.__get__(api)  # type: ignore[method-assign]

    assert (
        main(["runs", "logs", run_id, "make", "-f", "--poll", "0.1", *options(api, tmp_path)]) == 0
    )

    assert capsys.readouterr().out.startswith("INFO one\nINFO two\n")


def test_contact_that_comes_back_is_waited_for_with_a_word(
    api: KubeflowApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.refusals["GET runs"] = [0, *([503] * 7)]

    pipeline = f"{kubeflow_pipelines.__file__}:flights"
    assert main(["submit", pipeline, *options(api, tmp_path), "--poll", "0.1"]) == 0

    told = capsys.readouterr().err
    assert "It is asked again for 10 minutes; the run goes on." in told
    assert "It answers again, after" in told


def test_contact_that_stays_lost_has_an_exit_code_of_its_own(
    api: KubeflowApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(watching, "PATIENCE_SECONDS", 0.5)
    api.refusals["GET runs"] = [0, *([503] * 1000)]

    pipeline = f"{kubeflow_pipelines.__file__}:flights"
    given = options(api, tmp_path)
    assert main(["submit", pipeline, *given, "--poll", "0.1"]) == 75

    (run_id,) = api.runs
    told = capsys.readouterr().err
    assert f"To watch it:  headrace runs watch {run_id} {' '.join(given)}" in told
    assert "answered 503" in told


def test_a_run_that_cannot_start_is_ended_after_the_pending_timeout(
    api: KubeflowApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.stuck = {"make"}
    given = options(api, tmp_path, 'pending_timeout = "1s"')

    pipeline = f"{kubeflow_pipelines.__file__}:flights"
    assert main(["submit", pipeline, *given, "--poll", "0.1"]) == 1

    (run,) = api.runs.values()
    assert [each["state"] for each in run["state_history"]][-2:] == ["CANCELING", "FAILED"]
    told = capsys.readouterr().err
    assert "make: it has waited longer than `pending_timeout` of the profile." in told
    assert "cancelled in" in told
    assert "running" not in told.rpartition("cancelled in")[2]


def test_a_tunnel_that_breaks_is_opened_again_without_a_traceback(
    api: KubeflowApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    port = int(api.address.rpartition(":")[2])
    with forwarding(tmp_path, {"ml-pipeline": port}) as served:
        monkeypatch.setenv("KUBECONFIG", str(served.kubeconfig))
        remote = connect(Profile(targets=(Kubeflow(),)))
        run = remote.submit(order())
        before = len(served.opened)

        served.drop()

        assert remote.describe(run.id).id == run.id
        assert len(served.opened) > before
    assert hooked == []
    assert "Traceback" not in capsys.readouterr().err


def test_verdicts_of_tasks_are_told_when_they_end_and_later(
    api: KubeflowApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = recorded(api, "succeeded_penguins")
    api.logs["penguins-nc4cg-system-container-impl-2177449440"] = (
        "INFO evaluator: metrics took 1.0 s.\n"
        "NOTICE evaluator: NOT_BLESSED: accuracy is 0.7, expected at least 0.8.\n"
        "I1129 21:08:42.697164      16 launcher_v2.go:867] Executing uploadOutputArtifacts\n"
    )
    api.logs["penguins-nc4cg-system-container-impl-269774342"] = (
        "NOTICE pusher: nothing is pushed: `model_blessing` at minio://a/b is not a blessing.\n"
    )
    given = options(api, tmp_path)

    assert main(["runs", "watch", run_id, *given, "--poll", "0.1"]) == 0
    told = capsys.readouterr().err
    assert "\nevaluator: NOT_BLESSED: accuracy is 0.7, expected at least 0.8.\n" in told
    assert "\npusher: nothing is pushed: `model_blessing` at minio://a/b is not a bless" in told

    assert main(["runs", "show", run_id, *given]) == 0
    assert "\n    NOT_BLESSED: accuracy is 0.7, expected at" in capsys.readouterr().out


def test_the_job_of_a_task_on_beam_is_told_while_it_runs(
    api: KubeflowApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = recorded(api, "pending_cpu")
    run = api.runs[run_id]
    attempt = next(
        each for each in run["run_details"]["task_details"] if each["display_name"] == "executor(0)"
    )
    attempt["state"] = "RUNNING"
    page = "NOTICE csv_example_gen: Flink job headrace-1: http://flink:8081/#/job/running/1\n"
    state = "NOTICE csv_example_gen: Flink job headrace-1 is RUNNING: 0 of 33 parts are done.\n"
    pod = "camp2-ingest-wtth6-system-container-impl-1953650986"
    api.logs[pod] = f"INFO it runs.\n{page}"
    looked: list[tuple[str, ...]] = []
    describe = KubeflowRemote.describe

    def described(self: KubeflowRemote, run_id: str) -> ServiceRun:
        found = describe(self, run_id)
        looked.append(task(found, "csv-example-gen").notices)
        api.logs[pod] += state if len(looked) == 1 else ""
        if len(looked) == 4:
            run["state"] = "SUCCEEDED"
        return found

    given = [*options(api, tmp_path), "--poll", "0.1"]
    with mock.patch.object(KubeflowRemote, "describe", described):
        assert main(["runs", "watch", run_id, *given]) == 0
    # No log is read for a task that cannot run on another node.
    assert set(looked) == {()}
    assert "Flink job" not in capsys.readouterr().err

    run["state"] = "RUNNING"
    looked.clear()
    api.logs[pod] = f"INFO it runs.\n{page}"
    args = {"runtimeValue": {"constant": ["--runner=PortableRunner", "--job_endpoint=a:8099"]}}
    spec = run["pipeline_spec"].get("pipeline_spec", run["pipeline_spec"])
    inputs = spec["root"]["dag"]["tasks"]["csv-example-gen"]["inputs"]
    inputs["parameters"]["beam_pipeline_args"] = args
    with mock.patch.object(KubeflowRemote, "describe", described):
        assert main(["runs", "watch", run_id, *given]) == 0
    told = capsys.readouterr().err.splitlines()
    assert [len(each) for each in looked[:2]] == [1, 2]
    assert [line for line in told if "Flink job" in line] == [
        "csv-example-gen: Flink job headrace-1: http://flink:8081/#/job/running/1",
        "csv-example-gen: Flink job headrace-1 is RUNNING: 0 of 33 parts are done.",
    ]


@dsl.container_component
def lst(n: int) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image=kubeflow_pipelines.IMAGE, command=["lst"])


@dsl.pipeline(name="edge-loops")
def loops() -> None:
    with dsl.ParallelFor([1, 2]) as item:
        lst(n=item)


def test_pods_in_loops_have_the_names_that_a_real_run_gave_them() -> None:
    case = json.loads((RUNS.parent / "kubeflow_cases" / "ed-loops.json").read_text("utf-8"))
    # kfp numbers a loop over constants differently from that one, over a parameter.
    spec = json.loads(
        json.dumps(json_format.MessageToDict(loops.pipeline_spec)).replace("loop-2", "loop-1")
    )
    run = {
        "run_id": "038888af",
        "created_at": "2026-11-29T21:47:00Z",
        "state": "RUNNING",
        "_spec": spec,
        "_seen": 2,
        "_is_cancelled": False,
        "_workflow": "edge-loops-hbzvp",
    }
    workflow = Workflow(run, set(), {"lst"}, set(), set())

    workflow.nodes()

    drivers = {pod for pod, name in workflow.pods.items() if name == "lst-driver"}
    assert drivers == set(case["real"]["failed"])


def test_the_components_whose_notices_are_read_are_those_that_log_some() -> None:
    package = Path(headrace_components.__file__).parent
    announcing = {
        path.parent.name
        for path in package.glob("*/*.py")
        if "import announce\n" in path.read_text("utf-8")
    }

    # A module that all pushers share is used for them; a Beam job is recognized by its arguments.
    pushers = {"pusher", "kubernetes_pusher", "vertex_pusher"}
    declared = {name for name in names() if (found := find(name)) and found.logs_notices}
    assert announcing - {"pushing", "beam"} == declared
    assert pushers <= declared


def test_two_reasons_that_come_and_go_are_told_once_each(
    api: KubeflowApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = recorded(api, "image_pull_backoff")
    reasons = itertools.cycle(["ErrImagePull", "ImagePullBackOff"])
    looks = iter(range(10))

    def asked(self: ClusterState, run_id: str) -> dict[str, str]:
        if next(looks) == 8:
            api.runs[run_id]["state"] = "FAILED"
        return {"camp2-ingest-jlwsv-2121218839": next(reasons)}

    with mock.patch.object(ClusterState, "reasons", asked):
        main(["runs", "watch", run_id, *options(api, tmp_path), "--poll", "0.1"])

    told = capsys.readouterr().err
    for reason in ("ErrImagePull", "ImagePullBackOff"):
        assert told.count(f"its pod has not started: {reason}\n") == 1


def test_what_argo_says_of_a_pod_is_put_in_words(api: KubeflowApi, cluster: FakeCluster) -> None:
    # A workflow of Argo Workflows 4; its nodes' IDs are also given to the nodes of the run.
    workflow = json.loads((RUNS / "argo_workflow.json").read_text("utf-8"))
    messages = {node["name"]: node.get("message") for node in workflow["status"]["nodes"].values()}
    cluster.run_id = recorded(api, "oom_killed")
    pod = "camp2-ingest-cbq7h-3210521526"
    for name, words in (
        ("onerror(0).root(0).late(0).executor(0)", "It ran into its `timeout`: give it more in"),
        ("onerror(0).root(0).lost(0).executor(0)", "Its pod was deleted."),
        ("onerror(0).root(0).plain(0).executor(0)", "Kubernetes says: main: Error (exit code 1)"),
    ):
        cluster.workflows.clear()
        cluster.add_workflow("w", nodes={pod: {"message": messages[name]}})
        told = connect(Profile(targets=(Kubeflow(host=api.address),))).describe(cluster.run_id)
        assert task(told, "csv-example-gen").message.startswith(words)
