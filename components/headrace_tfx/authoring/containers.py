"""Components that are containers: an image and a command with placeholders."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace_tfx.artifacts.values import String
from headrace_tfx.authoring.executor_specs import TemplatedExecutorContainerSpec
from headrace_tfx.authoring.keyword_components import KeywordComponent
from headrace_tfx.authoring.placeholders import Placeholder
from headrace_tfx.authoring.specs import ChannelParameter, ComponentSpec, ExecutionParameter
from headrace_tfx.files.json_utils import Jsonable


class _Named(Jsonable):
    """A placeholder with the name of a port."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, vars(self).values()))})"


class InputValuePlaceholder(_Named):
    """The value of a parameter, or of an input that is a value."""

    def __init__(self, input_name: str) -> None:
        self.input_name = input_name


class InputUriPlaceholder(_Named):
    """The URI of an input."""

    def __init__(self, input_name: str) -> None:
        self.input_name = input_name


class OutputUriPlaceholder(_Named):
    """The URI of an output; of a value, the path of the file to write it to."""

    def __init__(self, output_name: str) -> None:
        self.output_name = output_name


class ConcatPlaceholder:
    """Several words as one."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = list(items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConcatPlaceholder) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ConcatPlaceholder({self.items!r})"


class ContainerComponent(KeywordComponent):
    """The base of components that `create_container_component` makes."""


def create_container_component(
    name: str,
    image: str,
    command: Sequence[Any],
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> type[ContainerComponent]:
    """Makes a component of an image and a command.

    Args:
        name: Name of the component.
        image: Its image.
        command: The words of the command, without a shell: texts and placeholders.
        inputs: Classes of artifacts by input.
        outputs: Classes of artifacts by output.
        parameters: Types by parameter.

    Returns:
        A class of nodes, which takes inputs and parameters by name.

    Raises:
        ValueError: There is no name, or a placeholder names a port that is not there.
        TypeError: A word of the command is something else.
    """
    if not name:
        raise ValueError("create_container_component: `name` is empty. Name the component.")
    spec = type(
        f"{name}Spec",
        (ComponentSpec,),
        {
            "INPUTS": {key: ChannelParameter(type=kind) for key, kind in (inputs or {}).items()},
            "OUTPUTS": {key: ChannelParameter(type=kind) for key, kind in (outputs or {}).items()},
            "PARAMETERS": {
                key: ExecutionParameter(type=kind) for key, kind in (parameters or {}).items()
            },
        },
    )
    for word in command:
        check_word(name, word, spec)
    return type(
        name,
        (ContainerComponent,),
        {
            "SPEC_CLASS": spec,
            "EXECUTOR_SPEC": TemplatedExecutorContainerSpec(image=image, command=list(command)),
            "__doc__": f"Runs {image}.",
        },
    )


def load_kfp_yaml_container_component(path: str) -> type[ContainerComponent]:
    """Makes a component of a file in the form of KFP's first version: `component.yaml`.

    Its inputs and outputs are values of the type String, as in TFX.

    Args:
        path: The file.

    Raises:
        ValueError: It is no description of a container, or its command has something else than
            texts, `inputValue`, `inputPath` and `outputPath`.
    """
    import yaml

    described = yaml.safe_load(Path(path).read_text("utf-8"))
    try:
        container = described["implementation"]["container"]
        image = str(container["image"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} has no implementation.container.image, expected a component.yaml of Kubeflow "
            "Pipelines. Give one"
        ) from error
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    return create_container_component(
        name=str(described.get("name") or Path(path).stem),
        image=image,
        command=[_kfp_word(path, word) for word in words],
        inputs={each["name"]: String for each in described.get("inputs") or ()},
        outputs={each["name"]: String for each in described.get("outputs") or ()},
    )


def _kfp_word(path: str, word: Any) -> Any:
    kinds = {
        "inputValue": InputValuePlaceholder,
        "inputPath": InputUriPlaceholder,
        "outputPath": OutputUriPlaceholder,
    }
    if isinstance(word, Mapping) and len(word) == 1:
        ((kind, port),) = word.items()
        if kind in kinds:
            return kinds[kind](str(port))
    if isinstance(word, (Mapping, list)):
        raise ValueError(
            f"{path}: the command has {word!r}, expected a text, or one of {sorted(kinds)} with "
            "the name of a port"
        )
    return str(word)


def check_word(name: str, word: Any, spec: type[ComponentSpec]) -> None:
    """Checks a word of a command.

    Raises:
        ValueError: A placeholder names a port that the component does not have.
        TypeError: The word is neither a text nor a placeholder.
    """
    if isinstance(word, InputValuePlaceholder):
        known = sorted({*spec.INPUTS, *spec.PARAMETERS})
        _check_port(name, word, word.input_name, known, "inputs and parameters")
    elif isinstance(word, InputUriPlaceholder):
        _check_port(name, word, word.input_name, sorted(spec.INPUTS), "inputs")
    elif isinstance(word, OutputUriPlaceholder):
        _check_port(name, word, word.output_name, sorted(spec.OUTPUTS), "outputs")
    elif isinstance(word, ConcatPlaceholder):
        for item in word.items:
            check_word(name, item, spec)
    elif not isinstance(word, (str, Placeholder)):
        raise TypeError(
            f"{name}: the command has {word!r} of type {type(word).__name__}, expected texts and "
            "placeholders, such as InputUriPlaceholder('rows')."
        )


def _check_port(name: str, word: Any, port: str, known: list[str], kind: str) -> None:
    if port not in known:
        raise ValueError(
            f"{name}: {word!r} names no port, expected one of its {kind} {known}. Correct the name "
            "or declare the port."
        )
