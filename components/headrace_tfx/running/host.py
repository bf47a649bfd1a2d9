"""The host: what runs or compiles a pipeline for the runners of TFX.

This package only records pipelines. Headrace's front end is the host while it reads an author's
file, and `import headrace.tfx` makes one that really runs pipelines for the rest of the process.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.authoring.pipeline import Pipeline, RunOptions

ADVICE = (
    "Start the file with `headrace run FILE.py` or `python -m headrace.tfx FILE.py`, or write "
    "`import headrace.tfx` at its beginning."
)


class Host(Protocol):
    """What runners ask for."""

    def run(self, pipeline: Pipeline, *, runner: str, run_options: RunOptions | None) -> Any:
        """Runs a pipeline on this machine.

        Args:
            pipeline: The pipeline.
            runner: The name of the runner's class, for messages.
            run_options: The part to run; None for the whole.

        Raises:
            Exception: What stopped the first task that failed.
        """

    def compile(
        self,
        pipeline: Pipeline,
        *,
        config: Any,
        output_dir: str,
        output_filename: str,
        parameter_values: Mapping[str, Any] | None,
        write_out: bool,
        exit_handler: BaseNode | None,
    ) -> dict[str, Any]:
        """Compiles a pipeline for Vertex AI, or for Kubeflow if the file's name ends in .yaml.

        Args:
            pipeline: The pipeline.
            config: The runner's `KubeflowV2DagRunnerConfig`.
            output_dir: Directory of the file, which is made if it is missing.
            output_filename: Name of the file.
            parameter_values: Values of the pipeline's parameters.
            write_out: Whether to write the file.
            exit_handler: The node that runs last, whatever happened; None if there is none.

        Returns:
            The document that the file has.
        """


_HOSTS: list[Host] = []


def current(asker: str) -> Host:
    """Returns the host.

    Args:
        asker: Who asks, for messages.

    Raises:
        RuntimeError: There is none.
    """
    if not _HOSTS:
        raise RuntimeError(f"{asker}: nothing here can run a pipeline. {ADVICE}")
    return _HOSTS[-1]


@contextmanager
def use(host: Host) -> Iterator[None]:
    """Makes a host the one that runners ask, while the block runs."""
    _HOSTS.append(host)
    try:
        yield
    finally:
        _HOSTS.remove(host)


def install(host: Host) -> None:
    """Makes a host the one that runners ask when no block of `use` has another."""
    _HOSTS.insert(0, host)


def is_installed(host: Host) -> bool:
    """Returns whether `install` was called with a host."""
    return any(host is other for other in _HOSTS)
