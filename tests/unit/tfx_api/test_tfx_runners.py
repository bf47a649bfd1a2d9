"""Runners hand pipelines to the host."""

from typing import Any

import pytest

from headrace_tfx.authoring.pipeline import Pipeline, RunOptions
from headrace_tfx.components.example_gens import CsvExampleGen
from headrace_tfx.running import host
from headrace_tfx.running.other_runners import (
    AirflowDagRunner,
    AirflowPipelineConfig,
    KubeflowDagRunner,
    KubeflowDagRunnerConfig,
    get_default_kubeflow_metadata_config,
)
from headrace_tfx.running.runners import (
    BeamDagRunner,
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
    LocalDagRunner,
)


class _Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, dict[str, Any]]] = []

    def run(self, pipeline: Pipeline, **settings: Any) -> Any:
        self.calls.append((pipeline, settings))

    def compile(self, pipeline: Pipeline, **settings: Any) -> dict[str, Any]:
        self.calls.append((pipeline, settings))
        return {"pipelineSpec": {}}


@pytest.mark.parametrize("runner", [LocalDagRunner, BeamDagRunner])
def test_a_runner_hands_its_pipeline_to_the_host(runner: Any) -> None:
    pipeline, options, recorder = Pipeline("p"), RunOptions(to_nodes=["A"]), _Recorder()

    with host.use(recorder):
        runner().run(pipeline, run_options=options)
        runner().run(pipeline=pipeline)

    assert recorder.calls == [
        (pipeline, {"runner": runner.__name__, "run_options": options}),
        (pipeline, {"runner": runner.__name__, "run_options": None}),
    ]


@pytest.mark.parametrize("runner", [LocalDagRunner, BeamDagRunner])
def test_without_a_host_a_runner_says_how_to_start(runner: Any) -> None:
    with pytest.raises(RuntimeError, match=r"headrace run FILE.py.*import headrace.tfx"):
        runner().run(Pipeline("p"))


@pytest.mark.parametrize("wrong", ["p", None, CsvExampleGen(input_base="d")])
def test_only_a_pipeline_is_run(wrong: Any) -> None:
    with host.use(_Recorder()), pytest.raises(ValueError, match=r"expected a tfx.dsl.Pipeline"):
        LocalDagRunner().run(wrong)


def test_kubeflow_gets_all_that_its_runner_was_given() -> None:
    pipeline, handler, recorder = Pipeline("p"), CsvExampleGen(input_base="d"), _Recorder()
    config = KubeflowV2DagRunnerConfig(default_image="image", default_commands=["c"], extra=1)
    runner = KubeflowV2DagRunner(config=config, output_dir="out", output_filename="p.yaml")
    runner.set_exit_handler([handler])

    with host.use(recorder):
        result = runner.run(pipeline, parameter_values={"a": 1}, write_out=False)

    assert result == {"pipelineSpec": {}}
    assert recorder.calls == [
        (
            pipeline,
            {
                "config": config, "output_dir": "out", "output_filename": "p.yaml",
                "parameter_values": {"a": 1}, "write_out": False, "exit_handler": handler,
            },
        )
    ]  # fmt: skip


def test_kubeflow_writes_pipeline_json_by_default() -> None:
    runner = KubeflowV2DagRunner(KubeflowV2DagRunnerConfig())

    assert (runner.output_dir, runner.output_filename) == (".", "pipeline.json")
    with pytest.raises(TypeError, match="expected a KubeflowV2DagRunnerConfig"):
        KubeflowV2DagRunner({"default_image": "i"})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected a component"):
        runner.set_exit_handler("handler")


def test_an_installed_host_stands_behind_one_that_a_block_uses() -> None:
    installed, used = _Recorder(), _Recorder()
    host.install(installed)
    try:
        assert host.current("x") is installed
        with host.use(used):
            assert host.current("x") is used
        assert host.current("x") is installed
    finally:
        host._HOSTS.remove(installed)


@pytest.mark.parametrize("config", [AirflowPipelineConfig({"schedule_interval": None}), {}, None])
def test_the_runner_for_airflow_hands_on_its_pipeline(config: Any) -> None:
    pipeline, recorder = Pipeline("p"), _Recorder()
    with host.use(recorder):
        AirflowDagRunner(config).run(pipeline)
    assert recorder.calls == [(pipeline, {"runner": "AirflowDagRunner", "run_options": None})]


@pytest.mark.parametrize(
    ("given", "written"), [(None, "p.yaml"), ("job.tar.gz", "job.yaml"), ("job.yaml", "job.yaml")]
)
def test_the_runner_of_kfp_v1_writes_a_file_of_this_kfp(given: str | None, written: str) -> None:
    pipeline, recorder = Pipeline("p"), _Recorder()
    config = KubeflowDagRunnerConfig(
        kubeflow_metadata_config=get_default_kubeflow_metadata_config(), tfx_image="host/tfx"
    )
    with host.use(recorder):
        KubeflowDagRunner("out", given, config, pod_labels_to_attach={"a": "b"}).run(pipeline)
    ((_, settings),) = recorder.calls
    assert (settings["output_dir"], settings["output_filename"]) == ("out", written)
    assert settings["config"].default_image == "host/tfx"


@pytest.mark.parametrize("runner", [AirflowDagRunner, KubeflowDagRunner])
def test_other_runners_check_what_they_get(runner: Any) -> None:
    with pytest.raises(ValueError, match=rf"{runner.__name__}.run: got 3 \(int\), expected"):
        runner().run(3)
    with pytest.raises(TypeError, match=r"got unknown arguments \['run_options'\]"):
        runner().run(Pipeline("p"), run_options=None)
