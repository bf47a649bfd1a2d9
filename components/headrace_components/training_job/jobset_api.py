"""The Kubernetes API for JobSets: repeats calls when it is busy, and explains refusals."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from headrace_components.contract.errors import InputError, PlatformError, RefusedError
from headrace_components.contract.patience import patiently

_KIND = ("jobset.x-k8s.io", "v1alpha2")
_PLURAL = "jobsets"
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_RETRY_SECONDS = (1, 2, 4, 8, 16)
_BUSY = (429, 500, 502, 503, 504)
_CALL_SECONDS = 30

Object = dict[str, Any]


class JobSetApi:
    """JobSets and pods in the namespace of this process; outside a cluster, of the kubeconfig file.

    Raises:
        PlatformError: There is neither a service account nor a kubeconfig file.
    """

    def __init__(self) -> None:
        configuration = client.Configuration()
        try:
            if "KUBERNETES_SERVICE_HOST" in os.environ:
                config.load_incluster_config(client_configuration=configuration)
                self._namespace = _NAMESPACE_FILE.read_text("utf-8")
            else:
                file = os.environ.get("KUBECONFIG")
                config.load_kube_config(file, client_configuration=configuration)
                _, active = config.list_kube_config_contexts(file)
                self._namespace = active["context"].get("namespace", "default")
        except ConfigException as error:
            raise PlatformError(
                f"there are no credentials for a cluster: {str(error).rstrip('.')}. "
                "Run the task in the cluster with a service account."
            ) from error
        api = client.ApiClient(configuration)
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)

    def create(self, manifest: Object) -> None:
        """Makes a JobSet.

        Raises:
            PlatformError: The cluster has no JobSets, or the account may not create one.
        """
        try:
            self._call(self._objects.create_namespaced_custom_object, manifest)
        except ApiException as error:
            if error.status != 409:  # created by a call whose answer was lost
                raise _refusal("create", error) from error

    def jobset(self, name: str) -> Object:
        """Returns a JobSet.

        Raises:
            PlatformError: It no longer exists.
        """
        try:
            return dict(self._call(self._objects.get_namespaced_custom_object, name))
        except ApiException as error:
            if error.status != 404:
                raise _refusal("get", error) from error
            raise PlatformError(
                f"the JobSet {name} is gone: it was deleted while its pods worked. "
                "Run the task again."
            ) from error

    def jobsets(self, label: str) -> list[Object]:
        """Returns the JobSets that have a label, given as "name=value"."""
        method = self._objects.list_namespaced_custom_object
        try:
            return list(self._call(method, label_selector=label)["items"])
        except ApiException as error:
            raise _refusal("list", error) from error

    def delete(self, name: str) -> None:
        """Deletes a JobSet and its pods."""
        method = self._objects.delete_namespaced_custom_object
        try:
            self._call(method, name, propagation_policy="Background")
        except ApiException as error:
            if error.status != 404:
                raise _refusal("delete", error) from error

    def pods(self, label: str) -> list[Object]:
        """Returns the pods with a label, as JSON of the API."""
        method = self._core.list_namespaced_pod
        answer = self._core_call("list pods", method, label_selector=label, _preload_content=False)
        return list(json.loads(answer.data)["items"])

    def log(self, pod: str, lines: int) -> list[str]:
        """Returns the last lines of a pod's log."""
        method = self._core.read_namespaced_pod_log
        answer = self._core_call("get pods/log", method, pod, tail_lines=lines)
        return str(answer).splitlines()

    def _core_call(self, doing: str, method: Callable[..., Any], *args: Any, **more: Any) -> Any:
        try:
            return _patiently(method, *args, namespace=self._namespace, **more)
        except ApiException as error:
            raise _refusal(doing, error) from error

    def _call(self, method: Callable[..., Any], *args: Any, **more: Any) -> Any:
        return _patiently(method, *_KIND, self._namespace, _PLURAL, *args, **more)


def _patiently(method: Callable[..., Any], *args: Any, **more: Any) -> Any:
    return patiently(
        lambda: method(*args, _request_timeout=_CALL_SECONDS, **more),
        errors=(ApiException, urllib3.exceptions.HTTPError),
        waits=_RETRY_SECONDS,
        passes=lambda error: not isinstance(error, ApiException) or error.status in _BUSY,
        explained=_explained,
    )


def _explained(error: Exception) -> Exception:
    if isinstance(error, urllib3.exceptions.HTTPError):
        return PlatformError(
            f"the API server does not answer: {error}. Run the task again when the "
            "cluster is reachable."
        )
    return error  # the caller adds the name of its request


def _refusal(doing: str, error: ApiException) -> InputError | PlatformError:
    try:
        message = json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        message = str(error.reason)
    if error.status == 404:
        return PlatformError(
            f"the cluster has no {_PLURAL} of {'/'.join(_KIND)} ({message}). Install "
            "JobSet, which Kubeflow Trainer brings too, or take `workers` out of the task's "
            "settings."
        )
    if error.status == 403:
        return RefusedError(
            f"the pipeline's service account may not {doing}: {message}. Give it the "
            "role of docs/training.md."
        )
    return InputError(
        f"the cluster refused to {doing} with HTTP {error.status}: {message}. "
        "Correct the task's settings."
    )
