"""TFX's `base_beam_executor`: executors that make a pipeline of Beam."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace_tfx.executing.base_executor import BaseExecutor

if TYPE_CHECKING:
    import apache_beam as beam


class BaseBeamExecutor(BaseExecutor):
    """The base of executors that work on Beam.

    Raises:
        ValueError: The context is one of an executor without Beam.
    """

    class Context(BaseExecutor.Context):
        """What such an executor knows of its task.

        Args:
            beam_pipeline_args: Options of Beam.
            make_beam_pipeline_fn: What makes the pipeline instead; None for Beam itself.
            **others: Those of `BaseExecutor.Context`.
        """

        def __init__(
            self,
            beam_pipeline_args: list[str] | None = None,
            *,
            make_beam_pipeline_fn: Callable[[], Any] | None = None,
            **others: Any,
        ) -> None:
            super().__init__(**others)
            self.beam_pipeline_args = beam_pipeline_args
            self.make_beam_pipeline_fn = make_beam_pipeline_fn

    def __init__(self, context: BaseExecutor.Context | None = None) -> None:
        super().__init__(context)
        self._beam_pipeline_args: list[str] = []
        self._make_beam_pipeline_fn: Callable[[], Any] | None = None
        if context is None:
            return
        if not isinstance(context, BaseBeamExecutor.Context):
            raise ValueError(
                f"{type(self).__name__} works on Beam, but its context is that of an executor "
                "without. Name it in BeamExecutorSpec, not in ExecutorClassSpec"
            )
        self._beam_pipeline_args = list(context.beam_pipeline_args or [])
        self._make_beam_pipeline_fn = context.make_beam_pipeline_fn

    def _make_beam_pipeline(self) -> "beam.Pipeline":
        if self._make_beam_pipeline_fn is not None:
            return self._make_beam_pipeline_fn()
        import apache_beam as beam

        return beam.Pipeline(argv=self._beam_pipeline_args)
