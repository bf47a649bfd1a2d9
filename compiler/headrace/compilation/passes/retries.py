"""Lets Kubeflow retry a task for as long as it has retries left."""

from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.resources import BACKOFF
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace.targets.registry import Target

# Argo counts a retry's longest time from the start of the first try, and ends a later try that
# runs when it is over. kfp's longest is an hour: a task that failed after an hour would never be
# tried again. Argo has no value for "none"; an absent one is 0, with which nothing is retried.
_A_YEAR = "31536000s"


def apply_retries(spec: Mapping[str, Any], target: Target) -> Spec:
    """Returns `spec` with retries that hold on `target`, however long a task runs.

    What an author set lower than kfp's default stays. On Vertex AI the longest time is that of a
    pause, and an hour at most.
    """
    result: Spec = specs.copy(spec)
    if target != "kubeflow":
        return result
    for node in specs.tasks(result):
        policy = node.task.get("retryPolicy")
        if policy is None:
            continue
        node.task["retryPolicy"] = {**BACKOFF, **policy}
        if node.task["retryPolicy"]["backoffMaxDuration"] == BACKOFF["backoffMaxDuration"]:
            node.task["retryPolicy"]["backoffMaxDuration"] = _A_YEAR
    return result
