"""Refuses parameters that are too large for Kubeflow.

Argo stores the parameters of a task in its own documents, with quotes escaped twice.
"""

import json
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.parameter_sizes import largest, messages
from headrace.errors import CompileError
from headrace.ir import specs

# The maximum for one task in Kubernetes and Argo, as an annotation or an output of the driver,
# minus room for the rest of the pod's specification: kubeflow/pipelines#12453.
MAX_ESCAPED_BYTES = 256 * 1024 - 32 * 1024

# A Workflow is one object of etcd, which takes requests of 1.5 MiB, and grows while it runs.
MAX_WORKFLOW_BYTES = 1024 * 1024

# The maximum for all values of a run together, as JSON: kubeflow/pipelines#12510. Later releases
# accept 20,000.
MAX_RUN_CHARS = 10_000


def check_sizes(spec: Mapping[str, Any], target: str, values: Mapping[str, Any] | None) -> None:
    """Checks that Kubeflow can start each task with the parameters that are known of it.

    Args:
        spec: A pipeline after all passes.
        target: Name of the target.
        values: Values of run parameters; those that are missing have their defaults.

    Raises:
        CompileError: The parameters of a task, or of the pipeline, are too large.
    """
    for message in messages(spec, values):
        message.check_argument(target)
        escaped = len(json.dumps(message.quoted, ensure_ascii=False).encode())
        if escaped > MAX_ESCAPED_BYTES:
            raise message.refusal(
                f"with their quotes escaped twice, as Argo holds them, {escaped:,}, and Kubernetes "
                f"takes at most {MAX_ESCAPED_BYTES:,}"
            )
    _check_workflow(spec)


def check_run_size(values: Mapping[str, Any]) -> None:
    """Checks that Kubeflow accepts the size of a run's parameters.

    Raises:
        CompileError: They are too large.
    """
    size = len(json.dumps(dict(values), ensure_ascii=False))
    if size > MAX_RUN_CHARS:
        name, most = largest(values)
        raise CompileError(
            f"headrace submit: the parameters of the run take {size:,} characters as JSON, of "
            f"which `{name}` takes {most:,}, but Kubeflow takes at most {MAX_RUN_CHARS:,}. Make "
            "the value a constant or a default in the pipeline, or put it into a file and pass its "
            "URI."
        )


def _check_workflow(spec: Mapping[str, Any]) -> None:
    size = len(json.dumps(spec, ensure_ascii=False).encode())
    if size <= MAX_WORKFLOW_BYTES:
        return
    named = {
        f"{node.label}.{name}": specs.constant(source)
        for node in specs.tasks(spec)
        for name, source in specs.parameter_inputs(node.task).items()
    }
    name, most = largest(named)
    raise CompileError(
        f"{specs.pipeline_name(spec)}: the pipeline takes {size:,} bytes, but Kubernetes holds a "
        f"Workflow of at most {MAX_WORKFLOW_BYTES:,}. The largest parameter is `{name}` with "
        f"{most:,}. Put large values into files and pass their URIs, or divide the pipeline."
    )
