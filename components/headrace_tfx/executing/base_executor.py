"""TFX's `base_executor`: classes whose method `Do` is the work of a component."""

import abc
import logging
import os
from typing import Any

from headrace_tfx.artifacts.base import Artifact

Artifacts = dict[str, list[Artifact]]


class BaseExecutor(abc.ABC):
    """The base of executors.

    Args:
        context: Where the task may write beside its outputs; None outside of a task.
    """

    class Context:
        """What an executor knows of its task.

        Args:
            extra_flags: Options of the executor.
            tmp_dir: A directory for files that nobody needs after the task.
            unique_id: A name for the task's own part of it.
            executor_output_uri: Where the results are written.
            stateful_working_dir: A directory that a task that is tried again finds again.
            pipeline_node: Nothing: TFX's own description of the node is not there.
            pipeline_info: Nothing, for the same reason.
            pipeline_run_id: The run; None if the backend does not say.
        """

        def __init__(
            self,
            extra_flags: list[str] | None = None,
            tmp_dir: str | None = None,
            unique_id: str | None = None,
            executor_output_uri: str | None = None,
            stateful_working_dir: str | None = None,
            pipeline_node: Any = None,
            pipeline_info: Any = None,
            pipeline_run_id: str | None = None,
        ) -> None:
            self.extra_flags = extra_flags
            self.executor_output_uri = executor_output_uri
            self.stateful_working_dir = stateful_working_dir
            self.pipeline_node = pipeline_node
            self.pipeline_info = pipeline_info
            self.pipeline_run_id = pipeline_run_id
            self._tmp_dir = tmp_dir
            self._unique_id = unique_id

        def get_tmp_path(self) -> str:
            """Returns the task's own directory for temporary files, with a final `/`.

            Raises:
                RuntimeError: There is none.
            """
            if not self._tmp_dir or not self._unique_id:
                raise RuntimeError(
                    "the context of the executor has no directory for temporary files. Give "
                    "Context a `tmp_dir` and a `unique_id`"
                )
            return os.path.join(self._tmp_dir, str(self._unique_id), "")  # noqa: PTH118  may be a URI

    def __init__(self, context: Context | None = None) -> None:
        self._context = context
        self._extra_flags = context.extra_flags if context else None

    @abc.abstractmethod
    def Do(  # noqa: N802  TFX's name
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> Any:
        """Does the work.

        Args:
            input_dict: Artifacts by input. Values are artifacts, too, which have been read.
            output_dict: The artifacts to write, by output. What is set of them is published.
            exec_properties: The parameters by name.
        """

    def _get_tmp_dir(self) -> str:
        if self._context is None:
            raise RuntimeError(
                f"{type(self).__name__} has no context, so there is no directory for temporary "
                "files. Give it a Context"
            )
        path = self._context.get_tmp_path()
        os.makedirs(path, exist_ok=True)  # noqa: PTH103  ends in `/`
        return path

    def _log_startup(
        self, inputs: Artifacts, outputs: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        logging.debug(
            "%s starts with %s, %s, %s", type(self).__name__, inputs, outputs, exec_properties
        )


class EmptyExecutor(BaseExecutor):
    """An executor that does nothing."""

    def Do(  # noqa: N802
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Does nothing."""
