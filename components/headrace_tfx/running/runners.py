"""TFX's runners. They check what they are given, and hand the pipeline to the host."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.authoring.pipeline import Pipeline, RunOptions
from headrace_tfx.running import host


class TfxRunner(abc.ABC):
    """Base of all runners."""

    @abc.abstractmethod
    def run(self, pipeline: Pipeline, run_options: RunOptions | None = None, **kwargs: Any) -> Any:
        """Runs a pipeline, or a part of it."""


class LocalDagRunner(TfxRunner):
    """Runs a pipeline on this machine."""

    def __init__(self) -> None:
        pass

    def run(self, pipeline: Pipeline, run_options: RunOptions | None = None, **kwargs: Any) -> Any:
        """Runs a pipeline, or a part of it.

        Raises:
            ValueError: `pipeline` is none.
            RuntimeError: There is no host.
        """
        name = type(self).__name__
        check_pipeline(name, pipeline)
        if kwargs:
            raise TypeError(
                f"{name}.run: got unknown arguments {sorted(kwargs)}, expected `pipeline` and "
                "`run_options`. Remove them."
            )
        return host.current(name).run(pipeline, runner=name, run_options=run_options)


class BeamDagRunner(LocalDagRunner):
    """Runs a pipeline on this machine, as LocalDagRunner does.

    Attributes:
        beam_orchestrator_args: Options for Beam as an orchestrator. They have no effect: Headrace
            starts tasks itself.
        config: Settings of TFX's runner. They have no effect.
    """

    def __init__(
        self, beam_orchestrator_args: Sequence[str] | None = None, config: Any = None
    ) -> None:
        super().__init__()
        self.beam_orchestrator_args = beam_orchestrator_args
        self.config = config


def check_pipeline(runner: str, pipeline: Any) -> None:
    """Refuses anything but a pipeline.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(pipeline, Pipeline):
        raise ValueError(
            f"{runner}.run: got {pipeline!r} ({type(pipeline).__name__}), expected a "
            "tfx.dsl.Pipeline."
        )


class KubeflowV2DagRunnerConfig:
    """Settings of KubeflowV2DagRunner.

    Attributes:
        display_name: The pipeline's name for people.
        default_image: One image, or images by node id. Our components need Headrace's images.
        default_commands: The command of the images. It has no effect.
        use_pipeline_spec_2_1: The version of the document. It has no effect.
        settings: Other settings of TFX's runners. They have no effect.
    """

    def __init__(
        self,
        display_name: str | None = None,
        default_image: str | Mapping[str, str] | None = None,
        default_commands: Sequence[str] | None = None,
        use_pipeline_spec_2_1: bool = False,
        **settings: Any,
    ) -> None:
        self.display_name = display_name
        self.default_image = default_image
        self.default_commands = default_commands
        self.use_pipeline_spec_2_1 = use_pipeline_spec_2_1
        self.settings = settings


class KubeflowV2DagRunner(TfxRunner):
    """Compiles a pipeline for Vertex AI; for Kubeflow Pipelines if the file's name ends in .yaml.

    Attributes:
        config: The settings.
        output_dir: Directory of the file; the current one by default.
        output_filename: Name of the file.

    Raises:
        TypeError: `config` is another object.
    """

    def __init__(
        self,
        config: KubeflowV2DagRunnerConfig,
        output_dir: str | None = None,
        output_filename: str | None = None,
    ) -> None:
        if not isinstance(config, KubeflowV2DagRunnerConfig):
            raise TypeError(
                f"KubeflowV2DagRunner: `config` is {config!r}, expected a "
                "KubeflowV2DagRunnerConfig."
            )
        self.config = config
        self.output_dir = output_dir or "."
        self.output_filename = output_filename or "pipeline.json"
        self._exit_handler: BaseNode | None = None

    def set_exit_handler(self, exit_handler: Any) -> None:
        """Sets the node that runs last, whatever happened.

        Raises:
            ValueError: It is no node.
        """
        if isinstance(exit_handler, (list, tuple)) and len(exit_handler) == 1:
            exit_handler = exit_handler[0]  # as in TFX's documentation
        if not isinstance(exit_handler, BaseNode):
            raise ValueError(
                f"KubeflowV2DagRunner.set_exit_handler: got {exit_handler!r}, expected a component "
                "made by a function with the decorator @exit_handler."
            )
        self._exit_handler = exit_handler

    def run(  # type: ignore[override]  # as in TFX
        self,
        pipeline: Pipeline,
        parameter_values: Any = None,
        write_out: bool = True,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Compiles a pipeline.

        Returns:
            The document that the file has.

        Raises:
            ValueError: `pipeline` is none.
            RuntimeError: There is no host.
        """
        name = type(self).__name__
        check_pipeline(name, pipeline)
        if kwargs:
            raise TypeError(
                f"{name}.run: got unknown arguments {sorted(kwargs)}, expected `pipeline`, "
                "`parameter_values` and `write_out`. Remove them."
            )
        pipeline.exit_handler = self._exit_handler
        return host.current(name).compile(
            pipeline,
            config=self.config,
            output_dir=self.output_dir,
            output_filename=self.output_filename,
            parameter_values=parameter_values,
            write_out=write_out,
            exit_handler=self._exit_handler,
        )
