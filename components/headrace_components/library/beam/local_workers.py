"""Ends the processes that Beam's FnApiRunner starts on this machine."""

from apache_beam.portability import python_urns
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    BeamFnControlServicer,
    SubprocessSdkWorkerHandler,
    WorkerHandler,
)


def register() -> None:
    """Makes the runners in this process end all their worker processes."""
    WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)(_WorkerProcess)


class _WorkerProcess(SubprocessSdkWorkerHandler):
    """A worker process that ends even if it only registers after the pipeline failed.

    Beam 2.72 only stops registered processes, but waits for all of them: forever, if one worker
    fails before another one has started.
    """

    def close(self) -> None:
        self.control_conn.push(BeamFnControlServicer._DONE_MARKER)
        super().close()
