"""The inputs of components of other packages, by the rules of a backend."""

import math
from typing import Any

import pytest

from headrace.ir import go_text
from headrace.targets.local.execution.output_texts import from_text
from headrace.targets.local.shared.rules import RULES
from headrace_components.contract.errors import InputError

KUBEFLOW, VERTEX = RULES["kubeflow"], RULES["vertex"]

# Written by Go 1.26: FormatFloat(x, 'f', -1, 64), KFP's `%d` or `%g`, and encoding/json.
NUMBERS = [
    (0.0, "0", "0", "0"),
    (-0.0, "-0", "0", "-0"),
    (5.0, "5", "5", "5"),
    (-5, "-5", "-5", "-5"),
    (0.1, "0.1", "0.1", "0.1"),
    (1e-4, "0.0001", "0.0001", "0.0001"),
    (1e-5, "0.00001", "1e-05", "0.00001"),
    (1.25e-5, "0.0000125", "1.25e-05", "0.0000125"),
    (1e-6, "0.000001", "1e-06", "0.000001"),
    (-1e-7, "-0.0000001", "-1e-07", "-1e-7"),
    (1.5e-9, "0.0000000015", "1.5e-09", "1.5e-9"),
    (1e-10, "0.0000000001", "1e-10", "1e-10"),
    (999999.5, "999999.5", "999999.5", "999999.5"),
    (1234567.25, "1234567.25", "1.23456725e+06", "1234567.25"),
    (123456789.125, "123456789.125", "1.23456789125e+08", "123456789.125"),
    (2**53 - 1, "9007199254740991", "9007199254740991", "9007199254740991"),
    (2**53 + 1, "9007199254740992", "9007199254740992", "9007199254740992"),
    (1e16, "10000000000000000", "10000000000000000", "10000000000000000"),
    (1e18, "1000000000000000000", "1000000000000000000", "1000000000000000000"),
    (9.3e18, "9300000000000000000", "9.3e+18", "9300000000000000000"),
    (1.25e20, "125000000000000000000", "1.25e+20", "125000000000000000000"),
    (1e21, "1000000000000000000000", "1e+21", "1e+21"),
    (1.5e21, "1500000000000000000000", "1.5e+21", "1.5e+21"),
    (5e-324, f"0.{'0' * 323}5", "5e-324", "5e-324"),
    (1.7e308, f"17{'0' * 307}", "1.7e+308", "1.7e+308"),
]


@pytest.mark.parametrize(("number", "plain", "short", "in_json"), NUMBERS)
def test_numbers_are_written_as_go_writes_them(
    number: float, plain: str, short: str, in_json: str
) -> None:
    assert go_text.text(number) == plain
    assert go_text.json_text(number) == in_json
    assert KUBEFLOW.argument_text(number) == short
    assert VERTEX.argument_text(number) == plain


def test_json_is_written_as_go_writes_it() -> None:
    value = {"é": 2, "b": '<&>\u2028\x7f\x01\b\f\n"\\ü', "a": [1.0, None, True, 1e-7], "Z": 1}
    escaped = '"\\u003c\\u0026\\u003e\\u2028\x7f\\u0001\\b\\f\\n\\"\\\\ü"'

    assert go_text.json_text(value) == f'{{"Z":1,"a":[1,null,true,1e-7],"b":{escaped},"é":2}}'
    assert go_text.json_text("<\u2028>", is_for_pages=False) == '"<\u2028>"'
    assert KUBEFLOW.argument_text(value) == go_text.text(value) == go_text.json_text(value)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (" t \n", "STRING", " t \n"),
        ("7", "NUMBER_INTEGER", 7),
        (" 7\n", "NUMBER_INTEGER", 7),
        ("\u00a0007", "NUMBER_INTEGER", 7),
        ("+5", "NUMBER_INTEGER", 5),
        ("9007199254740993", "NUMBER_INTEGER", 9007199254740992),
        (" 1.5\n", "NUMBER_DOUBLE", 1.5),
        ("1", "NUMBER_DOUBLE", 1.0),
        (".5", "NUMBER_DOUBLE", 0.5),
        ("1e5", "NUMBER_DOUBLE", 1e5),
        ("1_000.5", "NUMBER_DOUBLE", 1000.5),
        ("0x1p-2", "NUMBER_DOUBLE", 0.25),
        ("1e-400", "NUMBER_DOUBLE", 0.0),
        ("-Inf", "NUMBER_DOUBLE", -math.inf),
        *((text, "BOOLEAN", True) for text in ("1", "t", "T", "TRUE", "true", "True\n")),
        *((text, "BOOLEAN", False) for text in ("0", "f", "F", "FALSE", "false", " False")),
        (" [1]\n", "LIST", [1]),
        ("[null, 1.0, 2.5, 9007199254740993]", "LIST", [None, 1, 2.5, 9007199254740992]),
        ('{"a": 1}\n', "STRUCT", {"a": 1}),
    ],
)
def test_what_a_container_wrote_is_read_as_the_launcher_reads_it(
    text: str, kind: str, value: Any
) -> None:
    found = from_text(text, kind, "task: output parameter `x`")

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((text, "NUMBER_INTEGER") for text in ("", "3.0", "1e3", "1_000", "0x10", "7 8", "٣")),
        ("9223372036854775808", "NUMBER_INTEGER"),
        ("7\x1c", "NUMBER_INTEGER"),
        *((text, "NUMBER_DOUBLE") for text in ("", ".", "1e", "+nan", "1e400", "0x10", "٣", "x")),
        *((text, "BOOLEAN") for text in ("", "yes", "tRUE", "1.0")),
        *((text, "LIST") for text in ("", "[1", "{}", "[NaN]", "[1e400]", "[1,]", "null")),
        *((text, "STRUCT") for text in ("[]", '{"a":NaN}', '{"a":1,"a":2}', "{'a': 1}", '"q"')),
    ],
)
def test_what_the_launcher_does_not_read_is_refused(text: str, kind: str) -> None:
    with pytest.raises(InputError, match=r"task: output parameter `x` is .*, expected .*launcher"):
        from_text(text, kind, "task: output parameter `x`")


def test_not_a_number_is_a_number_to_the_launcher() -> None:
    assert math.isnan(from_text("NaN", "NUMBER_DOUBLE", "x"))


def test_metadata_on_kubeflow_are_texts_and_numbers_with_the_port_beside_them() -> None:
    metadata = {"b": True, "l": [1, None], "d": {"k": 1}, "s": "", "f": 2.5}

    assert KUBEFLOW.input_metadata(metadata, "data") == {
        "display_name": "data",
        "b": 1,
        "l": {"list": [1, None]},
        "d": {"struct": {"k": 1}},
        "s": "",
        "f": 2.5,
    }
    assert KUBEFLOW.input_metadata({"display_name": "mine"}, "data") == {"display_name": "mine"}
    assert KUBEFLOW.input_metadata({}, "") == {}
    assert VERTEX.input_metadata(metadata, "data") == metadata


def test_variables_name_those_before_them() -> None:
    entries = [
        {"name": "A", "value": "$(B)"},
        {"name": "B", "value": "b"},
        {"name": "C", "value": "$(B)/$(A)/$$(B)/$B/$(B/$$/$"},
        {"name": "D", "value": "{{$}}"},
        {"name": "E"},
    ]

    kubeflow = KUBEFLOW.variables(entries, lambda text: text.replace("{{$}}", "filled"))
    vertex = VERTEX.variables(entries, lambda text: text.replace("{{$}}", "filled"))

    assert kubeflow == {"A": "$(B)", "B": "b", "C": "b/$(B)/b/$B/$(B/$/$", "D": "{{$}}", "E": ""}
    assert vertex["C"] == "b/$(B)/$(B)/$B/$(B/$/$"
    assert vertex["D"] == "filled"
