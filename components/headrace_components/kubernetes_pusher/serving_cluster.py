"""Calls a Kubernetes API server: tries again when it is busy, and explains its errors."""

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import urllib3
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from headrace_components.contract.errors import (
    ComponentError,
    InputError,
    PlatformError,
    RefusedError,
)
from headrace_components.contract.patience import patiently

# The owner of the fields that a push sets, for server-side apply.
_FIELD_MANAGER = "headrace"

_RETRY_SECONDS = (1, 2, 4, 8, 16)
_BUSY = (409, 429, 500, 502, 503, 504)
_CALL_SECONDS = 30

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingKind:
    """A kind of object.

    Attributes:
        api: Group and version, such as "apps/v1"; "v1" for the core.
        kind: Its name in manifests, such as "Deployment".
        plural: Its name in paths and roles, such as "deployments".
        verbs: The verbs of a role that a push needs for it.
    """

    api: str
    kind: str
    plural: str
    verbs: tuple[str, ...] = ("get", "watch", "create", "patch")

    @property
    def rule(self) -> str:
        """The rule of a Role that allows a push."""
        group = self.api.rpartition("/")[0]
        return json.dumps(
            {"apiGroups": [group], "resources": [self.plural], "verbs": list(self.verbs)}
        )


class ServingCluster:
    """One namespace of a cluster.

    Attributes:
        namespace: Its name.

    Args:
        context: Context of the kubeconfig file; empty for the cluster in which this process runs,
            or else for the file's current context.
        namespace: Its name; empty for that of this process's pod, or of the context.

    Raises:
        PlatformError: There is neither a service account nor a kubeconfig file with the context.
    """

    def __init__(self, context: str, namespace: str) -> None:
        configuration = client.Configuration()
        # The client reads the variable once, when it is imported.
        file = os.environ.get("KUBECONFIG")
        try:
            if not context and "KUBERNETES_SERVICE_HOST" in os.environ:
                config.load_incluster_config(client_configuration=configuration)
                found = _NAMESPACE_FILE.read_text("utf-8")
            else:
                config.load_kube_config(file, context or None, configuration)
                found = _namespace_of(file, context)
        except ConfigException as error:
            raise PlatformError(
                "there are no credentials for "
                f"{f'context {context!r}' if context else 'a cluster'}: {str(error).rstrip('.')}. "
                "Run the task in the cluster with a service account, or give it a kubeconfig file."
            ) from error
        self.namespace = namespace or found or "default"
        self._host = configuration.host
        self._client = client.ApiClient(configuration)

    def find(self, kind: ServingKind, name: str) -> dict[str, Any] | None:
        """Returns an object, or None if no object has this name.

        Raises:
            InputError: The cluster does not have objects of this kind.
        """
        try:
            return dict(self._call("get", kind, name))
        except _NotThereError as error:
            if error.is_kind:
                raise InputError(
                    f"the cluster at {self._host} has no {kind.plural} of "
                    f"{kind.api}. Install what brings them, or choose another `server`."
                ) from error
            return None

    def apply(self, kind: ServingKind, manifest: dict[str, Any]) -> dict[str, Any]:
        """Makes an object, or changes the fields that `manifest` has, and returns it.

        Fields that an earlier push set and that are missing in `manifest` go back to their
        defaults.
        """
        name = manifest["metadata"]["name"]
        query = {"fieldManager": _FIELD_MANAGER, "force": "true"}
        return self._change(kind, name, query, "application/apply-patch+yaml", manifest)

    def replace(
        self, kind: ServingKind, name: str, fields: dict[str, Any], while_it_has: dict[str, Any]
    ) -> dict[str, Any]:
        """Replaces parts of an object, given by JSON pointers such as "/spec/template".

        Args:
            kind: Its kind.
            name: Its name.
            fields: The parts and their new values.
            while_it_has: Other parts and the values that they must have; otherwise nothing is
                changed.
        """
        operations = [
            {"op": operation, "path": pointer, "value": value}
            for operation, parts in (("test", while_it_has), ("replace", fields))
            for pointer, value in parts.items()
        ]
        query = {"fieldManager": _FIELD_MANAGER}
        return self._change(kind, name, query, "application/json-patch+json", operations)

    def labelled(self, kind: ServingKind, label: str) -> list[dict[str, Any]]:
        """Returns the objects that have a label, given as "name=value"."""
        return list(self._call("list", kind, query={"labelSelector": label}).get("items", []))

    def watch(self, kind: ServingKind, name: str, seconds: int) -> Iterator[dict[str, Any]]:
        """Yields an object at once, and again after each change, for some seconds."""

        def open_stream(**options: Any) -> Any:
            query = {
                "watch": "true",
                "fieldSelector": f"metadata.name={name}",
                "timeoutSeconds": str(options["timeout_seconds"]),
            }
            return self._call("watch", kind, query=query, streams=True)

        try:
            stream = watch.Watch(return_type="object").stream(open_stream, timeout_seconds=seconds)
            for event in stream:
                if event["type"] == "DELETED":
                    raise PlatformError(
                        f"somebody deleted the {kind.kind} {name} while it was "
                        "to come up. Run the task again."
                    )
                yield event["object"]
        except ApiException as error:
            # The answer to a watch that the API server can no longer serve; start a new watch.
            logging.info("kubernetes_pusher: the watch ended: %s.", error.reason)
            time.sleep(1)
        except urllib3.exceptions.HTTPError as error:
            logging.info("kubernetes_pusher: the watch broke: %s.", error)
            time.sleep(1)

    def _change(
        self, kind: ServingKind, name: str, query: dict[str, str], content: str, body: Any
    ) -> dict[str, Any]:
        try:
            return dict(self._call("patch", kind, name, query=query, content=content, body=body))
        except _NotThereError as error:
            raise InputError(
                f"there is no namespace {self.namespace!r} at {self._host}: "
                f"{error}. Make it, or pass another `namespace`."
            ) from error

    def _call(
        self,
        verb: str,
        kind: ServingKind,
        name: str = "",
        *,
        query: Mapping[str, str] = MappingProxyType({}),
        content: str = "application/json",
        body: Any = None,
        streams: bool = False,
    ) -> Any:
        prefix = "/apis/" if "/" in kind.api else "/api/"
        path = f"{prefix}{kind.api}/namespaces/{self.namespace}/{kind.plural}"
        return patiently(
            lambda: self._client.call_api(
                f"{path}/{name}" if name else path,
                "PATCH" if verb == "patch" else "GET",
                query_params=list(query.items()),
                header_params={"Accept": "application/json", "Content-Type": content},
                body=body,
                response_type="object",
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _preload_content=not streams,
                _request_timeout=_CALL_SECONDS,
            ),
            errors=(ApiException, urllib3.exceptions.HTTPError),
            waits=_RETRY_SECONDS,
            passes=lambda error: not isinstance(error, ApiException) or error.status in _BUSY,
            explained=lambda error: self._explained(verb, kind, error),
            before_wait=lambda error, _: logging.info(
                "kubernetes_pusher: to %s %s: %s.", verb, kind.plural, _message(error)
            ),
        )

    def _explained(self, verb: str, kind: ServingKind, error: Exception) -> ComponentError:
        if not isinstance(error, ApiException):
            return PlatformError(
                f"the API server at {self._host} does not answer: "
                f"{error}. Check that this task may reach it, then run it again."
            )
        reason = (
            f"the API server at {self._host} refuses to {verb} {kind.plural} "
            f"in namespace {self.namespace!r}: {error.status} {_message(error)}. "
        )
        if error.status == 401:
            return RefusedError(
                f"{reason}It does not know this task: let its pod mount a service account's "
                "token, or renew the credentials of the kubeconfig file."
            )
        if error.status == 403:
            return RefusedError(
                f"{reason}Bind the task's service account to a Role of that namespace with the "
                f"rule {kind.rule}."
            )
        if error.status == 404:
            return _NotThereError(_message(error), is_kind=not _is_status(error))
        if error.status in _BUSY or not error.status:  # 0 if no secure connection could be made
            return PlatformError(f"{reason}Run the task again; nothing is done twice.")
        return InputError(f"{reason}Correct what it names.")


class _NotThereError(ComponentError):
    """The API server does not have this object, or this kind of object."""

    def __init__(self, message: str, *, is_kind: bool) -> None:
        super().__init__(message)
        self.is_kind = is_kind


def _namespace_of(file: str | None, context: str) -> str:
    contexts, active = config.list_kube_config_contexts(file)
    chosen = next((each for each in contexts if each["name"] == context), active)
    return str(chosen["context"].get("namespace", ""))


def _is_status(error: ApiException) -> bool:
    """Returns whether the answer is about an object; that to an unknown path is plain text."""
    return _body(error).get("kind") == "Status"


def _message(error: Exception) -> str:
    if not isinstance(error, ApiException):
        return str(error)
    return str(_body(error).get("message") or error.reason).rstrip(".")


def _body(error: ApiException) -> dict[str, Any]:
    try:
        body = json.loads(error.body or "{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
