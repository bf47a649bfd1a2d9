"""The words of a container's command: TFX's placeholders as those of `container_component`."""

from collections.abc import Sequence
from typing import Any

from headrace.frontend.tfx_pipelines.plan import Value
from headrace.frontend.tfx_pipelines.translation import Translation
from headrace_tfx.artifacts.values import ValueArtifact
from headrace_tfx.authoring import containers
from headrace_tfx.authoring.placeholders import (
    ArtifactPlaceholder,
    ArtifactUri,
    ArtifactValue,
    Concatenation,
    ExecPropertyPlaceholder,
    Placeholder,
    path_of,
)


def words_of(words: Sequence[Any], node: Any, translation: Translation) -> list[Value]:
    """Returns the words of a command.

    Raises:
        CompileError: A word is a placeholder that no backend fills in.
    """
    return [_word(each, node, translation) for each in words]


def _word(word: Any, node: Any, translation: Translation) -> Value:
    if isinstance(word, str):
        return word
    if isinstance(word, containers.ConcatPlaceholder):
        return {"concat": [_word(each, node, translation) for each in word.items]}
    if isinstance(word, Concatenation):
        return {"concat": [_word(each, node, translation) for each in word.items]}
    if isinstance(word, (containers.InputValuePlaceholder, ExecPropertyPlaceholder)):
        name = getattr(word, "input_name", None) or getattr(word, "key", "")
        return {"value": name}
    if isinstance(word, containers.InputUriPlaceholder):
        return _uri("input_uri", word.input_name, node.SPEC_CLASS.INPUTS, translation)
    if isinstance(word, containers.OutputUriPlaceholder):
        return _output_uri(word.output_name, node)
    return _placeholder(word, node, translation)


def _placeholder(word: Any, node: Any, translation: Translation) -> Value:
    if isinstance(word, Placeholder):
        start, path = path_of(word)
        if isinstance(start, (ArtifactUri, ArtifactValue)) and not path:
            of: ArtifactPlaceholder = start.of
            if isinstance(start, ArtifactValue):
                return {"value": of.key}
            if of.is_output and not start.split:
                return _output_uri(of.key, node)
            if not start.split:
                return _uri("input_uri", of.key, node.SPEC_CLASS.INPUTS, translation)
    raise translation.error(
        f"its command has {word!r}, which no backend fills in. Use InputValuePlaceholder, "
        "InputUriPlaceholder, OutputUriPlaceholder, ConcatPlaceholder, or the placeholders of "
        "tfx.dsl.placeholders for a URI, a value or an exec property."
    )


def _output_uri(name: str, node: Any) -> Value:
    is_value = issubclass(node.SPEC_CLASS.OUTPUTS[name].type, ValueArtifact)
    return {"output_path" if is_value else "output_uri": name}


def _uri(kind: str, name: str, declared: Any, translation: Translation) -> Value:
    if issubclass(declared[name].type, ValueArtifact):
        raise translation.error(
            f"its command has the URI of `{name}`, which is a value and travels without a file, "
            f"expected InputValuePlaceholder({name!r})."
        )
    return {kind: name}
