"""The clients of Vertex AI: made when needed, called again when it is busy, errors explained."""

import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from headrace.contract.service import ContactLostError
from headrace.extras import not_installed
from headrace.profiles.profile import Profile
from headrace.targets.vertex.settings import Vertex
from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.contract.patience import patiently
from headrace_components.contract.texts import google_error

T = TypeVar("T")

CALL_SECONDS = 60
"""How long one call may take."""

_LOG = logging.getLogger(__name__)

ENDPOINT_VARIABLE = "HEADRACE_VERTEX_ENDPOINT"

# A little more than a minute in all: quotas are counted per minute.
_RETRY_SECONDS = (1, 2, 4, 8, 16, 32)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """The place where pipelines run.

    Attributes:
        project: ID of the Google Cloud project.
        region: Its region, such as `europe-west1`.
        host: Host of the API, with a port if it is not 443.
        is_emulator: Whether it is a server on this machine, without encryption and credentials.
        service_account: The account that tasks run as, for messages; empty for the default.
        source: Name of the profile, for messages.
    """

    project: str
    region: str
    host: str
    is_emulator: bool
    service_account: str
    source: str

    @property
    def parent(self) -> str:
        """The API's name of the place."""
        return f"projects/{self.project}/locations/{self.region}"


def place(profile: Profile) -> Location:
    """Returns the place where pipelines run, from a profile.

    Raises:
        InputError: A setting is missing, or the host is of no form that can be used.
    """
    settings = profile.table_of(Vertex)
    for name, example in (("project", "my-project"), ("region", "europe-west1")):
        if not getattr(settings, name):
            raise InputError(
                f"vertex: `{name}` is not set, but a run on Vertex AI needs it. Write "
                f'`{name} = "{example}"` in the table [vertex] of {profile.source}.'
            )
    given = os.environ.get(ENDPOINT_VARIABLE) or settings.endpoint
    address = given.removeprefix("http://").rstrip("/")
    is_emulator = given.startswith("http://")
    if "://" in address or (is_emulator and urlsplit(given).hostname not in _LOOPBACK):
        raise InputError(
            f"vertex: the API's host, `endpoint` in [vertex] or {ENDPOINT_VARIABLE}, is {given!r}, "
            "expected one without scheme, for example 'europe-west1-aiplatform.googleapis.com'. "
            "`http://`, which has neither encryption nor credentials, is for a server on this "
            "machine alone."
        )
    return Location(
        project=settings.project,
        region=settings.region,
        host=address or f"{settings.region}-aiplatform.googleapis.com",
        is_emulator=is_emulator,
        service_account=settings.service_account,
        source=profile.source,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Clients:
    """The services of Vertex AI that runs need.

    Attributes:
        place: Where they are.
        pipelines: The client of the PipelineService.
        schedules: The client of the ScheduleService.
        exceptions: The module of their exceptions.
    """

    place: Location
    pipelines: Any
    schedules: Any
    exceptions: Any

    def call(
        self,
        doing: str,
        step: Callable[[], T],
        *,
        missing: str = "",
        refused: str = "Correct what it names.",
    ) -> T:
        """Returns the result of `step`; repeats the step when Vertex AI is busy.

        Args:
            doing: A description of the step for messages, such as "start the run".
            step: A step that does nothing twice when it is taken again.
            missing: The next step if the resource of the step does not exist; empty if the step
                only names the place.
            refused: The next step if the API refuses the form of the request.

        Raises:
            InputError: Vertex AI refuses the step.
            PlatformError: It stays busy, or this account may not take the step.
        """
        return patiently(
            step,
            errors=self.exceptions.GoogleAPICallError,
            waits=_RETRY_SECONDS,
            passes=self._is_busy,
            explained=lambda error: self._explained(doing, error, missing, refused),
            before_wait=lambda error, seconds: _LOG.warning(
                "vertex: to %s: %s. Again in %g s.", doing, google_error(error), seconds
            ),
        )

    def _is_busy(self, error: Any) -> bool:
        api = self.exceptions
        busy = (api.TooManyRequests, api.ServerError, api.Aborted)
        return isinstance(error, busy) and not _has_no_credentials(error)

    def _explained(self, doing: str, error: Any, missing: str, refused: str) -> ComponentError:
        api = self.exceptions
        where = self.place
        if isinstance(error, api.Unauthorized) or _has_no_credentials(error):
            return _no_credentials(google_error(error))
        reason = f"vertex: {where.host} did not {doing}: {google_error(error)}. "
        enable = f"`gcloud services enable aiplatform.googleapis.com --project {where.project}`"
        if isinstance(error, api.Forbidden) and _is_disabled(error):
            return PlatformError(f"{reason}Enable the API: {enable}.")
        if isinstance(error, api.Forbidden):
            account = where.service_account or "the project's Compute Engine default account"
            return PlatformError(
                f"{reason}Your account needs the role roles/aiplatform.user on project "
                f"{where.project!r} and, since tasks run as {account}, "
                "roles/iam.serviceAccountUser on that account."
            )
        if isinstance(error, api.NotFound) and missing:
            return InputError(f"{reason}{missing}")
        if isinstance(error, api.NotFound) or _is_unknown_host(error):
            kind = ContactLostError if _is_unknown_host(error) else InputError
            return kind(
                f"{reason}Check `project`, {where.project!r}, and `region`, {where.region!r}, in "
                f"[vertex] of {where.source}, and that the project has the API enabled: {enable}."
            )
        if isinstance(error, api.TooManyRequests):
            return ContactLostError(
                f"{reason}It was asked for a minute. Ask for more quota in {where.project!r}, or "
                "call the command again later."
            )
        if isinstance(error, api.ClientError) and not isinstance(error, api.Aborted):
            return InputError(f"{reason}{refused}")
        return ContactLostError(f"{reason}Call the command again later.")


def connect_clients(where: Location) -> Clients:
    """Makes the clients; finds credentials, and calls nothing.

    Raises:
        InputError: google-cloud-aiplatform is not installed.
        PlatformError: This machine has no credentials for Google Cloud.
    """
    try:
        with warnings.catch_warnings():
            # About Python versions that Google's libraries will stop supporting.
            warnings.simplefilter("ignore", FutureWarning)
            import grpc
            from google.api_core import exceptions
            from google.auth.exceptions import GoogleAuthError
            from google.cloud.aiplatform_v1.services import pipeline_service, schedule_service
            from google.cloud.aiplatform_v1.services.pipeline_service import transports
            from google.cloud.aiplatform_v1.services.schedule_service.transports import (
                ScheduleServiceGrpcTransport,
            )
    except ModuleNotFoundError as error:
        raise not_installed(
            str(error.name), extra="vertex", who="headrace", purpose="calls to Vertex AI"
        ) from error
    if where.is_emulator:
        channel = grpc.insecure_channel(where.host)
        return Clients(
            place=where,
            pipelines=pipeline_service.PipelineServiceClient(
                transport=transports.PipelineServiceGrpcTransport(channel=channel)
            ),
            schedules=schedule_service.ScheduleServiceClient(
                transport=ScheduleServiceGrpcTransport(channel=channel)
            ),
            exceptions=exceptions,
        )
    options = {"api_endpoint": where.host}
    try:
        return Clients(
            place=where,
            pipelines=pipeline_service.PipelineServiceClient(client_options=options),
            schedules=schedule_service.ScheduleServiceClient(client_options=options),
            exceptions=exceptions,
        )
    except GoogleAuthError as error:
        raise _no_credentials(str(error)) from error


def _has_no_credentials(error: Any) -> bool:
    # gRPC gets tokens in a plugin, whose failures are reported as an unavailable service. The same
    # is true for a network that is down, but that may work again later.
    text = str(error)
    return "Getting metadata from plugin failed" in text and "Max retries exceeded" not in text


def _is_disabled(error: Any) -> bool:
    return "SERVICE_DISABLED" in str(error) or "it is disabled" in str(error)


def _is_unknown_host(error: Any) -> bool:
    return "DNS resolution failed" in str(error)


def _no_credentials(reason: str) -> PlatformError:
    return PlatformError(
        f"vertex: there are no credentials for Google Cloud that it takes: {reason.rstrip('.')}. "
        "Run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name "
        "the file of a service account."
    )
