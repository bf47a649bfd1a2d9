"""A model server in Python: `python -m headrace_components.infra_validator.server`.

It takes flags of `tensorflow_model_server`, and offers the same services over the same SavedModel:
PredictionService and ModelService of `tensorflow_serving/apis/*.proto` by gRPC, and its REST API.
It cannot show whether a binary of another version, or with other operations, serves the model too.
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

from headrace_components.contract.errors import InputError
from headrace_components.infra_validator.rest import RestServer
from headrace_components.infra_validator.servable import UnanswerableError
from headrace_components.infra_validator.versions import (
    AbsentModelError,
    NotLoadedError,
    Versions,
)

_STATE = get_model_status_pb2.ModelVersionStatus.State
_NUM_THREADS = 4
# Rows of pictures are larger than gRPC's 4 MiB; TensorFlow Serving has no limit either.
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class _ModelServer(
    prediction_service_pb2_grpc.PredictionServiceServicer,  # type: ignore[misc]
    model_service_pb2_grpc.ModelServiceServicer,  # type: ignore[misc]
):
    """Serves a model with both services, also while it loads."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Returns whether the model is loaded."""
        response = get_model_status_pb2.GetModelStatusResponse()
        try:
            states = self._versions.states(*_wanted(request.model_spec))
        except AbsentModelError as error:
            return context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        for each in states:
            status = response.model_version_status.add(
                version=each.version, state=_STATE.Value(each.state)
            )
            if each.error:
                status.status.error_code = grpc.StatusCode.UNKNOWN.value[0]
                status.status.error_message = each.error
        return response

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers tensors with tensors."""
        return self._answered("predict", [request.model_spec], request, context)

    def Classify(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers examples with classes and scores."""
        return self._answered("classify", [request.model_spec], request, context)

    def Regress(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers examples with a number each."""
        return self._answered("regress", [request.model_spec], request, context)

    def MultiInference(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers examples with the classes and regressions of several signatures."""
        specs = [task.model_spec for task in request.tasks]
        return self._answered("multi_inference", specs, request, context)

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Answers with the model's signatures."""
        return self._answered("metadata", [request.model_spec], request, context)

    def _answered(self, method: str, specs: Sequence[Any], request: Any, context: Any) -> Any:
        if not specs:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request has no tasks")
        try:
            servables = [self._versions.servable(*_wanted(spec)) for spec in specs]
            return getattr(servables[0], method)(request)
        except AbsentModelError as error:
            return context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        except NotLoadedError as error:
            return context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except (InputError, UnanswerableError) as error:
            return context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))


def _wanted(model_spec: Any) -> tuple[str, int | None]:
    version = model_spec.version.value if model_spec.HasField("version") else None
    return model_spec.name, version


def serve(arguments: Sequence[str]) -> None:
    """Serves a model until standard input ends.

    Args:
        arguments: Flags of `tensorflow_model_server`, and `--host`, which it lacks.
    """
    parser = argparse.ArgumentParser(prog="python -m headrace_components.infra_validator.server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rest_api_port", type=int, default=0)  # no REST
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--model_name", required=True)
    parser.add_argument("--model_base_path", type=Path, required=True)
    parser.add_argument("--file_system_poll_wait_seconds", type=float, default=1.0)
    parser.add_argument("--max_num_load_retries", type=int, default=0)  # never retried
    flags = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    versions = Versions(flags.model_name, flags.model_base_path)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=_NUM_THREADS), options=_OPTIONS)
    services = _ModelServer(versions)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(services, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(services, server)
    host = f"[{flags.host}]" if ":" in flags.host else flags.host
    server.add_insecure_port(f"{host}:{flags.port}")
    server.start()
    if flags.rest_api_port:
        rest = RestServer(flags.host, flags.rest_api_port, versions)
        threading.Thread(target=rest.serve_forever, daemon=True).start()
    ended = threading.Event()
    watch = (flags.file_system_poll_wait_seconds, ended)
    threading.Thread(target=versions.watch, args=watch, daemon=True).start()
    sys.stdin.buffer.read()
    ended.set()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    serve(sys.argv[1:])
    # TensorFlow's threads may still be loading; nothing is left to be written.
    os._exit(0)
