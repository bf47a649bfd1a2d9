"""Runs what the author's code names: a `@component`, a component, an executor or a function."""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.values import ValueArtifact
from headrace_tfx.executing.base_beam_executor import BaseBeamExecutor
from headrace_tfx.executing.base_executor import Artifacts, BaseExecutor
from headrace_tfx.executing.task_ports import Ports


def executor_class(found: Any) -> Any:
    """Returns the class with the method `Do`.

    Args:
        found: What the author's file has under the name.

    Raises:
        InputError: It is nothing that a task can run.
    """
    if inspect.isclass(found) and hasattr(found, "EXECUTOR_SPEC"):
        spec = found.EXECUTOR_SPEC
        if not hasattr(spec, "executor_class"):
            raise InputError(
                f"{found.__name__} has the EXECUTOR_SPEC {spec!r}, expected ExecutorClassSpec or "
                "BeamExecutorSpec with a class."
            )
        return spec.executor_class
    if inspect.isclass(found) and hasattr(found, "Do"):
        return found
    if inspect.isfunction(found):
        return type(found.__name__, (_PlainFunction,), {"FUNCTION": staticmethod(found)})
    raise InputError(
        f"the code is {found!r}, expected a function, a component, or an executor with a method "
        "`Do`. Correct the name in `code`."
    )


def artifact_classes(found: Any) -> Mapping[str, type[Artifact]]:
    """Returns the classes of artifacts by port, as far as the author's code declares them."""
    spec = getattr(found, "SPEC_CLASS", None)
    if spec is None:
        return {}
    return {name: each.type for name, each in {**spec.INPUTS, **spec.OUTPUTS}.items()}


def exec_properties(found: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parameters as the author's code declares them: messages where it wants these.

    Other messages are JSON text in TFX; those with parameters of the run in them come as dicts.
    """
    declared = getattr(getattr(found, "SPEC_CLASS", None), "PARAMETERS", {})
    result = dict(given)
    for name, each in declared.items():
        if not hasattr(each.type, "DESCRIPTOR") or result.get(name) is None:
            continue
        if isinstance(result[name], dict):
            result[name] = json.dumps(result[name])
        if each.use_proto:
            from google.protobuf import json_format

            result[name] = json_format.Parse(result[name], each.type())
    return result


def function_of(executor: BaseExecutor) -> Any:
    """Returns the author's function or method that the executor calls, for messages."""
    return getattr(type(executor), "FUNCTION", None) or executor.Do


def made(cls: Any, ports: Ports, beam_pipeline_args: list[str], scratch: Path) -> Any:
    """Returns the executor, with a context of its task."""
    shared: dict[str, Any] = {
        "tmp_dir": str(scratch),
        "unique_id": "temporary",
        "executor_output_uri": str(scratch / "executor_output"),
        "stateful_working_dir": str(scratch / "stateful"),
    }
    if issubclass(cls, BaseBeamExecutor):
        context: Any = BaseBeamExecutor.Context(beam_pipeline_args=beam_pipeline_args, **shared)
    else:
        context = BaseExecutor.Context(**shared)
    executor = cls(context) if issubclass(cls, BaseExecutor) else cls()
    if isinstance(executor, _PlainFunction):
        executor.ports = ports
    return executor


class _PlainFunction(BaseExecutor):
    """Calls a function without annotations: each argument has the name of a port.

    Attributes:
        ports: The ports of the component.
    """

    FUNCTION: Any
    ports: Ports

    def Do(  # noqa: N802
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        arguments: dict[str, Any] = dict(exec_properties)
        for name, artifacts in {**input_dict, **output_dict}.items():
            port = self.ports.inputs.get(name) or self.ports.outputs[name]
            if "value" not in port and artifacts:
                arguments[name] = artifacts[0]
            elif name in input_dict and artifacts:
                arguments[name] = artifacts[0].value
        function = type(self).FUNCTION
        returned = function(**arguments)
        _keep(function.__name__, self.ports, returned, output_dict)


def _keep(name: str, ports: Ports, returned: Any, output_dict: Artifacts) -> None:
    wanted = sorted(key for key, port in ports.outputs.items() if "value" in port)
    values = {} if returned is None else returned
    if not isinstance(values, dict) or (missing := sorted(set(wanted) - set(values))):
        raise InputError(
            f"{name} returned {returned!r}, expected a dict with the values {wanted}"
            f"{f', of which {missing} are missing' if isinstance(values, dict) else ''}. Return "
            "them."
        )
    if unknown := sorted(set(values) - set(wanted)):
        raise InputError(
            f"{name} returned {unknown}, which are no values among the outputs of the component, "
            f"expected {wanted}. Declare them in `outputs`, or leave them out."
        )
    for key in wanted:
        artifact, value = output_dict[key][0], values[key]
        if isinstance(artifact, ValueArtifact):
            is_number = ports.outputs[key]["value"] == "Float" and type(value) is int
            try:
                artifact.value = float(value) if is_number else value
            except TypeError as error:
                raise InputError(f"{name} returned {value!r} as {key!r}: {error}.") from error
