"""Makes components keep the rows of examples outside of what Kubeflow's launcher carries."""

from collections.abc import Mapping
from typing import Any

from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace.targets.kubeflow.settings import Kubeflow
from headrace_components.contract.declaration import find

# `headrace_components.library.data.references` acts on it.
_VARIABLE = {"name": "HEADRACE_LARGE_ARTIFACTS", "value": "reference"}

# The account for the object store that KFP installs, in the place where its own launcher finds it.
_MINIO_SECRET = "mlpipeline-minio-artifact"
_MINIO_KEYS = {
    "AWS_ACCESS_KEY_ID": (_MINIO_SECRET, "accesskey"),
    "AWS_SECRET_ACCESS_KEY": (_MINIO_SECRET, "secretkey"),
}


def apply_large_artifacts(spec: Mapping[str, Any], kubeflow: Kubeflow) -> Spec:
    """Returns `spec` with the variable that sets `large_artifacts` to `reference` for components.

    It is a variable of the container, which is not in Kubeflow's cache key: both kinds of results
    are equally good.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        if _refers(kubeflow, node):
            variables = node.container.setdefault("env", [])
            if _VARIABLE not in variables:  # two tasks may run one executor
                variables.append(dict(_VARIABLE))
    return result


def secrets(kubeflow: Kubeflow, node: specs.TaskNode) -> Mapping[str, tuple[str, str]]:
    """Returns the secrets and keys, by variable, that a task opens the object store with.

    For the store that KFP installs; the accounts of others are the author's to give.
    """
    is_own = kubeflow.pipeline_root.startswith("minio://") or not kubeflow.pipeline_root
    declared = find(node.headrace_name)
    opens = _refers(kubeflow, node) or (declared is not None and declared.opens_store)
    return _MINIO_KEYS if is_own and opens else {}


def _refers(kubeflow: Kubeflow, node: specs.TaskNode) -> bool:
    is_ours = node.headrace_name is not None
    return is_ours and kubeflow.large_artifacts == "reference"
