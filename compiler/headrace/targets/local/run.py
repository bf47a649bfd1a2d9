"""`headrace.run`: from a pipeline, in whatever form, to the result of a run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.errors import CompileError
from headrace.frontend.loading import PipelineSource
from headrace.ir.expressions import check_expressions
from headrace.ir.validation.checks import check_spec
from headrace.ir.validation.reading import read_documents
from headrace.ir.validation.structure import check_platform, named
from headrace.ir.view import Spec
from headrace.targets.local import run_parameters
from headrace.targets.local.execution import engine
from headrace.targets.local.execution.engine import Options
from headrace.targets.local.execution.results import RunResult
from headrace.targets.local.execution.rules import Backend
from headrace.targets.local.notices import foreign_tasks, settings_without_effect
from headrace.targets.local.observer import Observer, Silence
from headrace.targets.local.records.record import Origin
from headrace.targets.local.runners.container_options import ContainerOptions
from headrace.targets.local.runners.runner import RunnerName
from headrace_components.contract.errors import InputError

_IR_SUFFIXES = frozenset({".json", ".yaml", ".yml"})
_COMMAND = "headrace run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A pipeline that is ready to run.

    Attributes:
        spec: The pipeline as `PipelineSpec` data.
        parameters: Values of run parameters that came with it.
        notices: What the one who starts it is told first, line by line.
    """

    spec: dict[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def run(
    pipeline: PipelineSource | Mapping[str, Any],
    *,
    parameters: Mapping[str, Any] | None = None,
    root: str | Path = "headrace_root",
    runner: RunnerName = "worker",
    containers: ContainerOptions | None = None,
    use_cache: bool = True,
    metadata: str = "",
    like: Backend = "kubeflow",
    observer: Observer | None = None,
) -> RunResult:
    """Runs a pipeline on this machine.

    A task that fails does not raise: `RunResult.state` is then `failed` and `RunResult.failures`
    says why. `headrace.resume` finishes such a run, or one that was interrupted.

    Args:
        pipeline: A function decorated with `kfp.dsl.pipeline`, `PIPELINE.py[:function]`, a file
            with a compiled pipeline (JSON or YAML), or its content.
        parameters: Values of the pipeline's parameters. The local path of a module file is packed
            into the run; it is relative to the current directory.
        root: The directory of runs, cache and lineage.
        runner: `worker` forks tasks from a process that has done their imports; `process` starts a
            fresh interpreter for each; `venv` one of an environment made from its image's lock;
            `docker` and `podman` a container of its image.
        containers: How the last two run containers; None for `ContainerOptions()`.
        use_cache: Whether a task may be answered by an earlier one like it.
        metadata: URL of the lineage database; empty for SQLite under `root`.
        like: The backend whose rules hold for components that are not Headrace's: what their
            numbers, metadata and variables look like.
        observer: Is told what happens while it happens.

    Raises:
        InputError: The pipeline or a parameter is not as it must be; nothing has run.
        PlatformError: The root or the lineage database cannot be used.
    """
    observer = observer or Silence()
    loaded = load(pipeline)
    for line in loaded.notices:
        observer.log(line)
    given = {**loaded.parameters, **(parameters or {})}
    return engine.start(
        loaded.spec,
        parameters=packed(loaded.spec, given),
        origin=_origin(pipeline, given),
        options=Options(
            root=Path(root),
            runner=runner,
            containers=containers or ContainerOptions(),
            use_cache=use_cache,
            metadata=metadata,
            like=like,
        ),
        observer=observer,
    )


def resume(
    run_id: str,
    *,
    pipeline: PipelineSource | Mapping[str, Any] | None = None,
    root: str | Path = "headrace_root",
    runner: RunnerName | None = None,
    containers: ContainerOptions | None = None,
    metadata: str = "",
    observer: Observer | None = None,
) -> RunResult:
    """Finishes an earlier run: tasks that are done stay done.

    With `pipeline` the run takes its code, as it is now. A task that is done stays done as long as
    its code, its parameters and its inputs are the same; the others run with the new code. Without
    `pipeline`, a run that was started from a file takes the new code where that file or a module
    has changed.

    Args:
        run_id: Name of the run under `root`.
        pipeline: What `run` takes; None for the pipeline that the run was started with.
        root: The directory of runs that it was started with.
        runner: How to start tasks; None for the way that the run was started with.
        containers: How to run containers; None likewise.
        metadata: URL of the lineage database; needed where that of the run has a password, which is
            not stored, and the variable HEADRACE_METADATA_PASSWORD is not set.
        observer: Is told what happens while it happens.

    Raises:
        InputError: There is no such run, its record is damaged, or another process works on it; or
            the pipeline is another one, or does not compile.
    """
    return engine.resume(
        run_id,
        root=Path(root),
        pipeline=pipeline,
        runner=runner,
        containers=containers,
        metadata=metadata,
        observer=observer,
    )


def run_from_command_line(
    pipeline: str, assignments: Iterable[str], options: Options, observer: Observer
) -> RunResult:
    """As `run`, with parameters as `name=value` texts."""
    loaded = load(pipeline)
    values = run_parameters.from_command_line(assignments, Spec(body=loaded.spec).root)
    for line in loaded.notices:
        observer.log(line)
    given = {**loaded.parameters, **values}
    return engine.start(
        loaded.spec,
        parameters=packed(loaded.spec, given),
        origin=Origin.of(pipeline, given),
        options=options,
        observer=observer,
    )


def _origin(
    pipeline: PipelineSource | Mapping[str, Any], given: Mapping[str, Any]
) -> Origin | None:
    return Origin.of(pipeline, given) if isinstance(pipeline, (str, Path)) else None


def packed(
    spec: Mapping[str, Any], values: Mapping[str, Any], directory: Path | None = None
) -> dict[str, Any]:
    """Returns run parameters with module files packed: a run carries its code.

    Args:
        spec: The pipeline.
        values: The parameters.
        directory: What relative paths are relative to; None for the current directory.
    """
    from headrace.compilation.passes.modules import pack_parameters

    return pack_parameters(spec, values, "local", directory or Path.cwd()) if values else {}


def load(pipeline: PipelineSource | Mapping[str, Any]) -> Loaded:
    """Returns a pipeline that is ready to run.

    A compiled one is checked and linted as one that is compiled here.

    Raises:
        InputError: It is no pipeline, or does not compile.
    """
    if isinstance(pipeline, Mapping):
        return _checked(pipeline, {}, _COMMAND)
    if isinstance(pipeline, (str, Path)) and Path(pipeline).suffix in _IR_SUFFIXES:
        return _read(Path(pipeline))
    # Imported here: a compiled pipeline runs without kfp.
    from headrace.compilation.compiler import compile_for
    from headrace.frontend import loading
    from headrace.profiles.profile import read_profile

    source = loading.load(pipeline, command=_COMMAND)
    compiled = compile_for(source, "local", read_profile(None))
    return Loaded(
        spec=compiled.document,
        notices=tuple(settings_without_effect(source.spec, source.platform)),
    )


def _checked(document: Any, platform: Mapping[str, Any], where: str) -> Loaded:
    from headrace.compilation.passes.lint import lint
    from headrace.compilation.passes.loop_items import apply_loop_items
    from headrace.compilation.passes.loop_types import apply_loop_types
    from headrace.compilation.passes.parameter_checks import check_parameters
    from headrace.compilation.passes.templates import apply_templates

    values: Any = {}
    # A PipelineJob of Vertex holds the pipeline, and the values that it is to run with.
    if isinstance(document, Mapping) and "pipelineSpec" in document:
        config = document.get("runtimeConfig", {})
        values = config.get("parameterValues", {}) if isinstance(config, Mapping) else None
        if not isinstance(values, Mapping):
            raise InputError(
                f"{where}: runtimeConfig.parameterValues is {named(values)}, expected an object "
                "with the values of parameters. Correct it there, or compile the pipeline again."
            )
        document = document["pipelineSpec"]
    check_spec(document, where)
    check_expressions(document, where)
    try:
        # What kfp compiled without Headrace needs these; where Headrace did, they change nothing.
        spec = lint(apply_loop_types(apply_loop_items(document)), "local", platform)
        check_parameters(spec)
        spec = apply_templates(spec)
    except CompileError as error:
        # A name from outside may hold ends of lines.
        raise CompileError(f"{where}: {' '.join(str(error).split())}") from error
    return Loaded(
        spec=spec,
        parameters=dict(values),
        notices=(*foreign_tasks(spec), *settings_without_effect(spec, platform)),
    )


def _read(path: Path) -> Loaded:
    if not path.is_file():
        raise InputError(
            f"{_COMMAND}: {str(path)!r} is no file, expected a pipeline, as PIPELINE.py, or a "
            f"compiled one. Correct the path; the current directory is {Path.cwd()}."
        )
    where = f"{_COMMAND}: {path}"
    documents = read_documents(path, where)
    if len(documents) > 2:
        raise InputError(
            f"{where}: it holds {len(documents)} documents, expected a pipeline, and perhaps the "
            "settings of Kubernetes that kfp-kubernetes writes behind it. Compile the pipeline "
            "again."
        )
    document, *others = documents
    for other in others:
        check_platform(other, f"{where}: its second document")
    return _checked(document, others[0] if others else {}, where)
