"""From an author's file to the intermediate form: kfp's PipelineSpec as plain JSON data.

A file may have a kfp pipeline or a TFX one.
"""

import importlib.util
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from headrace.errors import CompileError
from headrace.frontend.author_errors import author_error
from headrace.frontend.cells import directory_of, is_cell
from headrace.frontend.embedded_archives import fix_archives
from headrace.frontend.kfp_import import import_kfp
from headrace.frontend.pipeline_names import check_function_name, names_checked
from headrace.frontend.task_groups import groups_closed
from headrace.frontend.tfx_pipelines.recognition import builds_tfx_pipeline
from headrace.ir import carried_numbers
from headrace.ir.specs import Spec
from headrace_tfx.finder import tfx_importable

if TYPE_CHECKING:
    from headrace.frontend.tfx_pipelines.node_names import NodeNames
    from headrace.frontend.tfx_pipelines.reading import TfxPipeline

PipelineSource = str | Path | Callable[..., Any]
"""`PIPELINE.py`, `PIPELINE.py:name`, a function decorated with `kfp.dsl.pipeline`, or a
`tfx.dsl.Pipeline`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDefaults:
    """Where an author's file says that its runs go.

    Attributes:
        root: The directory of runs, relative to the current directory; empty if it does not say.
        metadata: URL of the lineage database; empty likewise.
    """

    root: str = ""
    metadata: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frontend:
    """A pipeline as kfp compiles it, before any pass.

    Attributes:
        spec: `PipelineSpec` in protojson form. Integers are floats, as in kfp's own YAML.
        platform: `PlatformSpec` in protojson form; empty unless kfp-kubernetes was used.
        directory: The directory of the author's file, or of the notebook; its relative paths start
            here.
        defaults: Where its runs on this machine go, if the caller does not say.
        tfx: For a TFX pipeline the names of its nodes; None for a kfp pipeline.
        notes: Lines for the author: what of the pipeline has no effect here.
    """

    spec: Spec
    platform: Spec = field(default_factory=dict)
    directory: Path
    defaults: RunDefaults = field(default_factory=RunDefaults)
    tfx: "NodeNames | None" = None
    notes: tuple[str, ...] = ()

    def named(self) -> AbstractContextManager[None]:
        """Has errors that are raised meanwhile name the author's file and TFX's nodes."""
        return self.tfx.in_messages() if self.tfx else nullcontext()


def load(
    source: PipelineSource, *, command: str = "compile", flags: Sequence[str] = ()
) -> Frontend:
    """Loads a pipeline and lets kfp compile it.

    Args:
        source: A file, a file and the pipeline in it, or the pipeline itself.
        command: Who asks, for messages.
        flags: What the file of a TFX pipeline finds on its command line.

    Raises:
        CompileError: The file or the pipeline does not exist, or the author's code does not
            compile. The message has the author's file and line.
    """
    import_kfp()
    if not isinstance(source, (str, Path)):
        if _is_tfx(source):
            return _from_tfx_object(source)
        return _from_function(source, command)
    path, name = _split(str(source), command)
    with author_modules(path.parent):
        if builds_tfx_pipeline(path):
            return _from_tfx_file(path, name, flags)
        if flags:
            raise CompileError(
                f"{command}: {path.name} takes no flags, but got {list(flags)}: its pipeline is "
                "one of kfp. Set parameters with -p, as in -p name=value."
            )
        module = _execute(path)
        if "tfx" in sys.modules and not any(map(_function, vars(module).values())):
            return _from_tfx_file(path, name, flags)  # it imports `tfx` by a name that it makes
        return _compiled(_choose(path, module, name), path.parent)


def read_tfx(
    source: str, *, command: str, flags: Sequence[str] = (), directory: Path | None = None
) -> "TfxPipeline":
    """Reads the TFX pipeline of a file, up to the text of the kfp pipeline file for it.

    Args:
        source: A file, or a file and the pipeline in it.
        command: Who asks, for messages.
        flags: What the file finds on its command line.
        directory: Where the text is to be; None for the directory of the file.

    Raises:
        CompileError: As for `load`; or the file has no TFX pipeline.
    """
    read, _ = load_tfx(source, command=command, flags=flags, directory=directory)
    return read


def load_tfx(
    source: str, *, command: str, flags: Sequence[str] = (), directory: Path | None = None
) -> "tuple[TfxPipeline, Frontend]":
    """Reads the TFX pipeline of a file, and lets kfp compile it; see `read_tfx`."""
    import_kfp()
    path, name = _split(source, command)
    with author_modules(path.parent):
        if not builds_tfx_pipeline(path):
            raise CompileError(
                f"{command}: {path.name} does not import `tfx`, expected a file that builds a TFX "
                "pipeline. A kfp pipeline needs no conversion."
            )
        from headrace.frontend.tfx_pipelines import reading

        read = reading.from_file(path, name, flags, directory and directory.resolve())
        # What kfp refuses is not worth writing.
        return read, translated(read, path.name, path.parent)


def is_of_tfx(source: PipelineSource) -> bool:
    """Returns whether a source is a TFX pipeline, or a file that builds one."""
    if not isinstance(source, (str, Path)):
        return _is_tfx(source)
    head, _, _ = str(source).rpartition(":")
    found = next((path for path in (Path(source), Path(head)) if path.is_file()), None)
    return found is not None and found.suffix == ".py" and builds_tfx_pipeline(found)


def _is_tfx(source: Any) -> bool:
    tfx = sys.modules.get("headrace_tfx.authoring.pipeline")
    return tfx is not None and isinstance(source, tfx.Pipeline)


def _from_tfx_file(path: Path, name: str | None, flags: Sequence[str]) -> Frontend:
    # Imported here: a kfp pipeline does not need it.
    from headrace.frontend.tfx_pipelines import reading

    return translated(reading.from_file(path, name, flags), path.name, path.parent)


def _from_tfx_object(pipeline: Any) -> Frontend:
    from headrace.frontend.tfx_pipelines import reading

    # As in TFX, relative paths start in the current directory.
    file = "" if is_cell(pipeline.file) else Path(pipeline.file).name
    directory = Path.cwd()
    read = reading.from_object(pipeline, file=file, source=directory, directory=directory)
    return translated(read, file, directory)


def translated(read: "TfxPipeline", file: str, directory: Path) -> Frontend:
    """Lets kfp compile a TFX pipeline.

    Args:
        read: The pipeline.
        file: Name of the author's file; empty if there is none.
        directory: Where relative paths start.

    Raises:
        CompileError: As for `load`.
    """
    # Imported here: a kfp pipeline does not need it.
    from headrace.frontend.tfx_pipelines.node_names import NodeNames, node_names

    with NodeNames(file=file).in_messages():
        frontend = _compiled(read.built(), directory)
    return replace(
        frontend,
        defaults=RunDefaults(root=read.local_root, metadata=read.metadata_url),
        tfx=node_names(frontend.spec, file),
        notes=read.notes,
    )


def _from_function(pipeline: Callable[..., Any], command: str) -> Frontend:
    if _function(pipeline) is None:
        raise CompileError(
            f"{command}: {pipeline!r} is not a pipeline, expected a function decorated with "
            "`@dsl.pipeline`, or the path of a file that has one. Add the decorator."
        )
    function = _function(pipeline)
    check_function_name(function.__name__, str(getattr(pipeline, "name", "")))
    return _compiled(pipeline, directory_of(function.__code__.co_filename))


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


def file_of(source: str) -> Path:
    """Returns the file in `PIPELINE.py[:name]`.

    Raises:
        CompileError: It is not there.
    """
    path, _ = _split(source, "headrace convert")
    return path


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
    """Splits `pipeline.py:name`; a colon elsewhere belongs to the path."""
    head, separator, tail = text.rpartition(":")
    is_name = separator and (tail.isidentifier() or (tail and head.endswith(".py")))
    name, function = (head, tail) if is_name else (text, None)
    path = Path(name)
    if not path.is_file() or path.suffix != ".py":
        raise CompileError(
            f"{command}: {name!r} is {'no Python file' if path.exists() else 'not there'}, "
            f"expected a pipeline file: PIPELINE.py or PIPELINE.py:function. Correct the path; "
            f"the current directory is {Path.cwd()}."
        )
    return path.resolve(), function


@contextmanager
def author_modules(directory: Path) -> Iterator[None]:
    """Lets the author's file import `tfx` and its siblings, and forgets them afterwards.

    Forgetting matters to a process that compiles two pipelines: both may have a `settings.py`.
    """
    before = set(sys.modules)
    sys.path.insert(0, str(directory))
    try:
        with tfx_importable(directory, in_front=True):
            yield
    finally:
        if str(directory) in sys.path:  # unless the author's code took it out
            sys.path.remove(str(directory))
        # All at once: a package without __init__.py finds its directories by the one above it.
        imported = set(sys.modules) - before
        for name in [each for each in imported if _is_sibling(each, sys.modules[each], directory)]:
            del sys.modules[name]


def _is_sibling(name: str, module: ModuleType, directory: Path) -> bool:
    top = name.partition(".")[0]
    file = getattr(module, "__file__", None)
    # A package without __init__.py has no file, only the directories of its modules.
    places = [file] if file else list(getattr(module, "__path__", None) or ())
    return any(
        Path(place) == directory / f"{top}.py" or Path(place).is_relative_to(directory / top)
        for place in places
    )


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
