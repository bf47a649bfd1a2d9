"""A pipeline as plain data: what the text of a kfp pipeline file says, without its layout.

A value is JSON data: None, bool, int, float, str, a list or a dict with text as keys. In place of
any part of it there may be an `OutputRef`, a `ParameterRef` or a `Code`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Value = Any
"""JSON data, with references in it; see above."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputRef:
    """An output of a step.

    Attributes:
        step: The variable of the step.
        port: Name of the output.
    """

    step: str
    port: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ParameterRef:
    """A parameter of the pipeline, by its name in the text."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """An expression that is written as it is, on one line.

    Attributes:
        text: The expression.
        steps: Variables of the steps that it names.
    """

    text: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineParameter:
    """A parameter of the pipeline.

    Attributes:
        name: Its name in the text, an identifier.
        type: `str`, `int`, `float`, `bool`, `list` or `dict`.
        default: Its default; None for a parameter that must be given.
        doc: What it is for; empty if its author did not say.
    """

    name: str
    type: Literal["str", "int", "float", "bool", "list", "dict"]
    default: Value = None
    doc: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepSettings:
    """What a task gets besides its arguments.

    Attributes:
        cpu_limit: As for kfp's `set_cpu_limit`; empty for none.
        memory_limit: As for kfp's `set_memory_limit`; empty for none.
        accelerator_type: As for kfp's `set_accelerator_type`; empty for none.
        accelerator_limit: How many of these; 0 for none.
        environment: Environment variables.
        retries: How often a failed task is tried again.
    """

    cpu_limit: str = ""
    memory_limit: str = ""
    accelerator_type: str = ""
    accelerator_limit: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    retries: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A task.

    Attributes:
        node: ID of the TFX node that it does the work of, for messages and as its display name.
        variable: The name of its variable in the text.
        component: An expression that is called to make the task, as `catalog.trainer`.
        arguments: What is passed to it, by name.
        after: Variables of steps that it waits for, besides those of its inputs.
        settings: What it gets besides.
        is_helper: Whether it prepares something for the node's own task, and so needs a display
            name of its own: that of the variable.
    """

    node: str
    variable: str
    component: str
    arguments: Mapping[str, Value] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    settings: StepSettings = StepSettings()
    is_helper: bool = False

    def output(self, port: str) -> OutputRef:
        """Returns one of its outputs."""
        return OutputRef(step=self.variable, port=port)

    def with_argument(self, name: str, value: Value) -> "Step":
        """Returns it with one more argument."""
        return replace(self, arguments={**self.arguments, name: value})


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Steps below a `with` statement.

    Attributes:
        node: ID of a TFX node inside it, for messages.
        header: The context manager, as `dsl.If(...)`.
        body: Its steps, at least one.
    """

    node: str
    header: Code
    body: tuple["Step | Group", ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A statement of the module before the pipeline, as a component of the author's own.

    Attributes:
        node: ID of the TFX node that needs it, for messages.
        name: The name that it defines.
        value: Its value.
    """

    node: str
    name: str
    value: "Value | Call"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call with named arguments.

    Attributes:
        function: What is called, an expression on one line.
        arguments: What is passed, by name.
    """

    function: str
    arguments: Mapping[str, "Value | Call"] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A pipeline.

    Attributes:
        name: Its name, fit for kfp: lower-case letters, digits and `-`.
        display_name: The name that its author gave.
        function: The name of the function that makes it.
        source: Name of the author's file; empty if there is none.
        root: The URI of the directory of its artifacts; empty to leave it to the target.
        parameters: Its parameters.
        imports: Modules and names to import, as `("kfp", "dsl")` for `from kfp import dsl`.
        definitions: Statements before the pipeline.
        body: Its steps, in an order in which each comes after those that it names.
        use_cache: Whether a task may be answered by an earlier one.
    """

    name: str
    display_name: str
    function: str
    source: str = ""
    root: str = ""
    parameters: tuple[PipelineParameter, ...] = ()
    imports: frozenset[tuple[str, str]] = frozenset()
    definitions: tuple[Definition, ...] = ()
    body: tuple[Step | Group, ...]
    use_cache: bool = True


def steps_of(body: tuple[Step | Group, ...]) -> Iterator[Step]:
    """Yields all steps, also those inside groups, in their order."""
    for each in body:
        if isinstance(each, Group):
            yield from steps_of(each.body)
        else:
            yield each


def steps_named(value: "Value | Call") -> Iterator[str]:
    """Yields the variables of the steps that a value refers to."""
    if isinstance(value, OutputRef):
        yield value.step
    elif isinstance(value, Code):
        yield from value.steps
    elif isinstance(value, Call):
        for item in value.arguments.values():
            yield from steps_named(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from steps_named(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from steps_named(item)
