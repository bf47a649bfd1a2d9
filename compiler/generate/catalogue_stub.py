"""Renders `catalog.pyi`: the view of the components for editors and type checkers."""

import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace_components import artifacts
from headrace_components.authoring import documentation
from headrace_components.contract.artifact_types import ARTIFACT, ArtifactType
from headrace_components.contract.declaration import Component, catalogue, find

PATH = Path(__file__).parents[2] / "components/headrace_components/catalog.pyi"

_HEAD = '''\
# `make generate` writes this file from the declarations of the components.
"""Every component: `from headrace_components.catalog import trainer`."""

from typing import Any, TypedDict

{imports}
'''
_KFP = {"Artifact", "ClassificationMetrics", "HTML", "Metrics"}
_COLLECTIONS = {"dict": "dict[str, Any] | Message", "list": "list[Any]"}
_CLASSES = {each.schema_title: each.__name__ for each in artifacts.ARTIFACT_TYPES}


def text() -> str:
    """Returns the stub, sorted and formatted by ruff."""
    components = [each for name in catalogue() if (each := find(name))]
    made = {_class(port.type) for each in components for port in each.outputs.values()}
    body = "".join(_artifact(title) for title in sorted(made - {"Any", ""}))
    body += "".join(_component(each) for each in components)
    listed = "".join(f'    "{each.name}",\n' for each in components)
    unformatted = f"{_HEAD.format(imports=_imports(components))}\n__all__ = [\n{listed}]\n{body}"
    return _ruff("format", _ruff("check", unformatted, "--fix", "--quiet", "--select=I"))


def _ruff(command: str, source: str, *options: str) -> str:
    ruff = [sys.executable, "-m", "ruff", command, *options, "--stdin-filename", str(PATH), "-"]
    return subprocess.run(ruff, input=source, capture_output=True, text=True, check=True).stdout


def _imports(components: list[Component]) -> str:
    used = {_class(port.type) for each in components for port in each.inputs.values()}
    used |= {_class(port.type) for each in components for port in each.outputs.values()}
    ours = sorted(used - _KFP - {"Any", ""})
    kfp = [*sorted(used & _KFP), "PipelineParameterChannel", "PipelineTask"]
    return (
        f"from headrace_components.artifacts import {', '.join(ours)}\n"
        f"from headrace_components.typed.kfp import {', '.join(kfp)}\n"
        "from headrace_components.typed.wiring import Input, Message, Output, Value\n"
    )


def _class(kind: Any) -> str:
    """Returns the class of an artifact type; that of any artifact fits every input."""
    if not isinstance(kind, ArtifactType):
        return ""
    if kind is ARTIFACT:
        return "Any"
    return _CLASSES.get(kind.schema_title, kind.schema_title.removeprefix("system."))


def _artifact(title: str) -> str:
    """Returns the class of an output: an artifact, too, for `-> Examples` of a sub-pipeline."""
    return f"\nclass {title}Output(Output[{title}], {title}): ...\n"


def _component(declared: Component) -> str:
    task = "".join(part.capitalize() for part in declared.name.split("_"))
    outputs = "".join(
        f"    {name}: {_output(port.type)}\n{_doc(port.doc, 4)}"
        for name, port in declared.outputs.items()
    )
    only = [_output(port.type) for port in declared.outputs.values()]
    single = f"    @property\n    def output(self) -> {only[0]}: ...\n" if len(only) == 1 else ""
    arguments = "".join(_arguments(declared))
    return (
        f"\nclass {task}Outputs(TypedDict):\n{outputs or '    ...'}\n"
        f"\nclass {task}Task(PipelineTask):\n"
        f"    @property\n    def outputs(self) -> {task}Outputs: ...\n{single}"
        f"\ndef {declared.name}({arguments and '*, '}{arguments}) -> {task}Task:\n"
        f"{_doc(documentation(declared), 4)}"
    )


def _output(kind: Any) -> str:
    title = _class(kind)
    if not title:
        return "PipelineParameterChannel"
    return "Output[Any]" if title == "Any" else f"{title}Output"


def _arguments(declared: Component) -> Iterator[str]:
    for name, port in declared.inputs.items():
        yield f"{name}: Input[{_class(port.type)}]{' = ...' if port.optional else ''}, "
    for each in declared.declared_parameters():
        kind = _COLLECTIONS.get(each.type.__name__, each.type.__name__)
        # kfp takes no None from an author, not even where it is the default.
        value = "..." if each.default is None else repr(each.default)
        default = "" if each.is_required else f" = {value}"
        yield f"{each.name}: {kind} | Value{default}, "


def _doc(text: str, indent: int) -> str:
    """Returns a docstring; raw if it contains a backslash."""
    text = inspect.cleandoc(text)
    raw = "r" if "\\" in text else ""
    end = "\n" if "\n" in text else ""
    return textwrap.indent(f'{raw}"""{text}{end}"""\n', " " * indent)
