"""Passes every parameter explicitly, and switches off caches that would answer wrongly."""

from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.input_fingerprints import may_have
from headrace.compilation.passes.modules import is_local
from headrace.contract.target import Target
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.declaration import cache_hooks, module_parameter
from headrace_components.library.user_code.module_pack import is_packed


def apply_defaults(
    spec: Mapping[str, Any], target: Target, *, has_fingerprints: bool = False
) -> Spec:
    """Returns `spec` with each default written at the call of the task.

    Kubeflow's cache key leaves declared defaults out, so a changed default would be answered with
    the result of the old one.

    If a target's cache key only has parameters, input artifacts and image, nothing can be added to
    it. Then these tasks are never answered from a cache: tasks that read other data
    (`external_state` of their component's cache), tasks whose effect may be undone (`still_holds`),
    and tasks whose module file is not packed into a parameter, such as one behind a URI.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        _pass_defaults(node)
        name = node.headrace_name
        if (
            not target.keys_hold_files
            and name is not None
            and not _is_key_whole(name, node, has_fingerprints=has_fingerprints)
        ):
            node.task["cachingOptions"] = {}
    return result


def _pass_defaults(node: specs.TaskNode) -> None:
    given = specs.parameter_inputs(node.task)
    # The iterator gives the loop variable its value.
    item = node.task.get("parameterIterator", {}).get("itemInput")
    for name, definition in specs.parameters(node.component).items():
        if "defaultValue" in definition and name not in given and name != item:
            inputs = node.task.setdefault("inputs", {}).setdefault("parameters", {})
            inputs[name] = {"runtimeValue": {"constant": definition["defaultValue"]}}


def _is_key_whole(component: str, node: specs.TaskNode, *, has_fingerprints: bool) -> bool:
    hooks = cache_hooks(component)
    if hooks.still_holds is not None:
        return False
    if hooks.external_state is not None and not (has_fingerprints and may_have(node)):
        return False
    parameter = module_parameter(component)
    if parameter not in specs.parameters(node.component):
        return True
    # A run may pass the URI of a file that changes instead of the constant.
    module_file = specs.constant(specs.parameter_inputs(node.task).get(parameter, {}))
    return module_file == "" or is_local(module_file) or is_packed(str(module_file))
