"""From a TFX pipeline object to a plan: names, values and channels, and each node's own translator.

A translator takes a node and the `Translation` and returns the steps that do the node's work.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.errors import CompileError
from headrace.frontend.tfx_pipelines.naming import Names, identifier
from headrace.frontend.tfx_pipelines.nesting import Nesting, sources
from headrace.frontend.tfx_pipelines.plan import (
    Code,
    Definition,
    Group,
    OutputRef,
    ParameterRef,
    Step,
    Value,
)
from headrace.frontend.tfx_pipelines.run_parameters import RunParameters
from headrace.frontend.tfx_pipelines.run_values import RunValues
from headrace.ir import carried_numbers
from headrace_components.library.user_code.module_pack import is_packed, is_remote
from headrace_tfx.authoring.channels import BaseChannel, ExternalPipelineChannel
from headrace_tfx.authoring.placeholders import Placeholder
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter

_RESERVED = ("authoring", "artifacts", "catalog", "dsl", "task")


@dataclass(frozen=True, kw_only=True, slots=True)
class Translated:
    """What does the work of a node.

    Attributes:
        steps: Its steps, each after those that it names.
        outputs: Where the node's outputs are, by TFX's key. A key that is not here is the output of
            this name of the last step.
    """

    steps: tuple[Step | Group, ...]
    outputs: Mapping[str, OutputRef] | None = None


class Translation:
    """What the translators of a pipeline's nodes share.

    Attributes:
        pipeline: The TFX pipeline.
        file: Name of the author's file, for messages; empty if there is none.
        source: The directory of the author's file, where the author's modules are.
        directory: Where the text is to be. Files below it are named relative to it.
        node: ID of the node whose translator is running, for messages.
        imports: What the text has to import, as in `Plan`.
        definitions: Statements before the pipeline.
        nesting: Its nodes, and those of pipelines in it.
        parameters: Parameters of the pipeline.
        run_values: Values that only a run has.
        names: Gives names to variables.
        notes: Lines for the author: what has no effect here.
    """

    def __init__(self, pipeline: Any, *, file: str, source: Path, directory: Path) -> None:
        self.pipeline = pipeline
        self.file = file
        self.source = source
        self.directory = directory
        self.node = ""
        self.imports: set[tuple[str, str]] = {("kfp", "dsl")}
        self.definitions: list[Definition] = []
        self.names = Names(*_RESERVED, identifier(pipeline.pipeline_name))
        self.nesting = Nesting(pipeline)
        last = () if pipeline.exit_handler is None else (pipeline.exit_handler,)
        self.parameters = RunParameters(self.names, (*self.nesting.nodes, *last))
        self.run_values = RunValues(self)
        self.notes: list[str] = []
        self.listed = {node.id: node for node in self.nesting.nodes}
        self._outputs: dict[tuple[str, str], OutputRef] = {}
        self._last: dict[str, str] = {}

    def error(self, message: str) -> CompileError:
        """Returns an error about the node whose translator is running."""
        return CompileError(f"{self.where()}{message}")

    def where(self, node: str = "") -> str:
        """Returns the author's file and the node as the beginning of a message."""
        return "".join(f"{each}: " for each in (self.file, node or self.node) if each)

    def note(self, message: str) -> None:
        """Tells the author something about the node whose translator is running."""
        self.notes.append(f"{self.where()}{message}")

    def done(self, node: Any, translated: Translated) -> None:
        """Notes where the outputs of a node are."""
        self._outputs |= {(node.id, key): ref for key, ref in (translated.outputs or {}).items()}
        if translated.steps:
            last = _last_step(translated.steps).variable
            self._last[node.id] = last
            for key in node.outputs:
                self._outputs.setdefault((node.id, key), OutputRef(step=last, port=key))

    def output(self, channel: Any) -> OutputRef:
        """Returns the output that a channel stands for.

        Raises:
            CompileError: The channel has no producer in this pipeline.
        """
        channel = self._single(channel)
        producers = channel.producers()
        if isinstance(channel, ExternalPipelineChannel):
            raise self.error(
                f"it reads what the pipeline {channel.pipeline_name!r} made, expected an output of "
                "this one. Convert the pipeline with `headrace convert`, and put "
                "catalog.latest_artifact(search_root=...) with that pipeline's root into it."
            )
        if not producers:
            raise self.error(
                f"it reads a channel of type {channel.type_name} that no node of this pipeline "
                "makes, expected `node.outputs[...]`. Put a Resolver between them, which looks for "
                "earlier artifacts."
            )
        producer = producers[0]
        if producer.id not in self.listed:
            raise self.error(
                f"it reads {channel.output_key!r} of {producer.id}, which is not in the pipeline's "
                f"`components`. Add {producer.id} to the list."
            )
        return self._outputs[producer.id, channel.output_key]

    def _single(self, channel: Any) -> Any:
        """Returns the channel that another one stands for, which has one artifact.

        Raises:
            CompileError: It stands for several.
        """
        found = list(dict.fromkeys(sources(channel)))
        if len(found) > 1:
            raise self.error(
                f"it reads {channel!r}, the artifacts of {len(found)} channels, but a port of "
                "Kubeflow Pipelines carries one artifact. Give it one channel, or join the "
                "artifacts in a component with @component."
            )
        (channel,) = found
        if channel.input_trigger is not None:
            raise self.error(
                f"it reads {channel!r} with no_trigger() or trigger_by_property(), which is for "
                "pipelines that run all the time. Leave it out."
            )
        return channel

    def after(self, node: Any) -> tuple[str, ...]:
        """Returns the variables of the tasks that a node waits for without reading from them.

        Raises:
            CompileError: It waits for a node that is not in the pipeline.
        """
        missing = self.nesting.not_listed(node)
        if missing:
            raise self.error(
                f"it waits for {missing}, which is not in the pipeline's `components`. Add "
                f"{missing} to the list, or remove the call of add_upstream_node or "
                "add_downstream_node."
            )
        return tuple(dict.fromkeys(self._waits(node)))

    def _waits(self, node: Any) -> Iterator[str]:
        """Yields tasks; a node without any, as a Resolver that passes outputs on, waits itself."""
        for each in self.nesting.waited_for(node):
            if each.id in self._last:
                yield self._last[each.id]
            else:
                yield from self._waits(each)
                yield from self._read(each)
        for each in self.nesting.producers(node):
            if each.id not in self._last:
                yield from self._waits(each)

    def _read(self, node: Any) -> Iterator[str]:
        """Yields the tasks that a node without any reads from."""
        for each in self.nesting.producers(node):
            if each.id in self._last:
                yield self._last[each.id]
            else:
                yield from self._read(each)

    def catalogue(self, component: str) -> str:
        """Returns the expression for a component of the catalogue, and has it imported."""
        self.imports.add(("headrace_components", "catalog"))
        return f"catalog.{component}"

    def variable(self) -> str:
        """Returns the variable of the node's own task."""
        return self.names.new(self.node)

    def value(
        self, given: Any, name: str, wanted: type[Any] = object, *, with_none: bool = False
    ) -> Value:
        """Returns what an author gave as a value of the plan.

        Args:
            given: JSON data, proto messages, paths, channels and runtime parameters, also within
                lists and dicts.
            name: The argument, for messages.
            wanted: The type of our parameter. A dict may be given as JSON text, and a truth value
                as 0 or 1, as TFX keeps them.
            with_none: Whether None may be in lists and dicts: the caller writes them as JSON text.

        Raises:
            CompileError: There is something else in it.
        """
        if isinstance(given, Placeholder):
            return self.run_values.reference(given, name, wanted)
        if isinstance(given, (RuntimeParameter, str)):
            given = self._parameters_of(given, name, wanted)
        if wanted is dict and isinstance(given, str):
            return self._parsed(given, name)
        if wanted is bool and isinstance(given, int):
            return bool(given)
        if given is None or isinstance(given, (bool, int, float, str, ParameterRef, Code)):
            self._check_number(given, name)
            return given
        if isinstance(given, Path):
            return str(given)
        if isinstance(given, Mapping):
            return {str(key): self._item(each, name, with_none) for key, each in given.items()}
        if isinstance(given, (list, tuple)):
            return [self._item(each, name, with_none) for each in given]
        if hasattr(given, "DESCRIPTOR"):
            return _message(given)
        if isinstance(given, BaseChannel):
            raise self.error(
                f"`{name}` holds {given!r}, but a parameter carries no artifacts. Make it an input "
                "of the node, or pass where they are, as `channel.future()[0].uri`."
            )
        raise self.error(
            f"`{name}` holds a {type(given).__name__}, which no pipeline file can hold: {given!r}. "
            "Pass text, numbers, lists, dicts or proto messages."
        )

    def _item(self, given: Any, name: str, with_none: bool) -> Value:
        if given is None and not with_none:
            raise self.error(
                f"`{name}` holds None, which kfp does not compile. Leave the key out, or write "
                "another value for it."
            )
        return self.value(given, name, with_none=with_none)

    def _check_number(self, given: Value, name: str) -> None:
        if carried_numbers.changed(given) is None:
            return
        problem = (
            f"the integer {given}, but a pipeline carries numbers as doubles, which are exact up "
            "to 2^53"
            if isinstance(given, int)
            else f"{given}, which JSON has no word for"
        )
        raise self.error(f"`{name}` holds {problem}. Pass it as a text.")

    def _parameters_of(self, given: Any, name: str, wanted: type[Any]) -> Value:
        try:
            if isinstance(given, RuntimeParameter):
                return self.parameters.reference(given, wanted)
            return self.parameters.in_text(given)
        except ValueError as error:
            raise self.error(f"`{name}`: {error}") from error

    def _parsed(self, text: str, name: str) -> Value:
        try:
            return json.loads(text)
        except ValueError as error:
            raise self.error(
                f"`{name}` is the text {text[:100]!r}, expected JSON: {error}. Correct it, or pass "
                "a dict."
            ) from error

    def user_code(self, node: Any, function: str = "", given: str = "") -> dict[str, Value]:
        """Returns the parameters that name the author's code.

        A function that is given by a dotted path, of a file of the author's project, is given by
        that file: it then travels with the pipeline.

        Args:
            node: The node.
            function: Our name of the function, and of the parameter for its dotted path; empty if
                there is none.
            given: TFX's name of that parameter, if it is another one.
        """
        file = node.exec_properties.get("module_file")
        if file:
            return {"module_file": self._module_file(file)}
        dotted = node.exec_properties.get(given or function)
        if not function or not dotted:
            return {}
        module, _, name = str(dotted).rpartition(".")
        found = self._project_file(module) if isinstance(dotted, str) else None
        if found is None or name != function:
            return {function: dotted}
        return {"module_file": self.shown(found), function: None}

    def _module_file(self, given: Any) -> Value:
        text = str(given) if isinstance(given, Path) else given
        if not isinstance(text, str) or is_packed(text) or is_remote(text):
            return given
        path = Path(text.removeprefix("file://"))
        # TFX's relative paths start in the current directory; Headrace's beside the file.
        found = [base / path for base in (Path.cwd(), self.source) if (base / path).is_file()]
        return self.shown(found[0] if found else self.source / path)

    def _project_file(self, module: str) -> Path | None:
        """Returns the file of a module, if it is one of the author's own."""
        part = Path(*module.split(".")).with_suffix(".py") if module else Path()
        for base in (self.source, Path.cwd(), *map(Path, sys.path)):
            file = base / part
            if file.is_file() and "site-packages" not in file.parts:
                return file.absolute()
        return None

    def shown(self, path: Path) -> str:
        """Returns a path as the text has it: below its own directory, a relative one."""
        path = Path(os.path.normpath(path.absolute()))
        is_below = path.is_relative_to(self.directory)
        return path.relative_to(self.directory).as_posix() if is_below else str(path)


def _message(message: Any) -> Value:
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, preserving_proto_field_name=True)


def _last_step(steps: Iterable[Step | Group]) -> Step:
    (*_, last) = steps
    return _last_step(last.body) if isinstance(last, Group) else last


Translator = Callable[[Any, Translation], Translated]
