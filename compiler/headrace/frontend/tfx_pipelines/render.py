"""Writes a plan as the text of a kfp pipeline file."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headrace.frontend.tfx_pipelines import layout
from headrace.frontend.tfx_pipelines.plan import (
    Call,
    Code,
    Definition,
    Group,
    PipelineParameter,
    Plan,
    Step,
    Value,
    steps_named,
    steps_of,
)

# Packages by which imports are sorted: the standard library, others, and Headrace's own.
_STANDARD = frozenset({"pathlib", "os"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """The text of a pipeline file.

    Attributes:
        text: The file.
        nodes: IDs of TFX nodes by line, from 1: each line of their tasks.
    """

    text: str
    nodes: Mapping[int, str]


def render(plan: Plan) -> Rendered:
    """Returns the text of the kfp pipeline file for a plan, and which node each line is for.

    The text is laid out as `ruff format` does it with lines of 100 characters. The same plan gives
    the same text.
    """
    lines: list[tuple[str, str]] = []

    def add(block: str, node: str = "") -> None:
        lines.extend((line, node) for line in block.split("\n"))

    add(_module_docstring(plan))
    add("")
    add(_imports(plan))
    constants = _Constants(plan)
    for name, value in constants.values.items():
        add("")
        add(layout.laid_out(value, indent=0, before=f"{name} = "), constants.nodes[name])
    for definition in plan.definitions:
        add("")
        add(_definition(definition), definition.node)
    add("\n")
    add(_signature(plan))
    for block, node in _body(plan, constants):
        add(block, node)
    return Rendered(
        text="".join(f"{line}\n" for line, _ in lines),
        nodes={number: node for number, (_, node) in enumerate(lines, start=1) if node},
    )


def _module_docstring(plan: Plan) -> str:
    first = (
        f'"""The TFX pipeline {_quoted(plan.display_name)}, as a pipeline of Kubeflow Pipelines.'
    )
    if not plan.source:
        return f'{first}"""'
    return f'{first}\n\n`headrace convert` wrote it from {plan.source}.\n"""'


def _quoted(text: str) -> str:
    """Returns a text as it may stand in a docstring."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', "'")


def _imports(plan: Plan) -> str:
    groups: list[list[str]] = [[], [], []]
    modules: dict[str, set[str]] = {}
    for module, name in plan.imports:
        modules.setdefault(module, set()).add(name)
    for module in sorted(modules):
        top = module.partition(".")[0]
        place = 0 if top in _STANDARD else 2 if top.startswith("headrace") else 1
        names = sorted(modules[module])
        line = f"from {module} import {', '.join(names)}"
        if len(line) > layout.WIDTH:
            inner = "\n".join(f"    {name}," for name in names)
            line = f"from {module} import (\n{inner}\n)"
        groups[place].append(line)
    return "\n\n".join("\n".join(group) for group in groups if group)


def _definition(definition: Definition) -> str:
    return layout.laid_out(definition.value, indent=0, before=f"{definition.name} = ")


def _signature(plan: Plan) -> str:
    arguments = {"name": plan.name}
    if plan.display_name != plan.name:
        arguments["display_name"] = plan.display_name
    if plan.root:
        arguments["pipeline_root"] = plan.root
    decorator = layout.laid_out(
        Call(function="dsl.pipeline", arguments=arguments), indent=0, before="@"
    )
    parameters = [_parameter(each) for each in plan.parameters]
    line = f"def {plan.function}({', '.join(parameters)}):"
    if len(line) > layout.WIDTH:
        inner = f"    {', '.join(parameters)}"
        if len(inner) > layout.WIDTH:
            inner = "\n".join(f"    {each}," for each in parameters)
        line = f"def {plan.function}(\n{inner}\n):"
    return f"{decorator}\n{line}\n{_docstring(plan)}"


def _parameter(parameter: PipelineParameter) -> str:
    start = f"{parameter.name}: {parameter.type}"
    return start if parameter.default is None else f"{start} = {layout.flat(parameter.default)}"


def _docstring(plan: Plan) -> str:
    first = f'    """Does what the TFX pipeline {_quoted(plan.display_name)} does.'
    documented = [each for each in plan.parameters if each.doc]
    if not documented:
        return f'{first}"""'
    entries = "\n".join(
        textwrap.fill(
            f"{each.name}: {_quoted(each.doc)}",
            width=layout.WIDTH - 8,
            initial_indent=" " * 8,
            subsequent_indent=" " * 12,
        )
        for each in documented
    )
    return f'{first}\n\n    Args:\n{entries}\n    """'


class _Constants:
    """Long values of arguments, which stand before the pipeline under a name of their own."""

    def __init__(self, plan: Plan) -> None:
        self.values: dict[str, Value] = {}
        self.nodes: dict[str, str] = {}
        taken = {
            plan.function,
            *(each.name for each in plan.definitions),
            *(name for _, name in plan.imports),
        }
        for step in steps_of(plan.body):
            for name, value in step.arguments.items():
                if _is_long(name, value):
                    self._add(step, name, value, taken)

    def _add(self, step: Step, name: str, value: Value, taken: set[str]) -> None:
        for constant in (name.upper(), f"{step.variable}_{name}".upper()):
            if self.values.get(constant) == value:
                return
            if constant not in self.values and constant not in taken:
                self.values[constant], self.nodes[constant] = value, step.node
                return

    def of(self, name: str, value: Value) -> Value:
        """Returns the name of a constant in place of its value; other values as they are."""
        if not _is_long(name, value):
            return value
        for constant, given in self.values.items():
            if given == value and constant.endswith(name.upper()):
                return Code(text=constant)
        return value


def _is_long(name: str, value: Value) -> bool:
    if not isinstance(value, (Mapping, list)) or not _is_constant(value):
        return False
    return len(f"        {name}={layout.flat(value)},") > layout.WIDTH


def _is_constant(value: Value) -> bool:
    if isinstance(value, Mapping):
        return all(_is_constant(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(_is_constant(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def _body(plan: Plan, constants: _Constants) -> Iterator[tuple[str, str]]:
    steps = list(steps_of(plan.body))
    named = {name for step in steps for name in (*steps_named(step.arguments), *step.after)} | {
        name for header in _headers(plan.body) for name in header.steps
    }
    if not plan.use_cache:
        named |= {step.variable for step in steps}
    yield from _lines(plan.body, 1, named, constants)
    if not plan.use_cache:
        yield from _without_cache([step.variable for step in steps])


def _headers(body: Sequence[Step | Group]) -> Iterator[Code]:
    for each in body:
        if isinstance(each, Group):
            yield each.header
            yield from _headers(each.body)


def _lines(
    body: Sequence[Step | Group], indent: int, named: set[str], constants: _Constants
) -> Iterator[tuple[str, str]]:
    for each in body:
        if isinstance(each, Group):
            yield f"{'    ' * indent}with {each.header.text}:", each.node
            yield from _lines(each.body, indent + 1, named, constants)
        else:
            for line in _step(each, indent, named, constants):
                yield line, each.node


def _step(step: Step, indent: int, named: set[str], constants: _Constants) -> Iterator[str]:
    arguments = {name: constants.of(name, value) for name, value in step.arguments.items()}
    call = Call(function=step.component, arguments=arguments)
    shown = layout.text(step.variable if step.is_helper else step.node)
    settings = [f"{step.variable}.{each}" for each in _settings(step)]
    before = f"{step.variable} = "
    if not settings and step.variable not in named:
        before = ""
    room = layout.WIDTH - 4 * indent - len(before) - len(layout.flat(call))
    if 0 <= room < len(f".set_display_name({shown})"):
        # A formatter would break the line inside the short call at its end.
        before = f"{step.variable} = "
        settings.insert(0, f"{step.variable}.set_display_name({shown})")
        yield layout.laid_out(call, indent=indent, before=before)
    else:
        after = f".set_display_name({shown})"
        yield layout.laid_out(call, indent=indent, before=before, after=after)
    yield from ("    " * indent + line for line in settings)


def _settings(step: Step) -> Iterator[str]:
    """Yields the calls of kfp's methods for the settings of a task."""
    given = step.settings
    if step.after:
        yield f"after({', '.join(step.after)})"
    values = {
        "set_cpu_limit": given.cpu_limit,
        "set_memory_limit": given.memory_limit,
        "set_accelerator_type": given.accelerator_type,
        "set_accelerator_limit": given.accelerator_limit,
        "set_retry": given.retries,
    }
    yield from (f"{method}({layout.flat(value)})" for method, value in values.items() if value)
    for name, value in given.environment.items():
        yield f"set_env_variable({layout.text(name)}, {layout.text(value)})"


def _without_cache(variables: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(variables) == 1:
        yield f"    {variables[0]}.set_caching_options(enable_caching=False)", ""
        return
    head = f"    for task in ({', '.join(variables)}):"
    if len(head) > layout.WIDTH:
        inner = "\n".join(f"        {each}," for each in variables)
        head = f"    for task in (\n{inner}\n    ):"
    yield head, ""
    yield "        task.set_caching_options(enable_caching=False)", ""
