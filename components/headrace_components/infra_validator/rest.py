"""TensorFlow Serving's REST API over the versions of a model.

GET  /v1/models/NAME[/versions/N]             whether it is loaded
GET  /v1/models/NAME[/versions/N]/metadata    its signatures
POST /v1/models/NAME[/versions/N]:predict     and :classify, :regress
"""

import inspect
import json
import logging
import re
import socket
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from google.protobuf.json_format import MessageToDict
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    regression_pb2,
)

from headrace_components.contract.errors import InputError
from headrace_components.infra_validator import json_tensors
from headrace_components.infra_validator.servable import Servable, UnanswerableError
from headrace_components.infra_validator.versions import (
    AbsentModelError,
    NotLoadedError,
    Versions,
)
from headrace_components.library.models.saved_model import DEFAULT_SIGNATURE

_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?(?P<rest>/metadata|:\w+)?/?"
)

# protobuf 5 has another name for it than protobuf 4.
_WITH_DEFAULTS = next(
    name
    for name in inspect.signature(MessageToDict).parameters
    if name in ("always_print_fields_with_no_presence", "including_default_value_fields")
)


class RestServer(ThreadingHTTPServer):
    """Answers in one thread per connection.

    Args:
        host: The address to listen on.
        port: The port.
        versions: What is served.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, versions: Versions) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.versions = versions
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: RestServer
    protocol_version = "HTTP/1.1"
    server_version = "headrace"
    timeout = 600

    def do_GET(self) -> None:
        self._answer(self._read)

    def do_POST(self) -> None:
        # Read in any case: the rest of the connection begins behind it.
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        self._answer(lambda found: self._infer(found, body))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        logging.debug("infra_validator: " + format, *args)

    def _answer(self, answer: Callable[[re.Match[str]], Mapping[str, Any]]) -> None:
        try:
            found = _PATH.fullmatch(self.path.partition("?")[0])
            if found is None:
                raise UnanswerableError(f"malformed request: {self.command} {self.path}")
            status, content = 200, answer(found)
        except AbsentModelError as error:
            status, content = 404, {"error": str(error)}
        except NotLoadedError as error:
            status, content = 503, {"error": str(error)}
        except (InputError, UnanswerableError) as error:
            status, content = 400, {"error": str(error)}
        text = json.dumps(content, indent=4).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _read(self, found: re.Match[str]) -> Mapping[str, Any]:
        if found["rest"] is None:
            states = self.server.versions.states(*_wanted(found))
            return {
                "model_version_status": [
                    {
                        "version": str(each.version),
                        "state": each.state,
                        "status": {
                            "error_code": "UNKNOWN" if each.error else "OK",
                            "error_message": each.error,
                        },
                    }
                    for each in states
                ]
            }
        if found["rest"] != "/metadata":
            raise UnanswerableError(f"malformed request: {found['rest'][1:]} is asked by POST")
        servable = self.server.versions.servable(*_wanted(found))
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        as_dict: Callable[..., dict[str, Any]] = MessageToDict
        answer = as_dict(
            servable.metadata(request),
            preserving_proto_field_name=True,
            **{_WITH_DEFAULTS: True},
        )
        answer["metadata"]["signature_def"].pop("@type")
        return answer

    def _infer(self, found: re.Match[str], body: bytes) -> Mapping[str, Any]:
        answer = _ANSWERS.get(found["rest"] or "")
        if answer is None:
            raise UnanswerableError(
                f"malformed request: POST {self.path}, expected one of {sorted(_ANSWERS)}"
            )
        servable = self.server.versions.servable(*_wanted(found))
        try:
            request = json.loads(body)
        except ValueError as error:  # also bytes that are no text
            raise UnanswerableError(f"the body is not JSON: {error}") from error
        if not isinstance(request, dict):
            raise UnanswerableError("the body is not a JSON object")
        name = request.get("signature_name", DEFAULT_SIGNATURE)
        if not isinstance(name, str):
            raise UnanswerableError(f"`signature_name` is {name!r}, expected a string")
        return answer(servable, name, request)


def _wanted(found: re.Match[str]) -> tuple[str, int | None]:
    return unquote(found["name"]), None if found["version"] is None else int(found["version"])


def _predict(servable: Servable, signature: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs, by_row = json_tensors.inputs_of(request, servable.signature(signature))
    return json_tensors.outputs_as_json(servable.outputs(signature, inputs), by_row=by_row)


def _classify(servable: Servable, signature: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    message = classification_pb2.ClassificationRequest()
    message.model_spec.signature_name = signature
    json_tensors.fill_examples(request, message.input)
    found = servable.classify(message).result.classifications
    return {"results": [[[each.label, each.score] for each in row.classes] for row in found]}


def _regress(servable: Servable, signature: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    message = regression_pb2.RegressionRequest()
    message.model_spec.signature_name = signature
    json_tensors.fill_examples(request, message.input)
    return {"results": [row.value for row in servable.regress(message).result.regressions]}


_ANSWERS = {":predict": _predict, ":classify": _classify, ":regress": _regress}
