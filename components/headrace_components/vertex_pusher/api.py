"""Calls Vertex AI: repeats calls when it is busy, waits for operations, and explains errors."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import grpc
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1.services.endpoint_service.transports import (
    EndpointServiceGrpcTransport,
)
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
from google.cloud.aiplatform_v1.services.model_service.transports import ModelServiceGrpcTransport

from headrace_components.contract.errors import (
    ComponentError,
    InputError,
    PlatformError,
    RefusedError,
)
from headrace_components.contract.patience import growing, patiently
from headrace_components.contract.texts import google_error
from headrace_components.vertex_pusher.params import VertexPusherParams

T = TypeVar("T")

CALL_SECONDS = 60
"""The maximum time of one call."""

# A little more than a minute in all: quotas are counted per minute.
_RETRY_SECONDS = (1, 2, 4, 8, 16, 32)

_FIRST_POLL_SECONDS = 0.2
_LONGEST_POLL_SECONDS = 10.0
_PROGRESS_SECONDS = 30

_BUSY = (
    exceptions.TooManyRequests,
    exceptions.ServerError,
    # Somebody else changed the resource in the meantime; every step reads it again.
    exceptions.Conflict,
)
_TEMPORARY = (*_BUSY, exceptions.Cancelled)


class VertexApi:
    """The services of Vertex AI that a push needs.

    Attributes:
        models: The client of the Model Registry.
        endpoints: The client of the endpoints.

    Args:
        params: The parameters of the task.

    Raises:
        PlatformError: This machine has no credentials for Google Cloud.
    """

    def __init__(self, params: VertexPusherParams) -> None:
        self._params = params
        self._deadline = time.monotonic() + params.timeout_seconds
        if params.emulator:
            channel = grpc.insecure_channel(params.emulator)
            self.models = ModelServiceClient(transport=ModelServiceGrpcTransport(channel=channel))
            self.endpoints = EndpointServiceClient(
                transport=EndpointServiceGrpcTransport(channel=channel)
            )
            return
        options = {"api_endpoint": params.host}
        try:
            self.models = ModelServiceClient(client_options=options)
            self.endpoints = EndpointServiceClient(client_options=options)
        except GoogleAuthError as error:
            raise _no_credentials(error) from error

    def call(self, doing: str, step: Callable[[], T]) -> T:
        """Returns the result of `step`; repeats the step when Vertex AI is busy.

        Args:
            doing: A description of the step for messages, such as "upload the model".
            step: A step that can be repeated without doing anything twice.

        Raises:
            InputError: Vertex AI refuses the call.
            PlatformError: It stays busy, or this account has no permission for the step.
        """
        return patiently(
            step,
            errors=(exceptions.GoogleAPICallError, GoogleAuthError),
            waits=_RETRY_SECONDS,
            passes=lambda error: isinstance(error, _BUSY),
            explained=lambda error: self._explained(doing, error),
            before_wait=lambda error, seconds: logging.info(
                "vertex_pusher: to %s: %s. Again in %d s.", doing, google_error(error), seconds
            ),
        )

    def finished(self, client: Any, operation: Any, doing: str) -> Any:
        """Waits until an operation is done and returns it.

        Raises:
            InputError: The operation ended with an error that the author can fix.
            PlatformError: It ended with another error, or is not done in time.
        """
        operation = self._done(client, operation, doing)
        if operation.error.code:
            error = exceptions.from_grpc_status(operation.error.code, operation.error.message)
            raise self._explained(doing, error)
        return operation

    def finish_earlier(self, client: Any, resource: str, kind: str, doing: str) -> None:
        """Waits for operations that a task began on a resource before it was cancelled.

        The resource shows whether they succeeded, and every step looks at it first.

        Args:
            client: The client of the resource's service.
            resource: Its name.
            kind: Type of the operations' metadata, such as "UploadModelOperationMetadata".
            doing: A description of them, for messages.

        Raises:
            PlatformError: An operation is not done in time.
        """
        for operation in self.call(doing, partial(_unfinished, client, resource, kind)):
            logging.info("vertex_pusher: waiting for %s, begun before.", operation.name)
            self._done(client, operation, doing)

    def _done(self, client: Any, operation: Any, doing: str) -> Any:
        start = noticed = time.monotonic()
        for pause in growing(_FIRST_POLL_SECONDS, 1.5, _LONGEST_POLL_SECONDS):
            if operation.done:
                break
            now = time.monotonic()
            if now > self._deadline:
                raise PlatformError(
                    f"{operation.name}, to {doing}, is not done after "
                    f"`timeout_seconds`, {self._params.timeout_seconds} s. It goes on: run the "
                    "task again to wait for it, with a higher `timeout_seconds`."
                )
            if now - noticed > _PROGRESS_SECONDS:
                logging.info("vertex_pusher: waiting to %s, %.0f s.", doing, now - start)
                noticed = now
            time.sleep(pause)
            operation = self.call(doing, partial(_state, client, operation.name))
        return operation

    def _explained(self, doing: str, error: Any) -> ComponentError:
        if isinstance(error, GoogleAuthError):
            return _no_credentials(error)
        reason = f"Vertex AI at {self._params.host} refuses to {doing}: "
        reason += f"{google_error(error)}. "
        project = self._params.project
        if isinstance(error, (exceptions.Forbidden, exceptions.Unauthorized)):
            return RefusedError(
                f"{reason}Give the task's service account the role roles/aiplatform.user in "
                f"{project!r}, and roles/iam.serviceAccountUser on `service_account` if that is "
                "given; check that the project has the Vertex AI API enabled."
            )
        if isinstance(error, exceptions.TooManyRequests):
            return PlatformError(f"{reason}Ask for more quota in {project!r}, or run again later.")
        if isinstance(error, exceptions.NotFound):
            return InputError(
                f"{reason}Check `project` {project!r}, `region` {self._params.region!r} and the "
                "resources that the parameters name."
            )
        if isinstance(error, exceptions.ClientError) and not isinstance(error, _TEMPORARY):
            return InputError(f"{reason}Correct what it names.")
        return PlatformError(f"{reason}Run the task again; nothing is done twice.")


def _state(client: Any, name: str) -> Any:
    return client.get_operation({"name": name}, timeout=CALL_SECONDS)


def _unfinished(client: Any, resource: str, kind: str) -> list[Any]:
    found: list[Any] = []
    token = ""
    try:
        while True:
            request = {"name": resource, "page_token": token}
            page = client.list_operations(request, timeout=CALL_SECONDS)
            found += [
                each
                for each in page.operations
                if not each.done and each.metadata.type_url.endswith(kind)
            ]
            token = page.next_page_token
            if not token:
                return found
    except exceptions.NotFound:  # the resource does not exist either
        return []


def _no_credentials(error: GoogleAuthError) -> PlatformError:
    return PlatformError(
        f"there are no credentials for Google Cloud: {error}. On Vertex AI give the "
        "pipeline a service account, on Kubernetes a workload identity; on a laptop run `gcloud "
        "auth application-default login`."
    )
