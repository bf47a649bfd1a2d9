"""Gives f-strings, lists and dicts the items of loops, which kfp looks for in the wrong place.

For `f"{item.name}"`, or an item within If or another loop, kfp adds inputs that nobody provides:
the loop and its enclosing groups should get the item by name, but only the loop's own tasks have it
(kubeflow/pipelines#9386 and #12390). A task only needs the item, which the loop gives it, and for a
key of the item the selector that kfp writes if the key is a parameter's whole value.
"""

import json
from collections.abc import Mapping
from typing import Any

from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.templates import INPUT_PREFIX

_KEY = "-subvar-"


def apply_loop_items(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` with the items of loops wired to the tasks that use them.

    Args:
        spec: A pipeline as kfp compiles it.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        item = node.task.get("parameterIterator", {}).get("itemInput")
        if item is not None and "dag" in node.component:
            _forget_outside(node, item)
            _provide_list(node, result["root"])
            kind = specs.parameters(node.component).get(item, {"parameterType": "STRING"})
            _provide(result, node.component, item, kind)
    return result


def _forget_outside(loop: specs.TaskNode, item: str) -> None:
    """Removes the item from the inputs of the loop and of the DAGs around it."""
    node: specs.TaskNode | None = loop
    while node is not None:
        inputs = specs.parameter_inputs(node.task)
        for name in [name for name in inputs if _is_of(name, item)]:
            del inputs[name]
        node = node.parent
        if node is None or node.task.get("parameterIterator", {}).get("itemInput") == item:
            return
        declared = specs.parameters(node.component)
        for name in [name for name in declared if _is_of(name, item)]:
            del declared[name]


def _provide_list(loop: specs.TaskNode, root: Mapping[str, Any]) -> None:
    """Passes a parameter of the pipeline down to a loop over it, if kfp has lost it.

    kfp only passes a list on to a DAG if a task of the loop takes the item as a whole value.
    """
    name = loop.task["parameterIterator"].get("items", {}).get("inputParameter", "")
    wanted = specs.parameter_inputs(loop.task).get(name, {}).get("componentInputParameter", "")
    plain = wanted.removeprefix(INPUT_PREFIX)
    if wanted == plain or plain not in specs.parameters(root):
        return
    node = loop
    while node.parent is not None and wanted not in specs.parameters(node.enclosing):
        declared = node.enclosing.setdefault("inputDefinitions", {}).setdefault("parameters", {})
        declared[wanted] = {"parameterType": specs.parameters(root)[plain]["parameterType"]}
        node = node.parent
        inputs = node.task.setdefault("inputs", {}).setdefault("parameters", {})
        outer = plain if node.parent is None else wanted
        inputs.setdefault(wanted, {"componentInputParameter": outer})


def _provide(
    spec: Spec,
    dag: dict[str, Any],
    item: str,
    kind: Mapping[str, Any],
    kept: frozenset[str] = frozenset(),
) -> bool:
    """Wires the item to the tasks of a DAG; returns whether any of them uses it.

    Args:
        spec: The pipeline.
        dag: The component whose DAG it is.
        item: Name of the item.
        kind: Its declaration.
        kept: Keys of the item that the task which runs the DAG needs itself.
    """
    declared = specs.parameters(dag)
    for name in [name for name in declared if _is_key(name, item) and name not in kept]:
        del declared[name]
    is_used = False
    for task in dag["dag"].get("tasks", {}).values():
        component = specs.component_of_task(spec, task)
        inputs = specs.parameter_inputs(task)
        own = _own_keys(task, item)
        for name, source in list(inputs.items()):
            wanted = source.get("componentInputParameter", "")
            if _is_key(wanted, item):
                key = wanted[len(item) + len(_KEY) :]
                selector = f"parseJson(string_value)[{json.dumps(key)}]"
                inputs[name] = {
                    "componentInputParameter": item,
                    "parameterExpressionSelector": selector,
                }
            # The tasks of a DAG take the key from the item.
            if "dag" in component and _is_key(name, item) and name not in own:
                del inputs[name]
        is_shadowed = task.get("parameterIterator", {}).get("itemInput") == item
        if (
            "dag" in component
            and not is_shadowed
            and _provide(spec, component, item, kind, frozenset(own))
        ):
            component.setdefault("inputDefinitions", {}).setdefault("parameters", {})
            component["inputDefinitions"]["parameters"].setdefault(item, dict(kind))
            task.setdefault("inputs", {}).setdefault("parameters", {})
            task["inputs"]["parameters"].setdefault(item, {"componentInputParameter": item})
        sources = specs.parameter_inputs(task).values()
        is_used = is_used or any(each.get("componentInputParameter") == item for each in sources)
    return is_used


def _own_keys(task: Mapping[str, Any], item: str) -> set[str]:
    """Returns the keys of the item that a task itself needs, for its condition or its loop."""
    condition = task.get("triggerPolicy", {}).get("condition", "")
    iterated = task.get("parameterIterator", {}).get("items", {}).get("inputParameter")
    return {
        name
        for name in specs.parameter_inputs(task)
        if _is_key(name, item) and (f"'{name}'" in condition or name == iterated)
    }


def _is_of(name: str, item: str) -> bool:
    return name == item or _is_key(name, item)


def _is_key(name: str, item: str) -> bool:
    # A loop over a key of the item has an item whose name begins with that of the key.
    return name.startswith(item + _KEY) and "-loop-item" not in name[len(item) :]
