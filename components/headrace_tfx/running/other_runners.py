"""TFX's runners for Airflow and for KFP v1. What reads the file needs only their pipeline."""

from collections.abc import Mapping, Sequence
from typing import Any

from headrace_tfx.authoring.pipeline import Pipeline
from headrace_tfx.running import host
from headrace_tfx.running.configs import PipelineConfig
from headrace_tfx.running.runners import KubeflowV2DagRunnerConfig, TfxRunner, check_pipeline

LABEL_KFP_SDK_ENV = "pipelines.kubeflow.org/pipeline-sdk-type"
"""The label of a pod that says what compiled its pipeline."""


class AirflowPipelineConfig(PipelineConfig):
    """Settings of AirflowDagRunner. They are recorded and have no effect.

    Attributes:
        airflow_dag_config: Settings of the DAG, as its schedule.
    """

    def __init__(
        self, airflow_dag_config: Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.airflow_dag_config = dict(airflow_dag_config or {})


class AirflowDagRunner(TfxRunner):
    """Has a pipeline that `headrace` reads. A program that calls it is refused.

    Attributes:
        config: The settings, an AirflowPipelineConfig or a dict.
    """

    def __init__(self, config: AirflowPipelineConfig | Mapping[str, Any] | None = None) -> None:
        self.config = config

    def run(self, pipeline: Pipeline, **kwargs: Any) -> Any:  # type: ignore[override]  # as in TFX
        """Hands the pipeline to what reads the file.

        Raises:
            ValueError: `pipeline` is none.
            Exception: Nothing reads the file: Headrace makes no DAG of Airflow.
        """
        name = type(self).__name__
        check_pipeline(name, pipeline)
        _check_unknown(name, kwargs)
        return host.current(name).run(pipeline, runner="AirflowDagRunner", run_options=None)


class KubeflowDagRunnerConfig(PipelineConfig):
    """Settings of KubeflowDagRunner. Only the image of single nodes has an effect.

    Attributes:
        pipeline_operator_funcs: Functions that change the pods. They are not called.
        tfx_image: One image, or images by node id. Our components need Headrace's images.
        kubeflow_metadata_config: The metadata server. It has no effect: KFP has one of its own.
    """

    def __init__(
        self,
        pipeline_operator_funcs: Sequence[Any] | None = None,
        tfx_image: str | Mapping[str, str] | None = None,
        kubeflow_metadata_config: Any = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.pipeline_operator_funcs = pipeline_operator_funcs
        self.tfx_image = tfx_image
        self.kubeflow_metadata_config = kubeflow_metadata_config


class KubeflowDagRunner(TfxRunner):
    """Compiles a pipeline for Kubeflow Pipelines.

    Attributes:
        config: The settings.
        output_dir: Directory of the file; the current one by default.
        output_filename: Name of the file. Its ending becomes `.yaml`: KFP v1 read archives.
        pod_labels_to_attach: Labels of pods. They have no effect.
    """

    def __init__(
        self,
        output_dir: str | None = None,
        output_filename: str | None = None,
        config: KubeflowDagRunnerConfig | None = None,
        pod_labels_to_attach: Mapping[str, str] | None = None,
    ) -> None:
        self.config = config or KubeflowDagRunnerConfig()
        self.output_dir = output_dir or "."
        self.output_filename = output_filename
        self.pod_labels_to_attach = pod_labels_to_attach

    def run(self, pipeline: Pipeline, **kwargs: Any) -> Any:  # type: ignore[override]  # as in TFX
        """Compiles a pipeline, and writes the file.

        Returns:
            The document that the file has.

        Raises:
            ValueError: `pipeline` is none.
            RuntimeError: There is no host.
        """
        name = type(self).__name__
        check_pipeline(name, pipeline)
        _check_unknown(name, kwargs)
        given = self.output_filename or pipeline.pipeline_info.pipeline_name
        return host.current(name).compile(
            pipeline,
            config=KubeflowV2DagRunnerConfig(default_image=self.config.tfx_image),
            output_dir=self.output_dir,
            output_filename=_with_yaml(given),
            parameter_values=None,
            write_out=True,
            exit_handler=None,
        )


def get_default_kubeflow_metadata_config() -> Any:
    """Returns None: the metadata server is that of KFP."""
    return None


def get_default_pipeline_operator_funcs(
    use_gcp_sa: bool = False,  # noqa: ARG001  # of the interface
) -> list[Any]:
    """Returns no functions: pods get their accounts from `headrace.toml`."""
    return []


def get_default_pod_labels() -> dict[str, str]:
    """Returns no labels."""
    return {}


def _check_unknown(name: str, arguments: Mapping[str, Any]) -> None:
    if arguments:
        raise TypeError(
            f"{name}.run: got unknown arguments {sorted(arguments)}, expected `pipeline`. Remove "
            "them."
        )


def _with_yaml(name: str) -> str:
    for ending in (".tar.gz", ".tgz", ".zip", ".yaml", ".yml", ".json"):
        name = name.removesuffix(ending)
    return f"{name}.yaml"
