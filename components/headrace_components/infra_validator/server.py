"""A model server in Python: `python -m headrace_components.infra_validator.server`.

It takes the flags of `tensorflow_model_server` that this component uses, and offers the same gRPC
services over the same SavedModel: PredictionService and ModelService of
`tensorflow_serving/apis/*.proto`. It cannot show whether a binary of another version, or with other
operations, serves the model too.
"""

import argparse
import logging
import os
import sys
import threading
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from headrace_components.contract.errors import InputError, named
from headrace_components.infra_validator.servable import Servable, UnanswerableError

_STATE = get_model_status_pb2.ModelVersionStatus.State
_NUM_THREADS = 4


class _ModelServer(
    prediction_service_pb2_grpc.PredictionServiceServicer,  # type: ignore[misc]
    model_service_pb2_grpc.ModelServiceServicer,  # type: ignore[misc]
):
    """Serves the newest version in a directory with both services, also while a model loads."""

    def __init__(self, model_name: str, base_path: Path) -> None:
        self._name = model_name
        versions = [path for path in base_path.iterdir() if path.name.isdecimal()]
        self._folder = max(versions, key=lambda path: int(path.name))
        self._servable: Servable | None = None
        self._state = _STATE.LOADING
        self._error = ""
        threading.Thread(target=self._load, daemon=True).start()

    def _load(self) -> None:
        try:
            with named("infra_validator"):
                self._servable = Servable(self._name, self._folder)
            self._state = _STATE.AVAILABLE
        except InputError as error:
            self._error = str(error)
            self._state = _STATE.END

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Returns whether the model is loaded."""
        self._check_name(request.model_spec, context)
        response = get_model_status_pb2.GetModelStatusResponse()
        version = response.model_version_status.add(
            version=int(self._folder.name), state=self._state
        )
        if self._error:
            version.status.error_code = grpc.StatusCode.UNKNOWN.value[0]
            version.status.error_message = self._error
        return response

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers tensors with tensors."""
        return self._answered("predict", request.model_spec, request, context)

    def Classify(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers examples with classes and scores."""
        return self._answered("classify", request.model_spec, request, context)

    def Regress(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers examples with a number each."""
        return self._answered("regress", request.model_spec, request, context)

    def MultiInference(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers examples with the classes and regressions of several signatures."""
        for task in request.tasks:
            self._check_name(task.model_spec, context)
        return self._answered("multi_inference", None, request, context)

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers with the model's signatures."""
        return self._answered("metadata", request.model_spec, request, context)

    def _answered(self, method: str, model_spec: Any, request: Any, context: Any) -> Any:
        if model_spec is not None:
            self._check_name(model_spec, context)
        if self._servable is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the model is not loaded")
        try:
            return getattr(self._servable, method)(request)
        except (InputError, UnanswerableError) as error:
            return context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    def _check_name(self, model_spec: Any, context: Any) -> None:
        version = model_spec.version.value if model_spec.HasField("version") else None
        if model_spec.name != self._name or version not in (None, int(self._folder.name)):
            context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"there is no model {model_spec.name!r} of version {version}, only {self._name!r} "
                f"of version {self._folder.name}",
            )


def serve(arguments: Sequence[str]) -> None:
    """Serves a model until standard input ends.

    Args:
        arguments: Flags of `tensorflow_model_server`.
    """
    parser = argparse.ArgumentParser(prog="python -m headrace_components.infra_validator.server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model_name", required=True)
    parser.add_argument("--model_base_path", type=Path, required=True)
    parser.add_argument("--max_num_load_retries", type=int, default=0)  # never retried
    flags = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=_NUM_THREADS))
    services = _ModelServer(flags.model_name, flags.model_base_path)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(services, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(services, server)
    server.add_insecure_port(f"127.0.0.1:{flags.port}")
    server.start()
    sys.stdin.buffer.read()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    serve(sys.argv[1:])
    # TensorFlow's threads may still be loading; nothing is left to be written.
    os._exit(0)
