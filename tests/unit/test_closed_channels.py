"""Messages about worker connections that Beam's runner closes."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.data_plane import GrpcClientDataChannel

from headrace_components.library.beam.closed_channels import kept_back


class Runner(beam_fn_api_pb2_grpc.BeamFnDataServicer):  # type: ignore[misc]
    """Closes the connection, with the message of Flink's runner."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self.code = code

    def Data(self, _: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        context.abort(self.code, "Multiplexer hanging up")
        yield


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Yields the errors at the end of threads, as far as they are reported."""
    found: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: found.append(args.exc_value))
    return found


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Resets Beam's loggers after other tests in this process."""
    names = ["apache_beam", "runners", "worker", "data_plane"]
    logging.disable(logging.NOTSET)
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, logger=".".join(names))
    for end in range(1, len(names) + 1):
        logger = logging.getLogger(".".join(names[:end]))
        monkeypatch.setattr(logger, "disabled", False)
        monkeypatch.setattr(logger, "propagate", True)


def read_until_closed(code: grpc.StatusCode) -> None:
    """Lets a worker read from a runner that closes the connection."""
    server = grpc.server(futures.ThreadPoolExecutor(1))
    beam_fn_api_pb2_grpc.add_BeamFnDataServicer_to_server(Runner(code), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    before = set(threading.enumerate())
    with grpc.insecure_channel(f"localhost:{port}") as channel:
        GrpcClientDataChannel(beam_fn_api_pb2_grpc.BeamFnDataStub(channel))
        for thread in set(threading.enumerate()) - before:
            if thread.name == "read_grpc_client_inputs":
                thread.join()
    server.stop(0)


@pytest.mark.parametrize("code", [grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE])
def test_closed_connections_of_a_job_that_succeeds_are_no_errors(
    code: grpc.StatusCode, reported: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    hook = threading.excepthook
    with kept_back():
        read_until_closed(code)

    assert caplog.records == []
    assert reported == []
    assert threading.excepthook is hook


def test_closed_connections_of_a_job_that_fails_are_told(
    reported: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with contextlib.suppress(RuntimeError), kept_back():
        read_until_closed(grpc.StatusCode.CANCELLED)
        assert caplog.records == []
        raise RuntimeError

    assert caplog.messages == ["Failed to read inputs in the data plane."]
    assert [each.details() for each in reported] == ["Multiplexer hanging up"]


def test_other_errors_of_workers_are_told_at_once(
    reported: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("a bug")

    with kept_back():
        read_until_closed(grpc.StatusCode.DATA_LOSS)
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        logging.getLogger("apache_beam.runners.worker.data_plane").warning("a word")
        assert caplog.messages == ["Failed to read inputs in the data plane.", "a word"]
        assert [type(each).__name__ for each in reported][1:] == ["ValueError"]
