"""Lets Kubeflow retry a task as long as it has retries left."""

from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.resources import BACKOFF
from headrace.ir import specs
from headrace.ir.specs import Spec

# Argo counts the maximum time of a retry from the start of the first attempt, and stops a later
# attempt at that time. kfp's maximum is an hour: a task that failed after an hour would never be
# tried again. Argo has no value for "no limit"; a missing value means 0, with which nothing is
# retried.
_A_YEAR = "31536000s"


def apply_retries(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` with retries that work for tasks of any duration.

    A value that an author set lower than kfp's default is kept.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        policy = node.task.get("retryPolicy")
        if policy is None:
            continue
        node.task["retryPolicy"] = {**BACKOFF, **policy}
        if node.task["retryPolicy"]["backoffMaxDuration"] == BACKOFF["backoffMaxDuration"]:
            node.task["retryPolicy"]["backoffMaxDuration"] = _A_YEAR
    return result
