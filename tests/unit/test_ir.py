"""Reading a compiled pipeline."""

import json
from typing import Any

from headrace.ir import specs

SPEC: dict[str, Any] = {
    "pipelineInfo": {"name": "p"},
    "root": {
        "dag": {
            "tasks": {
                "b": {"componentRef": {"name": "comp-leaf"}},
                "a": {"componentRef": {"name": "comp-dag"}},
            }
        },
        "inputDefinitions": {"parameters": {"x": {}}},
    },
    "components": {
        "comp-dag": {"dag": {"tasks": {"inner": {"componentRef": {"name": "comp-leaf"}}}}},
        "comp-leaf": {"executorLabel": "exec-leaf"},
    },
    "deploymentSpec": {
        "executors": {
            "exec-leaf": {
                "container": {
                    "image": "headrace.invalid/trainer",
                    "command": ["python", "-m", "headrace_components.trainer"],
                }
            }
        }
    },
}


def test_tasks_are_walked_outside_in_and_by_name() -> None:
    nodes = list(specs.tasks(SPEC))

    assert [node.label for node in nodes] == ["a", "a/inner", "b"]
    assert [node.dag for node in nodes] == [specs.ROOT, "comp-dag", specs.ROOT]
    assert nodes[1].parent is nodes[0]
    assert nodes[1].enclosing is SPEC["components"]["comp-dag"]
    assert nodes[1].container["image"] == "headrace.invalid/trainer"
    assert nodes[0].container == {}


def test_a_headrace_component_is_known_by_its_command() -> None:
    container = specs.executors(SPEC)["exec-leaf"]["container"]

    assert specs.headrace_component(container) == "trainer"
    assert specs.headrace_component({**container, "image": "mine/with-my-module"}) == "trainer"
    assert specs.headrace_component({"command": ["python", "-m", "other"]}) is None
    assert specs.logical_image(container) == "trainer"
    assert specs.logical_image({"image": "python:3.12"}) is None


def test_placeholders_of_parameters_are_found() -> None:
    text = "{{$.inputs.parameters['a']}}-{{$.inputs.parameters['pipelinechannel--b']}}-{{$}}"

    assert specs.referenced_parameters(text) == ["a", "pipelinechannel--b"]


def test_a_copy_shares_nothing() -> None:
    copied = specs.copy(SPEC)
    copied["root"]["dag"]["tasks"]["a"]["new"] = [1]

    assert "new" not in SPEC["root"]["dag"]["tasks"]["a"]


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    first, second = {"b": 1.0, "a": ["é"]}, {"a": ["é"], "b": 1.0}

    assert specs.canonical_json(first) == specs.canonical_json(second)
    assert specs.canonical_json(first) == '{\n  "a": [\n    "é"\n  ],\n  "b": 1.0\n}\n'
    assert json.loads(specs.canonical_json(first)) == first
