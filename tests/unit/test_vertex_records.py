"""Vertex AI's states of runs with DAGs, loops and retries, in Headrace's words."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from google.cloud.aiplatform_v1.types import PipelineJob, PipelineTaskDetail
from google.protobuf import json_format
from kfp import dsl

from headrace.contract.service import ServiceRun
from headrace.targets.vertex.records import run_of

START = datetime(2026, 1, 2, tzinfo=UTC)
NAME = "projects/1234567890/locations/europe-west1/pipelineJobs/nested-1"


@dsl.container_component
def step(text: str) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="ghcr.io/mine/step", command=["echo", text])


@dsl.pipeline(name="inner")
def inner() -> None:
    step(text="inner")


@dsl.pipeline(name="nested")
def nested() -> None:
    first = step(text="a")
    inner().after(first)
    with dsl.ParallelFor(["x", "y"]) as item:
        step(text=item)


def described(*details: dict[str, Any], state: str = "RUNNING", **more: Any) -> ServiceRun:
    job = PipelineJob(
        name=NAME, display_name="Nested", state=f"PIPELINE_STATE_{state}", create_time=START, **more
    )
    spec = json_format.MessageToDict(nested.pipeline_spec)
    json_format.ParseDict(spec, PipelineJob.pb(job).pipeline_spec)
    job.job_detail.task_details = [task(1, 0, "nested-1", "RUNNING"), *details]
    return run_of(job)


def task(task_id: int, parent: int, name: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "parent_task_id": parent,
        "task_name": name,
        "state": PipelineTaskDetail.State[state],
        "create_time": START + timedelta(seconds=task_id),
        **more,
    }


def test_tasks_are_those_that_run_something_under_their_paths() -> None:
    executor: dict[str, Any] = {"executor_detail": {"container_detail": {}}}
    run = described(
        task(2, 1, "step", "SUCCEEDED"),
        task(3, 1, "inner", "RUNNING"),
        task(4, 3, "step", "PENDING"),
        task(5, 1, "for-loop-1", "RUNNING"),
        task(6, 5, "for-loop-1-0", "RUNNING"),
        task(7, 6, "step-2", "RUNNING", **executor),
        task(8, 5, "for-loop-1-1", "RUNNING"),
        task(9, 8, "step-2", "NOT_TRIGGERED"),
        task(10, 5, "for-loop-1-2", "RUNNING"),
    )

    assert [(task.name, task.state) for task in run.tasks] == [
        ("step", "done"),
        ("inner/step", "waiting"),
        ("for-loop-1/for-loop-1-0/step-2", "running"),
        ("for-loop-1/for-loop-1-1/step-2", "skipped"),
    ]


def test_tasks_of_the_pipeline_may_be_below_the_run_or_beside_it() -> None:
    run = described(task(2, 0, "inner", "RUNNING"), task(3, 2, "step", "SUCCEEDED"))

    assert [task.name for task in run.tasks] == ["inner/step", "step"]


def test_a_dag_that_is_not_needed_stands_for_its_tasks() -> None:
    run = described(task(2, 1, "step", "SUCCEEDED"), task(3, 1, "inner", "NOT_TRIGGERED"))

    assert [(task.name, task.state) for task in run.tasks] == [
        ("step", "done"),
        ("inner", "skipped"),
    ]


def test_tasks_that_have_not_begun_are_those_of_the_pipeline_outside_of_loops() -> None:
    run = described()

    assert [(task.name, task.state) for task in run.tasks] == [
        ("inner/step", "waiting"),
        ("step", "waiting"),
    ]


def test_tasks_of_one_path_are_told_apart() -> None:
    # The form of iterations, if the service gave them all the same name.
    run = described(task(2, 1, "step", "SUCCEEDED"), task(3, 1, "step", "RUNNING"))

    assert [task.name for task in run.tasks][:2] == ["step", "step#2"]


def test_the_log_is_that_of_the_last_try_and_the_reason_what_there_is() -> None:
    jobs = "projects/1234567890/locations/europe-west1/customJobs"
    tries = {"main_job": "", "failed_main_jobs": [f"{jobs}/11", f"{jobs}/12"]}
    states = [{"error": {"message": "first"}}, {"error": {"message": "second"}}, {}]
    times = {"start_time": START, "end_time": START + timedelta(seconds=65)}
    run = described(
        task(
            2,
            1,
            "step",
            "FAILED",
            executor_detail={"container_detail": tries},
            pipeline_task_status=states,
            **times,
        ),
        task(
            3, 1, "step-4", "FAILED", executor_detail={"custom_job_detail": {"job": f"{jobs}/13"}}
        ),
    )

    step, custom = run.tasks[:2]
    assert (step.state, step.seconds, step.message) == ("failed", 65.0, "second")
    assert 'resource.labels.job_id="12";duration=' in unquote(step.log)
    assert custom.message == "Vertex AI gives no reason; see the log."
    assert 'resource.labels.job_id="13";duration=' in unquote(custom.log)


def test_a_run_that_failed_before_its_first_task_says_why() -> None:
    run = described(
        state="FAILED",
        end_time=START + timedelta(minutes=2),
        error={"message": "The service account does not exist."},
    )

    assert run.is_over
    assert (run.id, run.name, run.seconds) == ("nested-1", "Nested", 120.0)
    assert run.message == "The service account does not exist."


def test_verdicts_are_read_from_the_metadata_of_outputs() -> None:
    def output(title: str, **metadata: Any) -> dict[str, Any]:
        return {"artifacts": [{"schema_title": title, "metadata": metadata}]}

    blessing = output("tfx.ModelBlessing", blessed=0)
    pushed = output("tfx.PushedModel", pushed=0)
    run = described(
        task(2, 1, "step", "SUCCEEDED", outputs={"blessing": blessing, "metrics": output("m")}),
        task(3, 1, "pusher", "SKIPPED", outputs={"pushed_model": pushed}),
    )

    assert {each.name: each.notices for each in run.tasks if each.notices} == {
        "step": ("not blessed",),
        "pusher": ("not pushed",),
    }


def test_the_artifacts_of_tasks_have_their_metadata_and_sum_up_to_metrics() -> None:
    metrics = {
        "schema_title": "system.Metrics",
        "uri": "gs://b/metrics",
        "metadata": {"auc": 0.75, "count": 3.0},
    }
    begun = {"start_time": START, "outputs": {"metrics": {"artifacts": [metrics]}}}

    run = described(task(2, 1, "step", "SUCCEEDED", **begun))

    first = run.tasks[0]
    assert first.started == START
    (made,) = first.outputs["metrics"]
    assert (made.type, made.uri, made.metadata["count"]) == ("system.Metrics", "gs://b/metrics", 3)
    assert [(each.name, each.value) for each in run.summary.metrics] == [
        ("auc", 0.75),
        ("count", 3),
    ]
    assert run.pipeline == "nested"
