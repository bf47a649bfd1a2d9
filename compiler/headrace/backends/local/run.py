"""`headrace.run`: from a pipeline, in whatever form, to the result of a run."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from headrace.backends.local import engine, run_parameters
from headrace.backends.local.engine import Options
from headrace.backends.local.model import RunResult
from headrace.backends.local.observer import Observer
from headrace.backends.local.runners.container_options import ContainerOptions
from headrace.backends.local.runners.runner import RunnerName
from headrace.backends.local.spec import Spec
from headrace.frontend import PipelineSource
from headrace_components.errors import InputError

_IR_SUFFIXES = frozenset({".json", ".yaml", ".yml"})


def run(
    pipeline: PipelineSource | Mapping[str, Any],
    *,
    parameters: Mapping[str, Any] | None = None,
    root: str | Path = "headrace_root",
    runner: RunnerName = "worker",
    containers: ContainerOptions | None = None,
    use_cache: bool = True,
    metadata: str = "",
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
        observer: Is told what happens while it happens.

    Raises:
        InputError: The pipeline or a parameter is not as it must be; nothing has run.
        PlatformError: The root or the lineage database cannot be used.
    """
    spec, preset = load(pipeline)
    return engine.start(
        spec,
        parameters=packed(spec, {**preset, **(parameters or {})}),
        options=Options(
            root=Path(root),
            runner=runner,
            containers=containers or ContainerOptions(),
            use_cache=use_cache,
            metadata=metadata,
        ),
        observer=observer,
    )


def resume(
    run_id: str,
    *,
    root: str | Path = "headrace_root",
    runner: RunnerName | None = None,
    containers: ContainerOptions | None = None,
    observer: Observer | None = None,
) -> RunResult:
    """Finishes an earlier run: tasks that are done stay done.

    Args:
        run_id: Name of the run under `root`.
        root: The directory of runs that it was started with.
        runner: How to start tasks; None for the way that the run was started with.
        containers: How to run containers; None likewise.
        observer: Is told what happens while it happens.

    Raises:
        InputError: There is no such run, or another process works on it.
    """
    return engine.resume(
        run_id, root=Path(root), runner=runner, containers=containers, observer=observer
    )


def run_from_command_line(
    pipeline: str, assignments: Iterable[str], options: Options, observer: Observer
) -> RunResult:
    """As `run`, with parameters as `name=value` texts."""
    spec, preset = load(pipeline)
    values = run_parameters.from_command_line(assignments, Spec(body=spec).root)
    return engine.start(
        spec,
        parameters=packed(spec, {**preset, **values}),
        options=options,
        observer=observer,
    )


def packed(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns run parameters with module files packed: a run carries its code."""
    from headrace.passes.modules import pack_parameters

    return pack_parameters(spec, values, "local", Path.cwd()) if values else {}


def load(pipeline: PipelineSource | Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns a pipeline as `PipelineSpec` data, and parameter values that came with it.

    Raises:
        InputError: It is no pipeline, or does not compile.
    """
    if isinstance(pipeline, Mapping):
        return _unwrapped(pipeline)
    if isinstance(pipeline, (str, Path)) and Path(pipeline).suffix in _IR_SUFFIXES:
        return _unwrapped(_read(Path(pipeline)))
    # Imported here: a compiled pipeline runs without kfp.
    from headrace.compiler import compile_pipeline

    return compile_pipeline(pipeline, target="local"), {}


def _unwrapped(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    # A PipelineJob of Vertex holds the pipeline, and the values that it is to run with.
    if "pipelineSpec" in document:
        values = document.get("runtimeConfig", {}).get("parameterValues", {})
        return dict(document["pipelineSpec"]), dict(values)
    return dict(document), {}


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise InputError(
            f"headrace run: {str(path)!r} is no file, expected a pipeline, as PIPELINE.py, or a "
            f"compiled one. Correct the path; the current directory is {Path.cwd()}."
        )
    text = path.read_text("utf-8")
    document: Any = _parsed_json(text, path) if path.suffix == ".json" else _parsed_yaml(text, path)
    if not isinstance(document, Mapping):
        raise InputError(
            f"headrace run: {path} holds {type(document).__name__} data, expected a compiled "
            "pipeline. Compile it with `headrace compile`."
        )
    return document


def _parsed_json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _no_pipeline(path, "JSON", error) from error


def _parsed_yaml(text: str, path: Path) -> Any:
    import yaml

    # The C parser is ten times as fast, and not in every build of PyYAML.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # A second document holds what kfp-kubernetes adds: nothing that this machine knows.
        return next(iter(yaml.load_all(text, loader)), None)
    except yaml.YAMLError as error:
        raise _no_pipeline(path, "YAML", error) from error


def _no_pipeline(path: Path, form: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split())
    return InputError(f"headrace run: {path} is not {form}: {reason}. Compile the pipeline again.")
