"""Failures: exit handlers, ignored failures, retries."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from pathlib import Path

import pytest
from kfp import dsl

from headrace.compilation.passes.lint import lint
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.targets.local.shared.rules import Backend
from support.cases.conformance_features import conforms
from support.cases.local_pipelines import fails, flaky, note_status, run_pipeline, step

SECTION = "Failures"
NO_REASON = "a success is `COMPLETE` or `RUNNING`, a failure has no reason"


@dsl.pipeline(name="exits")
def exits(fail: bool):
    with dsl.ExitHandler(note_status()):
        with dsl.If(fail == True):  # noqa: E712
            fails(name="bad")
        step(name="good")


@conforms(SECTION, "`ExitHandler` with a final status", exits, kubeflow=NO_REASON)
def test_an_exit_handler_hears_of_success(tmp_path: Path) -> None:
    ran = run_pipeline(exits, tmp_path / "here", fail=False)
    other = run_pipeline(exits, tmp_path / "other", like="vertex", fail=False)

    assert ran.journal == ["good ", "status COMPLETE exit-handler-1 "]
    assert other.journal == ["good ", "status SUCCEEDED exit-handler-1 "]


def test_an_exit_handler_hears_of_the_failure_and_the_run_still_fails(tmp_path: Path) -> None:
    bare = run_pipeline(exits, tmp_path / "bare", fail=True)
    ran = run_pipeline(exits, tmp_path / "told", like="vertex", fail=True)

    assert bare.journal[-1] == "status FAILED exit-handler-1 "
    assert bare.result.state == "failed"
    assert "good " in ran.journal
    assert ran.journal[-1] == (
        "status FAILED exit-handler-1 exit-handler-1/condition-2/fails: exit code 3: out of tea"
    )
    assert ran.result.state == "failed"
    (failure,) = ran.result.failures
    assert failure.task == "exit-handler-1/condition-2/fails"
    assert failure.log is not None
    assert "out of tea" in failure.log.read_text("utf-8")


@dsl.pipeline(name="exit-fails")
def exit_fails():
    with dsl.ExitHandler(fails(name="exit")):
        step(name="good")


@conforms(
    SECTION,
    "`ExitHandler` whose exit task fails",
    exit_fails,
    kubeflow="the run succeeds all the same",
)
def test_a_run_does_not_fail_with_its_exit_task_alone(tmp_path: Path) -> None:
    ran = run_pipeline(exit_fails, tmp_path)

    assert ran.result.state == "succeeded"
    assert [failure.task for failure in ran.result.failures] == ["fails"]
    assert run_pipeline(exit_fails, tmp_path, like="vertex").result.state == "failed"


@dsl.pipeline(name="guarded")
def guarded(fail: bool):
    with dsl.ExitHandler(note_status()), dsl.If(fail == True):  # noqa: E712
        fails(name="bad")


@dsl.pipeline(name="exits-in-a-loop")
def exits_in_a_loop():
    with dsl.ParallelFor([True, False], parallelism=1) as fail:
        guarded(fail=fail)


@conforms(
    SECTION, "`ExitHandler` in a loop, by a sub-pipeline", exits_in_a_loop, kubeflow=NO_REASON
)
def test_each_iteration_has_its_own_exit(tmp_path: Path) -> None:
    ran = run_pipeline(exits_in_a_loop, tmp_path)

    failed, succeeded = (line for line in ran.journal if line.startswith("status"))
    assert failed == "status FAILED exit-handler-1 "
    assert succeeded == "status RUNNING exit-handler-1 "  # its only task was skipped


@conforms(SECTION, "`ExitHandler` in `If`, a loop or another one, in one pipeline", None)
def test_kfp_refuses_an_exit_handler_within_a_group() -> None:
    with pytest.raises(ValueError, match="within the outermost scope of a pipeline"):

        @dsl.pipeline(name="within")
        def within(flag: bool):
            with dsl.If(flag == True), dsl.ExitHandler(note_status()):  # noqa: E712
                step(name="a")


@dsl.pipeline(name="cleanup")
def cleanup(who: str):
    first = step(name="first", value=who)
    step(name="second", value=first.outputs["text"])


@dsl.pipeline(name="exit-by-a-pipeline")
def exit_by_a_pipeline(who: str):
    with dsl.ExitHandler(cleanup(who=who)):
        fails(name="bad")


@conforms(SECTION, "`ExitHandler` whose exit task is a sub-pipeline", exit_by_a_pipeline)
def test_an_exit_task_may_be_a_pipeline_with_parameters(tmp_path: Path) -> None:
    ran = run_pipeline(exit_by_a_pipeline, tmp_path, who="me")

    assert ran.journal == ["bad", "first me", "second me"]
    assert ran.result.state == "failed"


@dsl.component
def report(status: dsl.PipelineTaskFinalStatus, who: str) -> str:
    return f"{who} {status.state} {status.pipeline_task_name} {bool(status.error_message)}"


@dsl.pipeline(name="lightweight-exit")
def lightweight_exit():
    with dsl.ExitHandler(report(who="me")):
        fails(name="bad")


@conforms(
    SECTION,
    "a final status in a lightweight component",
    lightweight_exit,
    kubeflow="a failure has no reason",
    by_rules=True,
)
def test_a_lightweight_component_reads_the_final_status(tmp_path: Path) -> None:
    ran = run_pipeline(lightweight_exit, tmp_path)

    assert ran.result.tasks[-1].parameters == {"Output": "me FAILED exit-handler-1 True"}


@dsl.component
def codes(status: dsl.PipelineTaskFinalStatus) -> str:
    return f"{status.state} {status.error_code} {status.error_message}"


@dsl.pipeline(name="nothing-failed")
def nothing_failed():
    with dsl.ExitHandler(codes()):
        step(name="good")


@pytest.mark.parametrize("backend", ["kubeflow", "vertex"])
def test_a_success_has_no_code_and_no_message(backend: Backend, tmp_path: Path) -> None:
    ran = run_pipeline(nothing_failed, tmp_path, like=backend)

    assert ran.result.tasks[-1].parameters == {"Output": "SUCCEEDED None None"}


@dsl.pipeline(name="independent")
def independent():
    bad = fails(name="bad")
    step(name="dependant", value=bad.outputs["text"])
    first = step(name="one")
    step(name="two").after(first)


@conforms(
    SECTION,
    "tasks beside a failed one go on",
    independent,
    vertex='unless `failure_policy = "fast"`',
)
def test_what_does_not_depend_on_a_failed_task_still_finishes(tmp_path: Path) -> None:
    ran = run_pipeline(independent, tmp_path)

    assert sorted(ran.journal) == ["bad", "one ", "two "]
    assert ran.states["step"] == "skipped"
    assert ran.result.state == "failed"
    reasons = {task.name: task.reason for task in ran.result.tasks}
    assert reasons["step"] == "fails failed"


@dsl.pipeline(name="sub")
def sub():
    fails(name="worse")


@dsl.pipeline(name="ignores")
def ignores():
    bad = fails(name="bad")
    step(name="anyway", value=bad.outputs["text"]).ignore_upstream_failure()
    step(name="after a pipeline", value="").after(sub()).ignore_upstream_failure()


@conforms(SECTION, "`ignore_upstream_failure`, of a task or a sub-pipeline", ignores)
def test_a_task_that_ignores_failures_runs_with_its_defaults(tmp_path: Path) -> None:
    ran = run_pipeline(ignores, tmp_path)

    assert sorted(ran.journal) == ["after a pipeline ", "anyway ", "bad", "worse"]
    assert ran.result.state == "failed"


@dsl.pipeline(name="retries")
def retries(failures: int):
    flaky(name="flaky", failures=failures).set_retry(2, backoff_duration="0s")


@conforms(SECTION, "`set_retry`", retries)
@pytest.mark.parametrize(("failures", "state"), [(2, "succeeded"), (3, "failed")])
def test_a_task_has_one_try_more_than_retries(failures: int, state: str, tmp_path: Path) -> None:
    ran = run_pipeline(retries, tmp_path, failures=failures)

    assert ran.journal == ["flaky"] * 3
    assert ran.result.state == state


@dsl.pipeline(name="pauses")
def pauses():
    with dsl.ParallelFor(["a", "b"]) as name:
        flaky(name=name, failures=2).set_retry(
            2, backoff_duration="1s", backoff_factor=0.1, backoff_max_duration="10s"
        )


@conforms(SECTION, "`set_retry` with pauses, in a loop", pauses)
def test_the_pause_before_a_retry_grows_by_its_factor(tmp_path: Path) -> None:
    ran = run_pipeline(pauses, tmp_path)

    assert sorted(ran.journal) == ["a"] * 3 + ["b"] * 3
    # 1 s and then 0.1 s, where the default factor of 2 would make it 3 s.
    assert all(1.1 < task.seconds < 2.9 for task in ran.result.tasks)


@dsl.pipeline(name="tries")
def tries(failures: int):
    flaky(name="inherits", failures=failures).after(
        flaky(name="own", failures=1).set_retry(1, backoff_duration="0s")
    )
    with dsl.ParallelFor(["a", "b"]) as name:
        flaky(name=name, failures=failures)


@dsl.pipeline(name="retried-pipeline")
def retried_pipeline(failures: int = 2):
    tries(failures=failures).set_retry(2, backoff_duration="0s")


@conforms(
    SECTION,
    "`set_retry` of a sub-pipeline",
    retried_pipeline,
    kubeflow="each task in it by itself",
)
@pytest.mark.parametrize(("failures", "state"), [(2, "succeeded"), (3, "failed")])
def test_the_retries_of_a_sub_pipeline_are_those_of_each_task_in_it(
    failures: int, state: str, tmp_path: Path
) -> None:
    ran = run_pipeline(retried_pipeline, tmp_path, failures=failures)

    assert sorted(ran.journal) == ["a"] * 3 + ["b"] * 3 + ["inherits"] * 3 + ["own"] * 2
    assert ran.result.state == state


def test_a_retry_that_would_not_happen_on_vertex_is_refused() -> None:
    with pytest.raises(CompileError, match="Call `set_retry` on the tasks inside it"):
        lint(load(retried_pipeline).spec, target_named("vertex"), {})
