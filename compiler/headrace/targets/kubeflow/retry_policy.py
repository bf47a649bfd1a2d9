"""Which tasks a cluster's workflow controller tries again, and how to change this.

Kubeflow Pipelines 2.17 gives every step of a workflow `limit: 2` and `retryPolicy: OnError`. With
these, a container that ends with an error is not tried again, whatever `retries` says. These are
settings of Argo Workflows: https://argo-workflows.readthedocs.io/en/latest/retries and
.../workflow-controller-configmap
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONFIG_MAP = "workflow-controller-configmap"
_KEY = "workflowDefaults"

# Argo's default.
_DEFAULT_POLICY = "OnFailure"

_WANTED = {"limit": "0", "retryPolicy": "Always"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ControllerRetryPolicy:
    """The policy for steps that do not have their own.

    Attributes:
        name: `Always`, `OnFailure`, `OnError` or `OnTransientError`.
        limit: How often a step without `retries` is tried again, as text.
    """

    name: str = _DEFAULT_POLICY
    limit: str = "0"

    @property
    def retries_failures(self) -> bool:
        """Whether a task is tried again when its container ended with an error."""
        return self.name in ("Always", "OnFailure")

    @property
    def retries_lost_pods(self) -> bool:
        """Whether a task is tried again when its pod was deleted or its node was lost."""
        return self.name in ("Always", "OnError")

    @property
    def retries_unasked(self) -> bool:
        """Whether a task that has no `retries` is tried again when it failed."""
        return self.retries_failures and self.limit != "0"


def retry_policy(data: Mapping[str, str]) -> ControllerRetryPolicy:
    """Returns the policy that a controller has, from the data of its ConfigMap.

    Raises:
        ValueError: The settings are not YAML that Argo would accept.
    """
    strategy = _strategy(_defaults(data))
    return ControllerRetryPolicy(
        name=str(strategy.get("retryPolicy") or _DEFAULT_POLICY),
        limit=str(strategy.get("limit", "0")),
    )


def patch_command(data: Mapping[str, str], namespace: str) -> str:
    """Returns the command that lets tasks have the `retries` that they ask for, and no others.

    Args:
        data: The data of the ConfigMap; the other defaults in it are kept.
        namespace: Where it is.
    """
    import yaml

    defaults = _defaults(data)
    spec = defaults.setdefault("spec", {})
    strategy = spec.setdefault("templateDefaults", {}).setdefault("retryStrategy", {})
    strategy.update(_WANTED)
    patch = {"data": {_KEY: yaml.safe_dump(defaults)}}
    return (
        f"kubectl -n {namespace} patch configmap {CONFIG_MAP} --type merge "
        f"--patch {shlex.quote(json.dumps(patch))}"
    )


def _defaults(data: Mapping[str, str]) -> dict[str, Any]:
    import yaml

    try:
        # Installations of old have all settings in one text.
        found = (
            yaml.safe_load(data[_KEY])
            if _KEY in data
            else (yaml.safe_load(data.get("config", "")) or {}).get(_KEY)
        )
        _strategy(found or {})
    except (yaml.YAMLError, AttributeError) as error:
        raise ValueError(
            f"`{_KEY}` of {CONFIG_MAP} has no valid settings of Argo: {error}"
        ) from error
    return dict(found or {})


def _strategy(defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = defaults.get("spec") or {}
    # The settings of steps take precedence over those of the workflow.
    steps = (spec.get("templateDefaults") or {}).get("retryStrategy")
    return dict(steps or spec.get("retryStrategy") or {})
