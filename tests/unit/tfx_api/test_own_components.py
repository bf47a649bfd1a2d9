"""Components of the author's own: what annotations and commands declare, and what is refused."""

# mypy: disable-error-code="type-arg,assignment,valid-type,misc,operator"
# TFX's annotations are objects, which type checkers take for types.

from pathlib import Path
from typing import Any, TypedDict

import pytest
from google.protobuf.duration_pb2 import Duration

from headrace_tfx.artifacts import standard
from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.values import Boolean, Bytes, Float, Integer, JsonValue, String
from headrace_tfx.authoring.annotations import (
    AsyncOutputArtifact,
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    OutputDict,
    Parameter,
)
from headrace_tfx.authoring.channels import Channel
from headrace_tfx.authoring.containers import (
    ConcatPlaceholder,
    InputUriPlaceholder,
    InputValuePlaceholder,
    OutputUriPlaceholder,
    create_container_component,
    load_kfp_yaml_container_component,
)
from headrace_tfx.authoring.executor_specs import (
    ExecutorContainerSpec,
    TemplatedExecutorContainerSpec,
)
from headrace_tfx.authoring.functions import BaseFunctionalComponent, component
from headrace_tfx.authoring.nodes import BaseBeamComponent
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter


class Scores(TypedDict):
    loss: float
    names: list[str]
    note: str | None


@component
def Fit(  # noqa: N802  as authors write
    rows: InputArtifact[standard.Examples],
    others: InputArtifact[list[standard.Examples]],
    model: OutputArtifact[standard.Model],
    rate: float,
    sizes: dict[str, list[int]],
    data: bytes,
    is_last: bool = False,
    label: str | None = None,
    base: InputArtifact[standard.Model] = None,
    steps: Parameter[int] = 10,
    args: Parameter[Duration] = None,
    layers: Parameter[list[int]] = None,
) -> Scores:
    """Fits a model."""
    return {"loss": rate, "names": [], "note": None}


def types_of(declared: Any) -> dict[str, Any]:
    return {name: each.type for name, each in declared.items()}


def test_annotations_declare_inputs_outputs_and_parameters() -> None:
    spec = Fit.SPEC_CLASS

    assert types_of(spec.INPUTS) == {
        "rows": standard.Examples,
        "others": standard.Examples,
        "rate": Float,
        "sizes": JsonValue,
        "data": Bytes,
        "is_last": Boolean,
        "label": String,
        "base": standard.Model,
    }
    assert types_of(spec.OUTPUTS) == {
        "model": standard.Model,
        "loss": Float,
        "names": JsonValue,
        "note": String,
    }
    assert types_of(spec.PARAMETERS) == {"steps": int, "args": Duration, "layers": list[int]}
    optional = {"is_last", "label", "base"}
    assert {name for name, each in spec.INPUTS.items() if each.optional} == optional
    assert Fit.__doc__ == "Fits a model."
    assert Fit.test_call(None, None, None, 2.0, {}, b"")["loss"] == 2.0


def given(**changes: Any) -> dict[str, Any]:
    examples = Channel(type=standard.Examples)
    values = {"rate": Float, "sizes": JsonValue, "data": Bytes}
    channels = {name: Channel(type=kind) for name, kind in values.items()}
    return {"rows": examples, "others": examples, **channels, **changes}


def test_a_node_has_the_name_of_its_function_and_what_it_got() -> None:
    steps = RuntimeParameter("steps", int, 3)

    node = Fit(**given(steps=steps, layers=[1, 2]))

    assert isinstance(node, BaseFunctionalComponent)
    assert (node.id, node.with_id("Fit.two").id) == ("Fit", "Fit.two")
    assert set(node.outputs) == {"model", "loss", "names", "note"}
    assert node.outputs["loss"].producer is node
    assert node.exec_properties == {"steps": steps, "layers": [1, 2]}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rates": 1}, ValueError, r"Fit got unknown arguments \['rates'\]"),
        ({"rate": None}, TypeError, "the argument `rate` is None, expected a channel of Float"),
        ({"rows": Channel(type=standard.Model)}, TypeError, "`rows`.*expected one of Examples"),
        ({"steps": "many"}, TypeError, "the argument `steps` is 'many'"),
        (
            {"steps": Channel(type=Integer)},
            TypeError,
            r"expected int\. For the value of an output write .*future\(\)\[0\]\.value",
        ),
        ({"model": Channel(type=standard.Model)}, ValueError, r"unknown arguments \['model'\]"),
    ],
)
def test_a_wrong_argument_of_a_node_is_named(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Fit(**given(**arguments))


def test_arguments_are_given_by_name_and_required_ones_are_there() -> None:
    with pytest.raises(ValueError, match="without names, expected arguments by name"):
        Fit(Channel(type=standard.Examples))
    with pytest.raises(ValueError, match="the input `rows` is missing, expected a channel of type"):
        Fit()


@component
def Names() -> OutputDict(names=list[str], sizes=dict[str, int], lists=dict[str, list[int]]):  # noqa: N802
    """Returns JSON values."""
    return {}


def test_json_values_have_the_type_of_the_annotation_that_reads_them() -> None:
    outputs = Names().outputs

    Fit(**given(sizes=outputs["lists"]))
    for name in ("sizes", "names"):
        with pytest.raises(TypeError, match=r"Fit: the argument `sizes` is .* expected"):
            Fit(**given(sizes=outputs[name]))


def bad(annotations: dict[str, Any], defaults: tuple[Any, ...] = ()) -> Any:
    def function(a: Any, b: Any = None) -> None:
        """Does nothing."""

    function.__qualname__ = function.__name__ = "function"
    function.__annotations__ = annotations
    function.__defaults__ = defaults
    return function


EXAMPLES = InputArtifact[standard.Examples]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (bad({"a": EXAMPLES}), "the argument `b` has no annotation"),
        (bad({"a": EXAMPLES, "b": "int"}), "remove `from __future__ import annotations`|Remove"),
        (bad({"a": EXAMPLES, "b": standard.Model}), r"expected InputArtifact\[Model\] or Output"),
        (bad({"a": EXAMPLES, "b": set}), "has the annotation <class 'set'>"),
        (bad({"a": EXAMPLES, "b": AsyncOutputArtifact[standard.Model]}), "AsyncOutputArtifact"),
        (bad({"a": EXAMPLES, "b": Parameter[int]}, ("x",)), "with the default 'x'"),
        (bad({"a": EXAMPLES, "b": EXAMPLES}, (3,)), "InputArtifact with the default 3"),
        (bad({"a": EXAMPLES, "b": float}, ("x",)), "with the default 'x'"),
        (
            bad({"a": EXAMPLES, "b": OutputArtifact[standard.Model]}, (None,)),
            "OutputArtifact with a default",
        ),
        (bad({"a": EXAMPLES, "b": int, "return": int}), "its return type is <class 'int'>"),
        (
            bad({"a": EXAMPLES, "b": int, "return": OutputDict(x=standard.Model)}),
            "returns the artifact `x`, expected an argument",
        ),
        (bad({"a": EXAMPLES, "b": int, "return": OutputDict(b=int)}), "called `b`. Rename one"),
        (bad({"a": EXAMPLES, "b": int, "return": OutputDict(x=set)}), "returns `x` of type"),
        (lambda *rows: rows, r"\*args"),
        (3, "expected a function"),
    ],
)
def test_what_a_function_cannot_declare_is_refused(function: Any, message: str) -> None:
    if callable(function) and function.__name__ == "<lambda>":
        function.__qualname__ = "<lambda>"
    with pytest.raises(ValueError, match=message):
        component(function)


def test_a_function_within_another_one_is_refused() -> None:
    def inner(a: Parameter[int]) -> None:
        """Does nothing."""

    with pytest.raises(ValueError, match="is defined within a function, expected the top level"):
        component(inner)


@pytest.mark.parametrize(
    ("annotation", "parameter", "message"),
    [
        (InputArtifact, Artifact, "expected a class of artifacts with a TYPE_NAME, or a List"),
        (InputArtifact, int, "expected a class of artifacts"),
        (OutputArtifact, list[standard.Model], "expected a class of artifacts with a TYPE_NAME"),
        (Parameter, bytes, "expected int, float, str, bool"),
        (Parameter, dict[int, str], "expected int, float, str, bool"),
        (BeamComponentParameter, int, "expected beam.Pipeline"),
    ],
)
def test_an_annotation_takes_its_own_kind_of_types(
    annotation: Any, parameter: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        annotation[parameter]


def test_an_annotation_is_not_called() -> None:
    with pytest.raises(ValueError, match=r"expected brackets: InputArtifact\[T\]"):
        InputArtifact(standard.Examples)


def test_one_argument_is_the_pipeline_of_a_function_on_beam() -> None:
    import apache_beam as beam

    parameter = BeamComponentParameter[beam.Pipeline]
    made = component(use_beam=True)(bad({"a": EXAMPLES, "b": parameter}, (None,)))

    node = made(a=Channel(type=standard.Examples)).with_beam_pipeline_args(
        ["--runner=DirectRunner"]
    )

    assert isinstance(node, BaseBeamComponent)
    assert node.beam_pipeline_args == ["--runner=DirectRunner"]
    assert set(made.SPEC_CLASS.INPUTS) == {"a"}
    with pytest.raises(ValueError, match=r"has 1 arguments of the type.*expected 0"):
        component(bad({"a": EXAMPLES, "b": parameter}, (None,)))
    with pytest.raises(ValueError, match=r"has 0 arguments of the type.*expected 1"):
        component(use_beam=True)(bad({"a": EXAMPLES, "b": int}))


def test_a_container_is_a_component_with_its_name() -> None:
    made = create_container_component(
        name="Copy",
        image="busybox",
        command=[
            "cp",
            InputUriPlaceholder("rows"),
            ConcatPlaceholder([OutputUriPlaceholder("model"), "/", InputValuePlaceholder("n")]),
        ],
        inputs={"rows": standard.Examples},
        outputs={"model": standard.Model},
        parameters={"n": int},
    )

    node = made(rows=Channel(type=standard.Examples), n=3)

    assert node.id == "Copy"
    assert isinstance(node.executor_spec, TemplatedExecutorContainerSpec)
    assert node.executor_spec.command[1] == InputUriPlaceholder("rows")
    assert node.outputs["model"].producer is node
    with pytest.raises(ValueError, match="Copy: the parameter `n` is missing"):
        made(rows=Channel(type=standard.Examples))


@pytest.mark.parametrize(
    ("word", "error", "message"),
    [
        (InputUriPlaceholder("row"), ValueError, r"names no port, expected one of its inputs"),
        (InputValuePlaceholder("m"), ValueError, r"expected one of its inputs and parameters"),
        (ConcatPlaceholder([OutputUriPlaceholder("x")]), ValueError, "expected one of its outputs"),
        (3, TypeError, "has 3 of type int, expected texts and placeholders"),
    ],
)
def test_a_word_of_a_command_that_means_nothing_is_refused(
    word: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        create_container_component(
            name="Copy", image="busybox", command=["cp", word], inputs={"rows": standard.Examples}
        )


def test_templates_of_jinja_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"a template of Jinja.*TemplatedExecutorContainerSpec"):
        ExecutorContainerSpec("busybox", ["echo", "{{input_dict['rows'][0].uri}}"])
    assert ExecutorContainerSpec("busybox", ["echo"]).command == ["echo"]
    assert types_of(Fit.SPEC_CLASS.INPUTS)["rate"] is not Integer


KFP = """
name: Shout
inputs:
- {name: text, type: String}
outputs:
- {name: loud}
implementation:
  container:
    image: busybox
    command: [sh, -c, 'echo "$0!" > "$1"']
    args: [{inputValue: text}, {outputPath: loud}]
"""


def test_a_description_of_kfps_first_version_is_a_container(tmp_path: Path) -> None:
    file = tmp_path / "component.yaml"
    file.write_text(KFP, "utf-8")

    made = load_kfp_yaml_container_component(str(file))

    assert made.__name__ == "Shout"
    assert made.EXECUTOR_SPEC.command[-2:] == [
        InputValuePlaceholder("text"),
        OutputUriPlaceholder("loud"),
    ]
    assert types_of(made.SPEC_CLASS.OUTPUTS) == {"loud": String}
    for old, new, message in (
        ("inputValue: text", "inputUri: text", "expected a text, or one of"),
        ("implementation", "implemented", "has no implementation.container.image"),
    ):
        file.write_text(KFP.replace(old, new), "utf-8")
        with pytest.raises(ValueError, match=message):
            load_kfp_yaml_container_component(str(file))
