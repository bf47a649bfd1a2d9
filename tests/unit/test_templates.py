"""Parameters that are made from other values at the start of a task."""

import json
from typing import Any

import pytest

from headrace.targets.kubeflow.lineage.values import texts
from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Task
from headrace_components.contract.templates import TEMPLATES_INPUT, fill, literal, to_text


def filled(template: Any, kind: str = "STRUCT", **sources: Any) -> Any:
    values = {"value": template, TEMPLATES_INPUT: {"value": kind}}
    values |= {f"pipelinechannel--{name}": value for name, value in sources.items()}
    return fill(values, "trainer")["value"]


@pytest.mark.parametrize("value", [5, 0.5, True, "5", [1, "x"], {"a": [1]}, 'it\'s "ü"\n\\'])
def test_a_value_that_is_all_of_a_text_keeps_its_type(value: Any) -> None:
    found = filled({"a": ["@[[x]]"]}, x=value)

    assert found == {"a": [value]}
    assert type(found["a"][0]) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (1e-7, "0.0000001"),
        (1.5, "1.5"),
        (True, "true"),
        ({"b": 1.0, "a": "ü"}, '{"a":"ü","b":1}'),
        (["x"], '["x"]'),
    ],
)
def test_in_a_longer_text_a_value_is_what_the_launcher_of_kfp_writes(value: Any, text: str) -> None:
    assert filled("<@[[x]]>", "STRING", x=value) == f"<{text}>"
    assert filled("@[[x]]", "STRING", x=value) == text
    assert to_text(value) == text


@pytest.mark.parametrize(
    "text", ["@[[x]]", "@@[[x]]", "{{{a}}}", "$$$(A)$", "@[[", "]]", "{", "@[[{]]"]
)
def test_a_literal_comes_back_as_it_was(text: str) -> None:
    assert filled(literal(text) + "@[[x]]" + literal(text), "STRING", x="X") == f"{text}X{text}"
    assert "{{" not in literal(text)
    assert "$$" not in literal(text)
    assert "$(" not in literal(text)


def test_a_value_that_looks_like_a_template_is_not_filled_in_again() -> None:
    assert filled("@[[x]]/@[[y]]", "STRING", x="@[[y]]", y="{{$}}") == "@[[y]]/{{$}}"


def test_parameters_that_are_no_templates_are_left_alone() -> None:
    values = {
        "a": "@[[x]]",
        "b": "@[[x]]",
        "pipelinechannel--x": 1,
        TEMPLATES_INPUT: {"b": "STRUCT"},
    }

    assert fill(values, "trainer") == {"a": "@[[x]]", "b": 1}


def test_a_value_that_is_missing_is_named() -> None:
    words = "trainer: parameter `value` is made with `root`, which has no value; with one are"

    with pytest.raises(InputError, match=words):
        filled("@[[root]]/x", other=1)


def test_a_task_reads_its_message_with_templates_filled_in() -> None:
    message = {
        "inputs": {
            "parameterValues": {
                "input_base": "@[[root]]/x",
                "pipelinechannel--root": 'a "b"',
                TEMPLATES_INPUT: {"input_base": "STRING"},
            }
        },
        "outputs": {"outputFile": "/tmp/output.json"},
    }

    task = Task.from_json(json.dumps(message), "csv_example_gen")

    assert task.params == {"input_base": 'a "b"/x'}


def test_lineage_of_a_cluster_shows_what_the_component_had() -> None:
    recorded = {
        "input_base": "@[[root]]/x",
        "output_config": {"a": "@[[n]]"},
        "pipelinechannel--root": "gs://bucket",
        "pipelinechannel--n": 3,
        TEMPLATES_INPUT: {"input_base": "STRING", "output_config": "STRUCT"},
    }

    assert texts(recorded) == {"input_base": "gs://bucket/x", "output_config": '{"a": 3}'}
