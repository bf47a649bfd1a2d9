"""`tfx pipeline`: checks and compiles a pipeline, and notes where its file is."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from headrace.errors import CompileError
from headrace.tfx.commands import registry
from headrace.tfx.commands.registry import Engine, NotedPipeline

# The runners of TFX and the engines that they are for; other files are for this machine.
_RUNNERS: Sequence[tuple[str, Engine]] = (
    (r"\bKubeflowV2DagRunner\b", "vertex"),
    (r"\bKubeflowDagRunner\b", "kubeflow"),
)


def engine_of(path: str, given: str, endpoint: str | None) -> Engine:
    """Returns the engine for a file.

    Args:
        path: The file.
        given: What the author said: an engine, or `auto` for that of the file's runner.
        endpoint: Where Kubeflow is, if the author says it.
    """
    named = named_engine(given, endpoint)
    if named is not None:
        return named
    file = Path(path) if Path(path).is_file() else Path(path.rpartition(":")[0])  # FILE.py:name
    text = file.read_text("utf-8", errors="replace") if file.is_file() else ""
    return next((engine for runner, engine in _RUNNERS if re.search(runner, text)), "local")


def named_engine(given: str, endpoint: str | None = None) -> Engine | None:
    """Returns the engine with a name of TFX's; None for `auto`.

    Args:
        given: The name.
        endpoint: Where Kubeflow is, if the author says it, which means Kubeflow.

    Raises:
        CompileError: Headrace has nothing for this engine.
    """
    if given == "auto":
        return None if endpoint is None else "kubeflow"
    if given == "airflow":
        raise CompileError(
            "tfx: --engine is airflow, but Headrace makes no DAG of Airflow. Start `headrace run "
            "FILE.py` from a BashOperator of a DAG of your own."
        )
    for engine in registry.ENGINES:
        if given == engine or (given, engine) == ("beam", "local"):
            return engine
    raise CompileError(f"tfx: --engine is {given!r}, expected one of {list(registry.ENGINES)}.")


def create(path: str, engine: Engine) -> None:
    """Creates a pipeline.

    Raises:
        CompileError: There is one of this name already, or it has a mistake.
    """
    made = _Made.of(path, engine)
    if any(each.pipeline_name == made.name for each in registry.registered(engine)):
        raise CompileError(
            f"tfx: the pipeline {made.name!r} exists already. Change it with: tfx pipeline update "
            f"--engine={engine} --pipeline_path={path}"
        )
    made.note(engine)
    click.echo(f"Pipeline {made.name!r} created for {engine}.")


def update(path: str, engine: Engine) -> None:
    """Notes and compiles a pipeline again.

    Raises:
        CompileError: It was not created, or it has a mistake.
    """
    made = _Made.of(path, engine)
    registry.find(made.name, engine)
    made.note(engine)
    click.echo(f"Pipeline {made.name!r} updated for {engine}.")


def compile_only(path: str, engine: Engine) -> None:
    """Compiles a pipeline, and writes it into the current directory if it is for a service.

    Raises:
        CompileError: It has a mistake.
    """
    made = _Made.of(path, engine)
    if engine == "local":
        click.echo(f"Pipeline {made.name!r} compiled.")
        return
    file = Path(f"{made.name}.{_SUFFIXES[engine]}")
    made.compiled.write(file)
    click.echo(f"Pipeline {made.name!r} compiled: {file}.")


def show(engine: Engine | None) -> None:
    """Prints the names of the pipelines."""
    for each in registry.ENGINES:
        for pipeline in registry.registered(each) if engine in (None, each) else ():
            click.echo(pipeline.pipeline_name if engine else f"{pipeline.pipeline_name} ({each})")


def delete(name: str, engine: Engine | None) -> None:
    """Forgets a pipeline."""
    found, _ = registry.find(name, engine)
    registry.remove(found, name)
    click.echo(f"Pipeline {name!r} deleted. Its runs stay.")


_SUFFIXES = {"local": "json", "kubeflow": "yaml", "vertex": "json"}


class _Made:
    """A pipeline that was read and compiled."""

    def __init__(self, registered: NotedPipeline, compiled: Any) -> None:
        self.name = registered.pipeline_name
        self.registered = registered
        self.compiled = compiled

    @classmethod
    def of(cls, path: str, engine: Engine) -> "_Made":
        """Reads and compiles the pipeline of a file."""
        # Imported late: `tfx --help` needs none of these.
        from headrace.compilation.compiler import compile_for
        from headrace.frontend import loading
        from headrace.profiles.profile import read_profile

        read, source = loading.load_tfx(path, command="tfx pipeline")
        compiled = compile_for(source, engine, read_profile())
        for note in compiled.notes:
            click.echo(note, err=True)
        registered = NotedPipeline(
            pipeline_name=read.pipeline.pipeline_name,
            pipeline_path=str(loading.file_of(path)),
            pipeline_root=str(Path(source.defaults.root).resolve()) if source.defaults.root else "",
        )
        return cls(registered, compiled)

    def note(self, engine: Engine) -> None:
        registry.register(engine, self.registered)
        self.compiled.write(registry.directory(engine, self.name) / f"pipeline.{_SUFFIXES[engine]}")
