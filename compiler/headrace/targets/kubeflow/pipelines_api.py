"""Calls Kubeflow Pipelines by its own client, with bounded patience and errors in one line."""

import contextlib
import functools
import io
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from headrace.contract.service import ContactLostError
from headrace.targets.kubeflow.connection import Address
from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.contract.patience import patiently
from headrace_components.contract.texts import one_line

T = TypeVar("T")

# Answers of a proxy or the API server that is overloaded or restarting.
_BUSY = frozenset({429, 502, 503, 504})
PAUSES_SECONDS: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Waits between calls that found the service busy."""

# To connect, and from one byte of the answer to the next. The client itself would wait forever.
_TIMEOUT_SECONDS = (10, 60)

# The subject of the first call.
_SERVICE = "the service"

# The outermost of KFP's errors says what it was doing, the innermost what is wrong.
_INNERMOST = re.compile(r".*\b\w+Error: (?P<reason>.+)", re.DOTALL)


class WebPageError(Exception):
    """The answer is a page for people, most likely one to sign in on."""


def connect(address: Address) -> Any:
    """Returns a `kfp.Client`.

    Raises:
        PlatformError: The service cannot be reached, or wants other credentials.
        InputError: What is at the address is not the API.
    """
    # Import late: it takes half a second, and most commands do not need it.
    from kfp.client import Client

    class PatientClient(Client):  # type: ignore[misc]  # kfp has no types
        """A client whose calls end, even if a connection was lost without notice."""

        @functools.cache  # noqa: B019  one client lives as long as the command
        def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:  # noqa: ARG002
            """Asks for the service's properties; the original prints a traceback per attempt."""
            rest = self._healthz_api.api_client.rest_client
            if not isinstance(rest.request, functools.partial):
                rest.request = functools.partial(_bounded, rest.request)
            return self._healthz_api.healthz_service_get_healthz()

    def made() -> Any:
        client = PatientClient(
            host=address.host,
            namespace=address.namespace,
            existing_token=address.token or None,
            cookies=address.cookies or None,
            credentials=_pod_credentials(address.token_file),
            ssl_ca_cert=address.certificates or None,
        )
        client.get_kfp_healthz()
        return client

    with warnings.catch_warnings():
        # It warns that it only supports KFP 2, which users of this target know.
        warnings.simplefilter("ignore", FutureWarning)
        return call(made, address, _SERVICE)


def _pod_credentials(token_file: str) -> Any:
    if not token_file:
        return None
    from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

    return ServiceAccountTokenVolumeCredentials(path=token_file)


def _bounded(request: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Makes a request of `kfp_server_api.rest` with a timeout, and accepts no web page."""
    if options.get("_request_timeout") is None:
        options["_request_timeout"] = _TIMEOUT_SECONDS
    answer = request(*arguments, **options)
    content = answer.urllib3_response.headers.get("Content-Type", "")
    if content.startswith("text/html"):
        raise WebPageError
    return answer


def call(
    function: Callable[[], T],
    address: Address,
    what: str,
    *,
    find_result: Callable[[], T | None] | None = None,
) -> T:
    """Calls the service, again if it is busy.

    Args:
        function: The call.
        address: Where it goes, for messages.
        what: The subject for messages, such as `run 'abc'`.
        find_result: Returns the result of a call whose answer was lost, or None. Without it a call
            may be made twice.

    Raises:
        InputError: The service refuses the request.
        PlatformError: It stays busy, cannot be reached, or wants other credentials.
    """
    import urllib3
    from kfp_server_api import ApiException

    is_repeated = False

    def step() -> T:
        nonlocal is_repeated
        made = find_result() if find_result and is_repeated else None
        if made is not None:
            return made
        is_repeated = True
        with _silence():
            return function()

    def passes(error: Any) -> bool:
        if isinstance(error, ApiException):
            return error.status in _BUSY
        # Nobody has answered there yet: it is a wrong address rather than a bad moment.
        is_wrong = what == _SERVICE and _is_refused(error)
        return isinstance(error, urllib3.exceptions.HTTPError) and not is_wrong

    def explained(error: Any) -> ComponentError:
        if isinstance(error, WebPageError):
            return _web_page(address)
        if isinstance(error, ApiException):
            return _refusal(error, address, what)
        return _unreachable(error, address)

    return patiently(
        step,
        errors=(WebPageError, ApiException, urllib3.exceptions.HTTPError),
        waits=PAUSES_SECONDS,
        passes=passes,
        explained=explained,
    )


def get_json(kfp: Any, address: Address, path: str, query: Mapping[str, Any]) -> Any:
    """Returns the answer to a GET below /apis/v2beta1 as JSON data, or None for a 404.

    For functions that kfp's client does not have, or not in the installed version.

    Raises:
        InputError: The service refuses the request.
        PlatformError: It stays busy, cannot be reached, or wants other credentials.
    """
    from kfp_server_api import ApiException

    api = kfp._run_api.api_client
    # A list becomes one parameter per item, which grpc-gateway expects.
    parameters = [
        (name, item)
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
    ]

    def ask() -> Any:
        try:
            return api.call_api(
                f"/apis/v2beta1/{path}",
                "GET",
                query_params=parameters,
                header_params={"Accept": "application/json"},
                auth_settings=["Bearer"],
                response_type="object",
                _return_http_data_only=True,
            )
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    return call(ask, address, path)


def get_text(kfp: Any, address: Address, path: str) -> str | None:
    """Returns the unchanged answer to a GET of `path`, or None if it does not exist.

    For logs, which the API server serves beside its API. If it cannot read a log, it answers with
    an error, or in older versions with a text about the error.

    Raises:
        PlatformError: It stays busy, cannot be reached, or wants other credentials.
    """
    import urllib3
    from kfp_server_api import ApiException

    api = kfp._run_api.api_client
    timeout = urllib3.Timeout(connect=_TIMEOUT_SECONDS[0], read=_TIMEOUT_SECONDS[1])

    def ask() -> str | None:
        headers = dict(api.default_headers)
        api.update_params_for_auth(headers, [], ["Bearer"])
        if api.cookie:
            headers["Cookie"] = api.cookie
        answer = api.rest_client.pool_manager.request(
            "GET", f"{api.configuration.host}{path}", headers=headers, timeout=timeout
        )
        text = str(answer.data.decode("utf-8", "replace"))
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise WebPageError
        if answer.status in (401, 403, *_BUSY):
            error = ApiException(status=answer.status, reason=answer.reason)
            error.body = text
            raise error
        is_error = answer.status >= 400 or text.startswith('{"error_message":')
        return None if is_error else text

    return call(ask, address, f"the log {path}")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    # kfp prints its own links, even to places that do not exist with a forwarded port.
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _is_refused(error: Any) -> bool:
    """Whether nothing listens: waiting for a name or a port that does not exist does not help."""
    import urllib3

    reason = getattr(error, "reason", None)
    return isinstance(
        reason, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.SSLError)
    ) and not isinstance(reason, urllib3.exceptions.ConnectTimeoutError)


def _refusal(error: Any, address: Address, what: str) -> ComponentError:
    status, message = int(error.status), _reason(error)
    came = f"kubeflow: {address.host} answered {status} to the call about {what}: {message}."
    if status == 401:
        return PlatformError(f"{came} {address.how_to_sign_in}")
    if status == 403:
        return PlatformError(
            f"{came} Let an administrator give this account a role in namespace "
            f"{address.namespace!r}, such as kubeflow-edit, or name another `namespace` "
            "in [kubeflow]."
        )
    if status == 404 and what == _SERVICE:
        return InputError(
            f"kubeflow: {address.host} has no API of Kubeflow Pipelines (404 for "
            "/apis/v2beta1/healthz). Correct `host` in [kubeflow]; behind Kubeflow's dashboard it "
            "ends in /pipeline."
        )
    if status in _BUSY:
        return ContactLostError(
            f"{came} It was asked {len(PAUSES_SECONDS) + 1} times. Look at deployment ml-pipeline "
            "in the cluster, or try again later."
        )
    if status >= 500:
        return ContactLostError(f"{came} Look at the log of deployment ml-pipeline in the cluster.")
    return InputError(f"{came} {_ADVICE.get(status, 'Correct what the service names.')}")


_ADVICE = {
    404: "`headrace runs list --target kubeflow` and `headrace schedules list --target kubeflow` "
    "show what there is."
}


def _reason(error: Any) -> str:
    """Returns the message of the service, in one line."""
    text = error.body or error.reason or ""
    with contextlib.suppress(ValueError, AttributeError):  # no JSON object: a proxy's answer
        answer = json.loads(text)
        text = answer.get("message") or answer.get("error_message") or text
    match = _INNERMOST.fullmatch(str(text))
    return one_line(match["reason"] if match else text, 300)


def _web_page(address: Address) -> PlatformError:
    return PlatformError(
        f"kubeflow: {address.host} answered with a web page, expected the API, so it wants a "
        f"sign-in. {address.how_to_sign_in}"
    )


def _unreachable(error: Exception, address: Address) -> ContactLostError:
    reason = one_line(getattr(error, "reason", None) or error, 300)
    return ContactLostError(
        f"kubeflow: {address.host} cannot be reached: {reason}. Check `host` in [kubeflow], the "
        "network and the VPN, then try again."
    )
