"""The text of a pipeline file is laid out as `ruff format` does it."""

import random
import string
import subprocess
import sys

import pytest

from headrace.frontend.tfx_pipelines import layout
from headrace.frontend.tfx_pipelines.plan import Call, Code, OutputRef, ParameterRef

TEXTS = [
    "",
    "a",
    'say "x"',
    "it's",
    """both ' and " here""",
    'two "" and one \'',
    "back\\slash",
    "tab\tand\nline",
    "Größe 漢字 \U0001f600",
    "\u200b\x00",
    "gs://bucket/" + "long/" * 30,
    "SELECT a,\n  b\nFROM t\nWHERE x = 'y' AND " + "z = 1 AND " * 9 + "TRUE",
]


def formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=100", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def random_value(source: random.Random, depth: int) -> object:
    kind = source.randrange(9 if depth else 6)
    if kind == 0:
        return source.choice([True, False, None])
    if kind == 1:
        return source.choice([0, -1, 12345, 1.5, 1e-10, 1e300, -0.25])
    if kind in (2, 3):
        letters = string.ascii_letters + "'\" "
        return "".join(source.choices(letters, k=source.randrange(40)))
    if kind == 4:
        return OutputRef(step="csv_example_gen", port="examples")
    if kind == 5:
        return ParameterRef(name="data_root")
    size = source.randrange(6)
    if kind == 6:
        return [random_value(source, depth - 1) for _ in range(size)]
    return {f"key_{number}": random_value(source, depth - 1) for number in range(size)}


def test_a_text_is_the_same_text_in_the_source() -> None:
    for value in TEXTS:
        source = layout.laid_out(value, indent=0, before="x = ")
        names: dict[str, object] = {}
        exec(source, names)
        assert names["x"] == value


@pytest.mark.parametrize("indent", [0, 1, 2])
def test_values_are_laid_out_as_ruff_does_it(indent: int) -> None:
    source = random.Random(indent)
    lines = [f"{'    ' * level}if True:" for level in range(indent)]
    for number in range(150):
        value = random_value(source, depth=3)
        lines.append(layout.laid_out(value, indent=indent, before=f"name_{number} = "))
    text = "\n".join(lines) + "\n"
    assert formatted(text) == text


def test_calls_are_laid_out_as_ruff_does_it() -> None:
    source = random.Random(7)
    lines = ["def pipeline():"]
    for number in range(200):
        arguments = {
            f"argument_{name}": random_value(source, depth=2) for name in range(source.randrange(5))
        }
        call = Call(function="catalog.trainer", arguments=arguments)
        lines.append(layout.laid_out(call, indent=1, before=f"task_{number} = "))
    text = "\n".join(lines) + "\n"
    assert formatted(text) == text


def test_long_texts_are_laid_out_as_ruff_does_it() -> None:
    lines = ["def pipeline():"]
    for value in TEXTS:
        lines.append(layout.laid_out(value, indent=1, before="name = "))
        call = Call(function="catalog.f", arguments={"a": value, "b": [value], "c": {"k": value}})
        lines.append(layout.laid_out(call, indent=1, before="name = "))
    text = "\n".join(lines) + "\n"
    assert formatted(text) == text


def test_code_stands_as_it_is() -> None:
    assert layout.flat(Call(function="f", arguments={"a": Code(text="b + 1")})) == "f(a=b + 1)"
