"""The checks of `headrace doctor --target kubeflow`: settings of the cluster that runs need."""

import os
from collections.abc import Mapping
from pathlib import Path

from headrace.contract.checks import Check
from headrace.errors import CompileError
from headrace.extras import install_command
from headrace.profiles.profile import read_profile
from headrace.targets.kubeflow.retry_policy import (
    CONFIG_MAP,
    ControllerRetryPolicy,
    patch_command,
    retry_policy,
)
from headrace.targets.kubeflow.settings import Kubeflow
from headrace_components.contract.texts import one_line

_NAME = "Retries"
_ENABLES = "try failed tasks again, as `retries` says"
_INSTALLATION_NAMESPACE = "kubeflow"
_TIMEOUT_SECONDS = 10


def checks(config: Path | None) -> list[Check]:
    """Returns the checks of the cluster that is the kubeconfig's current context.

    Args:
        config: The profile; it may name the namespace of the installation.
    """
    try:
        namespace = read_profile(config).table_of(Kubeflow).namespace
    except CompileError as error:
        return [_missing(str(error), "Correct the profile.")]
    try:
        return [retries(*_config_map(namespace))]
    except _NotReadError as error:
        return [error.check]


def retries(data: Mapping[str, str], namespace: str) -> Check:
    """Checks whether the workflow controller tries a task again that failed.

    Args:
        data: The data of the controller's ConfigMap.
        namespace: Where it is.
    """
    where = f"{namespace}/{CONFIG_MAP}"
    try:
        policy = retry_policy(data)
    except ValueError as error:
        return _missing(str(error), f"Correct it: `kubectl -n {namespace} edit cm {CONFIG_MAP}`.")
    words = f"retryPolicy {policy.name} in {where}"
    if policy.retries_failures and not policy.retries_unasked:
        rest = "" if policy.retries_lost_pods else "; not one whose pod was deleted"
        return Check(name=_NAME, state="ok", found=f"{words}{rest}", enables=_ENABLES)
    return _missing(f"{words}: {_trouble(policy)}", patch_command(data, namespace))


def _trouble(policy: ControllerRetryPolicy) -> str:
    if policy.retries_unasked:
        return (
            f"a task that failed is tried {policy.limit} times more, also without `retries`, and "
            "so is each sub-pipeline around it"
        )
    return "a task whose container ends with an error is not tried again"


def _missing(found: str, advice: str) -> Check:
    return Check(name=_NAME, state="missing", found=found, enables=_ENABLES, advice=advice)


class _NotReadError(Exception):
    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found)
        self.check = _missing(found, advice)


def _config_map(namespace: str) -> tuple[Mapping[str, str], str]:
    """Returns the data of the controller's ConfigMap, and the namespace that has it."""
    try:
        import urllib3
        from kubernetes import client, config
    except ImportError as error:
        raise _NotReadError(
            "the Python package kubernetes is not installed",
            f"Run `{install_command('kubernetes')}`.",
        ) from error
    try:
        # Named here: the client reads the variable when it is imported, and never again.
        api = config.new_client_from_config(os.environ.get("KUBECONFIG"))
    except (config.ConfigException, OSError) as error:
        raise _NotReadError(
            f"there is no cluster: {one_line(error, 200)}",
            "Choose one with `kubectl config use-context NAME`.",
        ) from error
    api.configuration.retries = 0
    core = client.CoreV1Api(api)
    namespaces = list(dict.fromkeys((namespace, _INSTALLATION_NAMESPACE)))
    for each in namespaces:
        try:
            found = core.read_namespaced_config_map(
                CONFIG_MAP, each, _request_timeout=_TIMEOUT_SECONDS
            )
        except client.ApiException as error:
            if error.status == 404:
                continue
            raise _NotReadError(
                f"{api.configuration.host} answered {error.status} {error.reason}",
                f"Ask who runs the cluster to let you get the ConfigMap {CONFIG_MAP} in {each}, "
                "like the group headrace-authors of manifests/base.",
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise _NotReadError(
                f"{api.configuration.host} cannot be reached: {one_line(error, 200)}",
                "Check the current context of your kubeconfig, the network and the VPN.",
            ) from error
        return found.data or {}, each
    raise _NotReadError(
        f"there is no ConfigMap {CONFIG_MAP} in namespace {' or '.join(namespaces)}",
        "Name the namespace of the installation as `namespace` in the table [kubeflow].",
    )
