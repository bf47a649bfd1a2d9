"""Starts a model server, waits for its model and sends requests."""

import contextlib
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from headrace_components.contract.errors import InputError

BINARY = "tensorflow_model_server"
_EMBEDDED = [sys.executable, "-m", "headrace_components.infra_validator.server"]
_POLL_SECONDS = 0.1

# gRPC would wait longer and longer for a server that is still starting.
_CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 200),
]
_LOG_LINES = 40
_STATE = get_model_status_pb2.ModelVersionStatus.State


class NotServedError(Exception):
    """The reason why an attempt failed; the task may still succeed."""


def command(model_server: str) -> list[str]:
    """Returns the start of the command line of the server to use.

    Args:
        model_server: "auto", "tensorflow_model_server" or "embedded".

    Raises:
        InputError: The binary is asked for and not installed.
    """
    binary = shutil.which(BINARY)
    if model_server == BINARY and binary is None:
        raise InputError(
            f"`model_server` is {BINARY!r}, which is not on the PATH "
            f"{os.environ.get('PATH', '')!r}. Install TensorFlow Serving in the image, or pass "
            "'auto' or 'embedded'."
        )
    return [binary] if binary and model_server != "embedded" else _EMBEDDED


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """Runs attempts to serve a model.

    Attributes:
        command: Start of the command line of the server.
        model_name: The model's name on the server.
        base_path: Directory that contains the model in a directory named by a version.
        max_seconds: How long loading, and then each request, may take.
        requests: The requests to send when the model is loaded.
    """

    command: Sequence[str]
    model_name: str
    base_path: Path
    max_seconds: float
    requests: Sequence[Any]

    def run(self) -> None:
        """Starts a server, waits until the model is loaded, and sends the requests.

        Raises:
            NotServedError: The server ended, the model did not load in time, or a request failed.
        """
        deadline = time.monotonic() + self.max_seconds
        with (
            self._server() as (process, port),
            grpc.insecure_channel(f"127.0.0.1:{port}", _CHANNEL_OPTIONS) as channel,
        ):
            status = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus
            while not self._is_loaded(status):
                if process.poll() is not None:
                    raise NotServedError(f"the server ended with exit code {process.returncode}")
                if time.monotonic() > deadline:
                    raise NotServedError(
                        f"the model was not there after {self.max_seconds:g} s; "
                        "`max_loading_time_seconds` of `validation_spec` gives it longer"
                    )
                time.sleep(_POLL_SECONDS)
            self._ask(prediction_service_pb2_grpc.PredictionServiceStub(channel))

    def _is_loaded(self, get_status: Callable[..., Any]) -> bool:
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self.model_name
        try:
            versions = get_status(request, timeout=self.max_seconds).model_version_status
        except grpc.RpcError as error:
            # The server does not listen yet, or has not looked into the directory yet.
            logging.debug("infra_validator: no status yet: %s", error)
            return False
        for version in versions:
            if version.state == _STATE.END:
                raise NotServedError(
                    f"the server did not load the model: {version.status.error_message}"
                )
        return bool(versions) and all(version.state == _STATE.AVAILABLE for version in versions)

    def _ask(self, service: Any) -> None:
        for request in self.requests:
            if isinstance(request, predict_pb2.PredictRequest):
                ask = service.Predict
            elif isinstance(request, classification_pb2.ClassificationRequest):
                ask = service.Classify
            else:
                ask = service.Regress
            try:
                ask(request, timeout=self.max_seconds)
            except grpc.RpcError as error:
                name = request.model_spec.signature_name
                raise NotServedError(
                    f"signature {name!r} answered {error.code().name}: {error.details()}"
                ) from error

    @contextlib.contextmanager
    def _server(self) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
        port = _free_port()
        arguments = [
            f"--port={port}",
            f"--model_name={self.model_name}",
            f"--model_base_path={self.base_path}",
            # A model that does not load is tried again with a new server, not a minute later.
            "--max_num_load_retries=0",
        ]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [*self.command, *arguments],
                stdin=subprocess.PIPE,  # ends with this process, and the embedded server with it
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                yield process, port
            except NotServedError:
                log.seek(0)
                tail = log.read().decode("utf-8", "replace").splitlines()[-_LOG_LINES:]
                logging.info("infra_validator: the server's last lines:\n%s", "\n".join(tail))
                raise
            finally:
                process.kill()
                process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
