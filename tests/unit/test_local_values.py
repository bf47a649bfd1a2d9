"""Values between tasks: types, selectors, placeholders, run parameters."""

import json
from typing import Any

import pytest

from headrace.ir import go_text, run_parameters, values
from headrace.ir.values import coerce, select
from headrace.ir.view import ComponentSpec
from headrace.targets.local.execution.placeholders import (
    Context,
    fill,
    fill_arguments,
    fill_constant,
)
from headrace_components.contract import filler
from headrace_components.contract.errors import InputError
from headrace_components.contract.templates import to_text

MESSAGE = {
    "inputs": {
        "parameterValues": {"n": 3.0, "text": 'a "b"\n{{$.pipeline_root}}', "l": [1, "x"]},
        "artifacts": {
            "in": {
                "artifacts": [
                    {"uri": "/root/in", "metadata": {"note": "a b", "rows": 3.0}, "name": "7"}
                ]
            },
            "none": {"artifacts": []},
        },
    },
    "outputs": {
        "artifacts": {"out": {"artifacts": [{"uri": "gs://bucket/out"}]}},
        "parameters": {"p": {"outputFile": "/tmp/p"}},
        "outputFile": "/tmp/output.json",
    },
}
CONTEXT = Context(task="prepare", pipeline={"pipeline_root": "/root"}, message=MESSAGE)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (3.0, "NUMBER_INTEGER", 3),
        ("12345678901234567890", "NUMBER_INTEGER", 12345678901234567890),
        (3, "NUMBER_DOUBLE", 3.0),
        ("1e3", "NUMBER_DOUBLE", 1000.0),
        (3.0, "STRING", "3"),
        ({"a": 1}, "STRING", '{"a":1}'),
        (True, "STRING", "true"),
        ("true", "BOOLEAN", True),
        ("[1, 2]", "LIST", [1, 2]),
        ('{"a": 1}', "STRUCT", {"a": 1}),
        ({"a": [1.0, 2.5], "b": True}, "STRUCT", {"a": [1, 2.5], "b": True}),
        ([1e21, -0.0], "LIST", [1e21, 0]),
        (None, "LIST", None),
        ({"state": "x"}, "TASK_FINAL_STATUS", {"state": "x"}),
    ],
)
def test_a_value_takes_its_declared_type(value: Any, kind: str, expected: Any) -> None:
    result = coerce(value, kind, "task: `x`")

    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (3.5, "NUMBER_INTEGER", "is 3.5, expected an integer"),
        ("three", "NUMBER_INTEGER", 'is "three", expected an integer'),
        (True, "NUMBER_INTEGER", "is true, expected an integer"),
        (float("inf"), "NUMBER_INTEGER", "is Infinity, expected an integer"),
        ("yes", "BOOLEAN", 'is "yes", expected true or false'),
        (1, "BOOLEAN", "is 1, expected true or false"),
        ("{}", "LIST", 'is "{}", expected a list'),
        ([1], "STRUCT", r"is \[1\], expected an object"),
        ([1], "NUMBER_DOUBLE", r"is \[1\], expected a number"),
    ],
)
def test_a_value_of_another_type_is_refused(value: Any, kind: str, words: str) -> None:
    with pytest.raises(InputError, match=f"^task: `x` {words}"):
        coerce(value, kind, "task: `x`")


def test_a_selector_takes_keys_from_json_and_from_objects() -> None:
    assert select('{"a": "b"}', 'parseJson(string_value)["a"]', "t") == "b"
    assert select({"a": [5]}, 'parseJson(string_value)["a"][0]', "t") == 5
    assert select("x", "string_value", "t") == "x"


@pytest.mark.parametrize(
    ("value", "selector", "words"),
    [
        ('{"a": 1}', 'parseJson(string_value)["b"]', "t: .* has no 'b'"),
        ("x", 'parseJson(string_value)["b"]', "'x' is not JSON"),
        ("x", "struct_value.x", "the selector 'struct_value.x' is unknown"),
    ],
)
def test_a_selector_that_finds_nothing_is_an_error(value: str, selector: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        select(value, selector, "t")


def test_placeholders_are_filled_once_and_not_in_what_was_filled_in() -> None:
    text = "{{$.inputs.parameters['text']}} of {{$.inputs.parameters[\"n\"]}}"

    assert fill(text, CONTEXT) == 'a "b"\n{{$.pipeline_root}} of 3'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{$}}", json.dumps(MESSAGE)),
        ("{{$.json_escape[1]}}", json.dumps(json.dumps(MESSAGE))[1:-1]),
        ("{{$.inputs.artifacts['in'].path}}", "/root/in"),
        ("{{$.inputs.artifacts[''in''].uri}}", "/root/in"),
        ("{{$.inputs.artifacts['in'].name}}", "7"),
        ("{{$.inputs.artifacts['in'].metadata['note']}}", "a b"),
        ("{{$.inputs.artifacts['in'].metadata['rows']}}", "3"),
        ("{{$.inputs.artifacts['in'].metadata['other']}}", ""),
        ("{{$.outputs.artifacts['out'].path}}", "/gcs/bucket/out"),
        ("{{$.outputs.artifacts['out'].uri}}", "gs://bucket/out"),
        ("{{$.outputs.parameters['p'].output_file}}", "/tmp/p"),
        ("{{$.outputs.output_file}}", "/tmp/output.json"),
        ("in {{$.pipeline_root}}", "in /root"),
        ("{{$.inputs.parameters['l']}}", '[1,"x"]'),
    ],
)
def test_every_placeholder_has_its_value(text: str, expected: str) -> None:
    assert fill(text, CONTEXT) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{$.inputs.parameters['m']}}", r"uses parameter `m`, which has no value; .*\['l', 'n'"),
        ("{{$.inputs.artifacts['in'].size}}", r"artifacts have no `.size`"),
        ("{{$.inputs.artifacts['in'].uri['a']}}", r"artifacts have no `.uri`"),
        ("{{$.inputs.artifacts['none'].path}}", r"the artifact `none`, of which the list holds"),
        ("{{$.pipeline_zone}}", r"placeholder '\{\{\$.pipeline_zone\}\}' is unknown"),
    ],
)
def test_a_placeholder_without_a_value_is_an_error(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"^prepare: .*{words}"):
        fill(text, CONTEXT)


@pytest.mark.parametrize(
    "text",
    [
        "{{$.foo}}",
        "a {{$.foo}} b",
        "{{$}}",
        "{{$.json_escape[1]}}",
        "{{$.inputs}}",
        "{{$ }}",
        "{{x}}",
    ],
)
def test_a_constant_that_looks_like_a_placeholder_stays_as_it_is(text: str) -> None:
    constant = {text: [text, {"a": text}]}

    assert fill_constant(constant, CONTEXT) == constant
    assert fill_constant(f"{text} {{{{$.pipeline_root}}}}", CONTEXT) == f"{text} /root"


def test_a_constant_that_is_one_placeholder_keeps_its_type() -> None:
    constant = {"a": ["{{$.inputs.parameters['l']}}", "n={{$.inputs.parameters['n']}}"], "b": 1.0}

    assert fill_constant(constant, CONTEXT) == {"a": [[1, "x"], "n=3"], "b": 1.0}


def test_if_present_and_concat_shape_the_command_line() -> None:
    arguments = [
        '{"IfPresent": {"InputName": "in", '
        '"Then": ["--in", "{{$.inputs.artifacts[\'in\'].uri}}"]}}',
        '{"IfPresent": {"InputName": "gone", "Then": ["--gone"], "Else": "none"}}',
        '{"IfPresent": {"InputName": "gone", "Then": ["--gone"]}}',
        '{"Concat": ["n=", "{{$.inputs.parameters[\'n\']}}", "!"]}',
        "plain",
    ]

    assert fill_arguments(arguments, CONTEXT) == ["--in", "/root/in", "none", "n=3!", "plain"]


def test_a_whole_number_has_no_decimal_point_in_text() -> None:
    assert [to_text(value) for value in (3.0, 2.5, 7, "x", None)] == ["3", "2.5", "7", "x", "null"]


ROOT = ComponentSpec(
    name="flights",
    body={
        "dag": {"tasks": {}},
        "inputDefinitions": {
            "parameters": {
                "data": {"parameterType": "STRING"},
                "steps": {"parameterType": "NUMBER_INTEGER", "defaultValue": 100.0},
                "share": {"parameterType": "NUMBER_DOUBLE", "isOptional": True},
                "fast": {"parameterType": "BOOLEAN", "defaultValue": False},
                "layers": {"parameterType": "LIST", "isOptional": True},
                "config": {"parameterType": "STRUCT", "isOptional": True},
            }
        },
    },
)


def test_parameters_of_the_command_line_are_read_by_their_types() -> None:
    texts = ["data=a=b", "steps=5", "share=1e-2", "fast=true", "layers=[8]", 'config={"a": 1}']

    assert run_parameters.from_command_line(texts, ROOT) == {
        "data": "a=b",
        "steps": 5,
        "share": 0.01,
        "fast": True,
        "layers": [8],
        "config": {"a": 1},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("step=5", r"has no parameter 'step'. Did you mean 'steps'\? It has \['config', 'data'"),
        ("zzz=5", r"has no parameter 'zzz'. It has \['config'"),
        ("steps", r"-p got 'steps', expected name=value"),
        ("steps=many", '`steps` is "many", expected an integer'),
        ("fast=1", '`fast` is "1", expected true or false'),
        ("layers=8,8", r"'layers' is '8,8', which is not JSON .*Write -p 'layers="),
        ("layers={}", "`layers` is {}, expected a list"),
    ],
)
def test_a_parameter_that_is_wrong_is_refused_with_the_way_out(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"^headrace run: .*{words}"):
        run_parameters.from_command_line([text], ROOT)


def test_defaults_fill_what_is_not_given() -> None:
    assert run_parameters.checked({"data": "d"}, ROOT) == {"data": "d", "steps": 100, "fast": False}


def test_a_required_parameter_that_is_missing_is_named() -> None:
    with pytest.raises(
        InputError, match=r"needs a value for data\. Pass it, for example -p data=VALUE"
    ):
        run_parameters.checked({"steps": 1}, ROOT)


@pytest.mark.parametrize(("name", "value"), [("steps", "5"), ("data", 5)])
def test_a_python_value_of_another_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"parameter {name!r} is {value!r}, but it is a"):
        run_parameters.checked({"data": "d", name: value}, ROOT)


@pytest.mark.parametrize(
    "text", ["steps=9007199254740993", 'config={"a": [{"b": -9007199254740993}]}']
)
def test_an_integer_that_a_backend_would_round_is_refused(text: str) -> None:
    given = run_parameters.from_command_line(["data=d", text], ROOT)

    with pytest.raises(InputError, match=r"the integer -?9007199254740993 is given.* as a string"):
        run_parameters.checked(given, ROOT)


def test_a_number_that_json_does_not_have_is_refused() -> None:
    given = run_parameters.from_command_line(["data=d", 'config={"a": [NaN]}'], ROOT)

    with pytest.raises(InputError, match=r"parameter 'config': the number nan is given"):
        run_parameters.checked(given, ROOT)


def test_whole_numbers_are_the_same_here_and_in_a_task_but_for_minus_zero() -> None:
    given = {"a": [1.0, 0.5, -3.0, 1e20, 1e21, float("inf")], "b": {"c": (2.0, True, "1.0", None)}}

    assert json.dumps(values.whole_numbers(given)) == json.dumps(filler.whole_numbers(given))
    # Kubeflow's launcher writes -0, which Python reads as the integer 0.
    assert go_text.json_text(values.whole_numbers(-0.0)) == "-0"
    assert repr(filler.whole_numbers(-0.0)) == repr(json.loads("-0")) == "0"
