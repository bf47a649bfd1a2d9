"""The text of a plan: formatted, executable, and the same each time."""

import random

import pytest

from headrace.frontend.tfx_pipelines.plan import (
    Call,
    Code,
    Definition,
    Group,
    OutputRef,
    PipelineParameter,
    Plan,
    Step,
    StepSettings,
)
from headrace.frontend.tfx_pipelines.render import render
from unit.tfx_api.test_layout import formatted, random_value


def step(variable: str, component: str = "catalog.csv_example_gen", **rest: object) -> Step:
    return Step(node=variable.title(), variable=variable, component=component, **rest)  # type: ignore[arg-type]


def plan(*body: Step | Group, **rest: object) -> Plan:
    fields = {
        "name": "flights",
        "display_name": "Flights",
        "function": "flights",
        "imports": frozenset({("kfp", "dsl"), ("headrace_components", "catalog")}),
        **rest,
    }
    return Plan(body=body, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_a_file_is_laid_out_as_ruff_does_it(seed: int) -> None:
    source = random.Random(seed)
    steps = []
    for number in range(1 + source.randrange(8)):
        arguments = {
            f"argument_{name}": random_value(source, depth=3) for name in range(source.randrange(5))
        }
        settings = StepSettings(cpu_limit=source.choice(["", "2"]), retries=source.randrange(2))
        name = "n" * source.randrange(1, 30)
        steps.append(step(f"{name}_{number}", arguments=arguments, settings=settings))
    parameters = [
        PipelineParameter(
            name=f"parameter_{number}", type="str", default=source.choice([None, "x" * 20])
        )
        for number in range(source.randrange(8))
    ]
    parameters.sort(key=lambda each: each.default is not None)
    for use_cache in (True, False):
        text = render(plan(*steps, parameters=tuple(parameters), use_cache=use_cache)).text
        assert formatted(text) == text


def test_definitions_and_groups_are_laid_out_as_ruff_does_it() -> None:
    inner = step("b", arguments={"examples": OutputRef(step="a", port="examples")}, after=("a",))
    condition = Group(
        node="B", header=Code(text="dsl.If(a.output == 1)", steps=("a",)), body=(inner,)
    )
    own = Definition(
        node="A",
        name="hello",
        value=Call(
            function="authoring.python_component",
            arguments={"name": "hello", "inputs": {"examples": Code(text="artifacts.Examples")}},
        ),
    )
    text = render(plan(step("a"), condition, definitions=(own,), use_cache=False)).text
    assert formatted(text) == text
    assert "    with dsl.If(a.output == 1):\n        b = " in text


def test_a_long_value_is_a_constant_before_the_pipeline() -> None:
    config = {"splits": [{"name": f"split{number}", "pattern": "*"} for number in range(5)]}
    other = {"splits": [{"name": f"other{number}", "pattern": "*"} for number in range(5)]}
    text = render(
        plan(
            step("a", arguments={"input_config": config}),
            step("b", arguments={"input_config": config}),
            step("c", arguments={"input_config": other}),
            step("d", arguments={"input_config": {"splits": []}}),
        )
    ).text
    assert text.count("\nINPUT_CONFIG = {") == 1
    assert text.count("\nC_INPUT_CONFIG = {") == 1
    assert text.count("input_config=INPUT_CONFIG)") == 2
    assert 'input_config={"splits": []}' in text


def test_lines_of_tasks_know_their_node() -> None:
    rendered = render(plan(step("first"), step("second", arguments={"a": "x" * 90, "b": "y"})))
    lines = rendered.text.split("\n")
    nodes = {lines[number - 1].strip(): node for number, node in rendered.nodes.items()}
    assert nodes['catalog.csv_example_gen().set_display_name("First")'] == "First"
    assert nodes['b="y",'] == "Second"
