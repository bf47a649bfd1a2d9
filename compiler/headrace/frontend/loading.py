"""From an author's file to the intermediate form: kfp's PipelineSpec as plain JSON data."""

import importlib.util
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from headrace.errors import CompileError
from headrace.frontend.author_errors import author_error
from headrace.frontend.embedded_archives import fix_archives
from headrace.frontend.kfp_import import import_kfp
from headrace.frontend.pipeline_names import check_function_name, names_checked
from headrace.frontend.task_groups import groups_closed
from headrace.ir import carried_numbers
from headrace.ir.specs import Spec

PipelineSource = str | Path | Callable[..., Any]
"""`PIPELINE.py`, `PIPELINE.py:function`, or a function decorated with `kfp.dsl.pipeline`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frontend:
    """A pipeline as kfp compiles it, before any pass.

    Attributes:
        spec: `PipelineSpec` in protojson form. Integers are floats, as in kfp's own YAML.
        platform: `PlatformSpec` in protojson form; empty unless kfp-kubernetes was used.
        directory: The directory of the author's file; its relative paths start here.
    """

    spec: Spec
    platform: Spec = field(default_factory=dict)
    directory: Path


def load(source: PipelineSource, *, command: str = "compile") -> Frontend:
    """Loads a pipeline and lets kfp compile it.

    Args:
        source: A file, a file and the function in it, or the decorated function itself.
        command: Who asks, for messages.

    Raises:
        CompileError: The file or the pipeline does not exist, or the author's code does not
            compile. The message has the author's file and line.
    """
    import_kfp()
    if not isinstance(source, (str, Path)):
        return _from_function(source, command)
    path, function = _split(str(source), command)
    with _author_directory(path.parent):
        module = _execute(path)
        return _compiled(_choose(path, module, function), path.parent)


def _from_function(pipeline: Callable[..., Any], command: str) -> Frontend:
    if _function(pipeline) is None:
        raise CompileError(
            f"{command}: {pipeline!r} is not a pipeline, expected a function decorated with "
            "`@dsl.pipeline`, or the path of a file that has one. Add the decorator."
        )
    function = _function(pipeline)
    check_function_name(function.__name__, str(getattr(pipeline, "name", "")))
    return _compiled(pipeline, Path(function.__code__.co_filename).parent)


def _compiled(pipeline: Any, directory: Path) -> Frontend:
    # Imported here: kfp is on its way in only now, without its client.
    from google.protobuf.json_format import MessageToDict, SerializeToJsonError

    from headrace.frontend.conditions import check_conditions

    try:
        spec = MessageToDict(pipeline.pipeline_spec)
    except SerializeToJsonError as error:
        raise _no_json(pipeline) from error
    frontend = Frontend(
        spec=spec,
        platform=MessageToDict(pipeline.platform_spec),
        directory=directory,
    )
    check_conditions(pipeline, frontend.spec)
    carried_numbers.check(frontend.spec)
    fix_archives(frontend.spec)
    return frontend


def _no_json(pipeline: Any) -> CompileError:
    declared = pipeline.pipeline_spec.root.input_definitions.parameters
    for name, each in declared.items():
        default = each.default_value.number_value
        if not math.isfinite(default):
            return CompileError(
                f"{pipeline.name}: parameter `{name}`: {carried_numbers.words(default)}"
            )
    return CompileError(
        f"{pipeline.name}: a value of a task is NaN or infinite, but a pipeline is JSON, which has "
        "neither. Pass it as a string, or pass a finite number."
    )


def _split(text: str, command: str) -> tuple[Path, str | None]:
    """Splits `pipeline.py:function`; a colon elsewhere belongs to the path."""
    head, separator, tail = text.rpartition(":")
    name, function = (head, tail) if separator and tail.isidentifier() else (text, None)
    path = Path(name)
    if not path.is_file() or path.suffix != ".py":
        raise CompileError(
            f"{command}: {name!r} is {'no Python file' if path.exists() else 'not there'}, "
            f"expected a pipeline file: PIPELINE.py or PIPELINE.py:function. Correct the path; "
            f"the current directory is {Path.cwd()}."
        )
    return path.resolve(), function


@contextmanager
def _author_directory(directory: Path) -> Iterator[None]:
    """Lets the author's file import its siblings, and forgets them afterwards.

    Forgetting matters to a process that compiles two pipelines: both may have a `settings.py`.
    """
    before = set(sys.modules)
    sys.path.insert(0, str(directory))
    try:
        yield
    finally:
        if str(directory) in sys.path:  # unless the author's code took it out
            sys.path.remove(str(directory))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and _is_sibling(name, Path(file), directory):
                del sys.modules[name]


def _is_sibling(name: str, file: Path, directory: Path) -> bool:
    top = name.partition(".")[0]
    return file == directory / f"{top}.py" or file.is_relative_to(directory / top)


def _execute(path: Path) -> ModuleType:
    # The same name as with `import`: kfp finds the author's artifact classes by it.
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise CompileError(
            f"compile: {str(path)!r} is not a Python file. Give a file ending in .py."
        )
    module = importlib.util.module_from_spec(spec)
    hidden = sys.modules.get(path.stem)
    sys.modules[path.stem] = module
    try:
        with carried_numbers.refused_by_kfp(), names_checked(), groups_closed():
            spec.loader.exec_module(module)
    except Exception as error:
        # Any exception of the author's code is for the author, and is reported with its place.
        # Failures outside of the author's files are not caught.
        report = author_error(error, path.parent)
        if report is None:
            raise
        raise report from error
    finally:
        if hidden is not None:
            sys.modules[path.stem] = hidden
    return module


def _function(component: Any) -> Any:
    """Returns the function of a pipeline or a component; None for other objects."""
    from kfp.dsl.base_component import BaseComponent

    if not isinstance(component, BaseComponent):
        return None
    return getattr(component, "pipeline_func", None) or getattr(component, "python_func", None)


def _choose(path: Path, module: ModuleType, function: str | None) -> Any:
    from kfp.dsl.graph_component import GraphComponent

    components = {name: value for name, value in vars(module).items() if _function(value)}
    pipelines = {
        name: value for name, value in components.items() if isinstance(value, GraphComponent)
    }
    if function is not None:
        if function not in components:
            # As below, components count if there is no pipeline.
            named = pipelines or _made_in(path, components)
            kind = "components" if named and not pipelines else "pipelines"
            raise CompileError(
                f"{path.name}: `{function}` is not among its {kind} {sorted(named)}. "
                "Name one of those, or decorate the function with `@dsl.pipeline`."
            )
        return components[function]
    # A pipeline that was imported as a part of this file's pipeline does not count.
    own = _made_in(path, pipelines) or pipelines
    kind = "pipelines"
    if not own and (components := _made_in(path, components)):
        # As in kfp: a file with one component is a pipeline of one task.
        own, kind = components, "components and no pipeline:"
    if len(own) != 1:
        names = sorted(own)
        advice = f"as {path.name}:{names[-1]}" if names else "with `@dsl.pipeline` on a function"
        raise CompileError(
            f"{path.name}: has {len(own)} {kind} {names}, expected one. Say which, {advice}."
        )
    return next(iter(own.values()))


def _made_in(path: Path, components: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in components.items()
        if _function(value).__code__.co_filename == str(path)
    }
