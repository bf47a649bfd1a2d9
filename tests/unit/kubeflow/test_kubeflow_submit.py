"""Runs and recurring runs on Kubeflow Pipelines, with its real client and a local server."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import main
from headrace.contract.service import ServiceRun, Timing
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow import connection, pipelines_api
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.kubeflow.submit import KubeflowRemote, connect
from headrace_components.contract.errors import InputError, PlatformError
from support.cases import kubeflow_pipelines
from support.cases.kubeflow_pipelines import order
from support.fakes.kubeflow_api import KubeflowApi
from support.fakes.port_forwarding import forwarding


def watched(remote: KubeflowRemote, run_id: str) -> list[ServiceRun]:
    """Watches a run until it ends, and returns what was seen."""
    seen = [remote.describe(run_id)]
    while not seen[-1].is_over:
        seen.append(remote.describe(run_id))
    return seen


def states(run: ServiceRun) -> dict[str, str]:
    return {task.name: task.state for task in run.tasks}


def test_a_run_is_started_watched_and_linked_to_from_the_command_line(
    api: KubeflowApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "headrace.toml"
    config.write_text(
        f'[kubeflow]\nhost = "{api.address}/"\nexperiment = "nightly"\nservice_account = "runner"\n'
        'pipeline_root = "s3://bucket/root"\nparameters = { steps = 6 }\n'
    )
    pipeline = f"{kubeflow_pipelines.__file__}:flights"

    options = ["--target", "kubeflow", "--config", str(config)]
    code = main(["submit", pipeline, *options, "-p", "deep=true", "--poll", "0.1"])

    assert code == 0
    (run,) = api.runs.values()
    assert run["runtime_config"]["parameters"] == {"steps": 6, "deep": True}
    assert run["runtime_config"]["pipeline_root"] == "s3://bucket/root"
    assert run["service_account"] == "runner"
    assert run["pipeline_spec"]["defaultPipelineRoot"] == "s3://bucket/root"
    assert run["display_name"].startswith("flights 20")
    assert [each["display_name"] for each in api.experiments.values()] == ["nightly"]
    printed = capsys.readouterr()
    assert f"Page: {api.address}/#/runs/details/{run['run_id']}\n" in printed.out
    assert "Run details" not in printed.out  # the message of kfp's client
    assert "for-loop-2/1/train-2  done" in printed.err


def test_tasks_go_from_waiting_to_done_in_loops_and_conditions_too(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    run = remote.submit(order())

    seen = watched(remote, run.id)

    # The number of a loop's iterations is not known at first, so its tasks are not known.
    assert states(seen[0]) == {
        "make": "waiting",
        "train": "waiting",
        "condition-3/train-3": "waiting",
    }
    assert states(seen[1])["make"] == "running"
    assert states(seen[-1]) == {
        "make": "done",
        "train": "done",
        "for-loop-2/0/train-2": "done",
        "for-loop-2/1/train-2": "done",
        "condition-3/train-3": "done",
    }
    assert seen[-1].state == "succeeded"
    assert all(task.message == "" for task in seen[-1].tasks)


def test_a_task_that_fails_tells_why_and_what_was_not_reached_is_skipped(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    api.failing = {"train", "condition-3"}
    api.logs["train"] = (
        "ERROR train: a column is missing. Add it.\n"
        "F1129 21:08:42.903210      16 main.go:130] failed to execute component: exit status 2\n"
    )
    run = watched(remote, remote.submit(order()).id)[-1]

    assert run.state == "failed"
    assert states(run)["train"] == "failed"
    assert states(run)["condition-3/train-3"] == "skipped"
    (failed,) = (task for task in run.tasks if task.state == "failed")
    assert failed.message.splitlines() == [
        "train: a column is missing. Add it.",
        "Exit code 2: the pipeline, a parameter or the data has to change, and a retry would fail "
        "as well.",
    ]


def test_a_run_without_the_cache_asks_for_none_in_any_task(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    remote.submit(order())
    remote.submit(order(use_cache=False))

    with_cache, without = (run["pipeline_spec"] for run in api.runs.values())
    assert with_cache["root"]["dag"]["tasks"]["make"]["cachingOptions"] == {"enableCache": True}
    inner = without["components"]["comp-for-loop-2"]["dag"]["tasks"]["train-2"]
    for task in (without["root"]["dag"]["tasks"]["make"], inner):
        assert not task["cachingOptions"].get("enableCache")


def test_a_run_may_have_a_name_and_the_service_busy_moments(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    api.refusals = {"POST runs": [429, 503], "GET runs": [502, 0, 0, 504]}

    run = remote.submit(order(run_id="monday"))

    assert run.name == "monday"
    assert len(api.runs) == 1
    assert remote.describe(run.id).id == run.id


def test_a_run_whose_start_is_not_answered_is_started_once(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    first = remote.submit(order(run_id="monday"))
    api.lost = {"POST runs"}

    second = remote.submit(order(run_id="monday"))

    assert second.id != first.id
    assert list(api.runs) == [first.id, second.id]


def test_runs_are_listed_newest_first_over_pages(
    api: KubeflowApi, remote: KubeflowRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.targets.kubeflow.submit._PAGE_SIZE", 2)
    for index in range(5):
        remote.submit(order(run_id=str(index)))

    assert [run.name for run in remote.runs(3)] == ["4", "3", "2"]
    assert [run.name for run in remote.runs(20)] == ["4", "3", "2", "1", "0"]


def test_a_run_is_cancelled_and_then_deleted(api: KubeflowApi, remote: KubeflowRemote) -> None:
    run = remote.submit(order())

    with pytest.raises(InputError, match=r"is under way.* headrace runs cancel"):
        remote.delete(run.id)
    remote.cancel(run.id)
    over = watched(remote, run.id)[-1]
    remote.cancel(run.id)  # it has ended, and stays unchanged

    assert over.state == "cancelled"
    assert states(over)["make"] == "cancelled"
    assert api.calls.count("POST runs:terminate") == 1
    remote.delete(run.id)
    assert api.runs == {}


def test_a_schedule_is_a_recurring_run(api: KubeflowApi, remote: KubeflowRemote) -> None:
    timing = Timing(
        name="nightly",
        cron="30 3 * * 1-5",
        start=datetime(2026, 12, 1, tzinfo=UTC),
        end=datetime(2099, 12, 1, tzinfo=UTC),
        max_concurrent=2,
        catch_up=True,
    )

    made = remote.schedule(order(parameters={"steps": 9}), timing)

    (sent,) = api.recurring_runs.values()
    assert sent["trigger"]["cron_schedule"] == {
        "cron": "0 30 3 * * 1-5",
        "start_time": "2026-12-01T00:00:00+00:00",
        "end_time": "2099-12-01T00:00:00+00:00",
    }
    assert sent["max_concurrency"] == "2"
    assert sent["no_catchup"] is False
    assert sent["runtime_config"]["parameters"] == {"steps": 9}
    with pytest.raises(InputError, match=rf"a schedule 'nightly' already.* kubeflow {made.id}`"):
        remote.schedule(order(), timing)
    assert made.link == f"{api.address}/#/recurringrun/details/{made.id}"
    assert [(each.name, each.cron, each.state) for each in remote.schedules()] == [
        ("nightly", "30 3 * * 1-5", "active")
    ]
    remote.pause(made.id)
    assert remote.schedules()[0].state == "paused"
    remote.resume(made.id)
    assert remote.schedules()[0].state == "active"
    remote.delete_schedule(made.id)
    assert remote.schedules() == []


def test_a_schedule_that_is_not_answered_is_made_once(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    api.lost = {"POST recurringruns"}

    made = remote.schedule(order(), Timing(name="", cron="0 3 * * *"))

    assert list(api.recurring_runs) == [made.id]
    assert api.recurring_runs[made.id]["no_catchup"] is True
    assert (made.name, made.state) == ("flights", "active")


def test_the_name_of_a_schedule_that_has_ended_may_be_taken_again(
    remote: KubeflowRemote,
) -> None:
    end = datetime(2026, 1, 1, tzinfo=UTC)

    first = remote.schedule(order(), Timing(name="", cron="0 3 * * *", end=end))
    remote.schedule(order(), Timing(name="", cron="0 3 * * *"))

    assert first.state == "completed"
    assert [each.state for each in remote.schedules()] == ["active", "completed"]


def test_a_schedule_in_another_time_zone_is_refused(remote: KubeflowRemote) -> None:
    timing = Timing(name="", cron="0 3 * * *", timezone="Europe/Paris")

    with pytest.raises(InputError, match=r"time zone is 'Europe/Paris'.*Give --schedule in UTC"):
        remote.schedule(order(), timing)


def test_what_the_service_refuses_is_said_in_its_words(
    api: KubeflowApi, remote: KubeflowRemote
) -> None:
    timing = Timing(name="", cron="0 3 * * *", max_concurrent=11)

    with pytest.raises(InputError, match=r"answered 400.*must be at least 1 and at most 10"):
        remote.schedule(order(), timing)
    with pytest.raises(
        InputError, match=r"404 to the call about run 'x': Run x not found\. .*show what"
    ):
        remote.describe("x")
    api.refusals = {"GET runs": [403]}
    with pytest.raises(PlatformError, match=r"403.*a role in namespace 'kubeflow'"):
        remote.runs(1)
    api.refusals = {"GET runs": [500]}
    with pytest.raises(PlatformError, match=r"500.*log of deployment ml-pipeline"):
        remote.runs(1)
    api.refusals = {"GET runs": [503, 503, 503]}
    with pytest.raises(PlatformError, match=r"503.*asked 3 times"):
        remote.runs(1)


def test_users_with_namespaces_of_their_own_run_in_them(api: KubeflowApi) -> None:
    api.multi_user = True
    remote = connect(Profile(targets=(Kubeflow(host=api.address, namespace="team-a"),)))

    remote.submit(order())

    assert [each["namespace"] for each in api.experiments.values()] == ["team-a"]


@pytest.mark.parametrize("kind", ["variable", "file"])
def test_a_token_lets_in(
    api: KubeflowApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    api.token = "the-token"
    token_file = tmp_path / "token"
    token_file.write_text("the-token")
    monkeypatch.setenv("HEADRACE_KFP_TOKEN", "the-token" if kind == "variable" else "")
    address = connection.Address(
        host=api.address,
        namespace="kubeflow",
        token="the-token" if kind == "variable" else "",
        token_file=str(token_file) if kind == "file" else "",
    )

    remote = KubeflowRemote(pipelines_api.connect(address), address, Kubeflow())

    assert remote.runs(1) == []


def test_who_is_not_let_in_hears_how_to_sign_in(
    api: KubeflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Profile(targets=(Kubeflow(host=api.address),))
    api.token = "the-token"
    with pytest.raises(PlatformError, match=r"answered 401.*Set HEADRACE_KFP_TOKEN to a token"):
        connect(profile)
    monkeypatch.setenv("HEADRACE_KFP_TOKEN", "an-old-one")
    with pytest.raises(PlatformError, match=r"401.*HEADRACE_KFP_TOKEN holds has run out"):
        connect(profile)
    api.page = "<html>Log in</html>"
    with pytest.raises(PlatformError, match=r"a web page, expected the API, so it wants a sign-in"):
        connect(profile)


def test_a_host_that_is_not_the_api_or_not_there_is_said_to_be(api: KubeflowApi) -> None:
    with pytest.raises(InputError, match=r"no API of Kubeflow Pipelines \(404.*ends in /pipeline"):
        connect(Profile(targets=(Kubeflow(host=f"{api.address}/elsewhere"),)))
    with pytest.raises(PlatformError, match=r"127\.0\.0\.1:9 cannot be reached.*Check `host`"):
        connect(Profile(targets=(Kubeflow(host="http://127.0.0.1:9"),)))


def test_a_token_does_not_travel_unencrypted(capsys: pytest.CaptureFixture[str]) -> None:
    profile = Profile(targets=(Kubeflow(host="http://kfp.example.com"),))

    with pytest.raises(InputError, match=r"anybody on the way could read it.*https://"):
        connection.address_of(profile, {"HEADRACE_KFP_TOKEN": "secret"})
    assert connection.address_of(profile, {}).host == "http://kfp.example.com"
    assert "http://kfp.example.com is not encrypted" in capsys.readouterr().err
    inside = Profile(targets=(Kubeflow(host="http://ml-pipeline.kubeflow.svc:8888"),))
    assert connection.address_of(inside, {"HEADRACE_KFP_TOKEN": "secret"}).token == "secret"


def test_a_pod_looks_for_the_service_of_its_cluster() -> None:
    with pytest.raises(PlatformError, match=r"no service ml-pipeline\.team-a\.svc.* `host`"):
        connection.address_of(
            Profile(targets=(Kubeflow(namespace="team-a"),)),
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
        )


@pytest.fixture
def forwarded(
    api: KubeflowApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    services = {"ml-pipeline": int(api.address.rpartition(":")[2])}
    with forwarding(tmp_path, services) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))

        def connected(**changes: Any) -> KubeflowRemote:
            for name, value in changes.items():
                setattr(cluster, name, value)
            return connect(Profile(targets=(Kubeflow(namespace="team-a"),)))

        yield connected


def test_without_a_host_a_port_of_the_cluster_is_forwarded(
    forwarded: Callable[..., Any], api: KubeflowApi
) -> None:
    remote = forwarded()

    run = remote.submit(order())

    assert list(api.runs) == [run.id]
    assert run.link.endswith(
        f"/#/runs/details/{run.id} after `kubectl -n kubeflow port-forward svc/ml-pipeline-ui "
        "8080:80`"
    )
    assert watched(remote, run.id)[-1].state == "succeeded"


def test_what_stands_in_the_way_of_a_forwarded_port_is_said(
    forwarded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PlatformError, match=r"no pod of service 'ml-pipeline'.*kubectl -n"):
        forwarded(phase="Pending")
    with pytest.raises(InputError, match=r"no service 'ml-pipeline' in namespace team-a or"):
        forwarded(namespace="elsewhere")
    with pytest.raises(PlatformError, match=r"answered 403.*create pods/portforward; or give"):
        forwarded(forbidden=True)
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    with pytest.raises(PlatformError, match=r"no `host`.*there is no cluster.*kubectl config use"):
        forwarded()
