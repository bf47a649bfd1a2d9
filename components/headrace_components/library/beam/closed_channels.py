"""Suppresses worker messages in this process about connections that the runner closed.

With `--environment_type=LOOPBACK` workers are threads of the task. Flink closes their connections
at the end of a job without notice. Threads of Beam 2.72 that read from them then print tracebacks,
although nothing is wrong. If the job fails, these messages may show the reason.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

_LOGGER = "apache_beam.runners.worker.data_plane"
# Names of `grpc.StatusCode`. gRPC comes with Beam, and nothing else here needs it.
_CLOSED = frozenset({"CANCELLED", "UNAVAILABLE"})


@contextlib.contextmanager
def kept_back() -> Iterator[None]:
    """Keeps tracebacks of closed connections back, and prints them if the body raises."""
    kept: list[Callable[[], Any]] = []
    logger = logging.getLogger(_LOGGER)
    report = threading.excepthook

    def passes(record: logging.LogRecord) -> bool:
        if not _is_closing(record.exc_info[1] if record.exc_info else None):
            return True
        kept.append(lambda: logger.handle(record))
        return False

    def noted(args: threading.ExceptHookArgs) -> None:
        if _is_closing(args.exc_value):
            kept.append(lambda: report(args))
        else:
            report(args)

    logger.addFilter(passes)
    threading.excepthook = noted
    has_failed = True
    try:
        yield
        has_failed = False
    finally:
        threading.excepthook = report
        logger.removeFilter(passes)
        if has_failed:
            for tell in kept:
                tell()


def _is_closing(error: BaseException | None) -> bool:
    if not any(each.__name__ == "RpcError" for each in type(error).__mro__):
        return False
    code = getattr(error, "code", None)
    return callable(code) and getattr(code(), "name", "") in _CLOSED
