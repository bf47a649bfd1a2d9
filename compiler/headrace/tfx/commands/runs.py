"""`tfx run`: each command calls the one of `headrace` that does the same."""

from collections.abc import Sequence

from headrace.errors import CompileError
from headrace.profiles.profile import read_profile
from headrace.targets.local.shared.options import DEFAULT_ROOT
from headrace.tfx.commands import registry
from headrace.tfx.commands.calling import headrace, options
from headrace.tfx.commands.registry import Engine


def create(
    name: str, engine: Engine | None, parameters: Sequence[str], project: str, region: str
) -> int:
    """Runs a pipeline, on this machine to its end, and returns the exit code.

    Raises:
        CompileError: There is no such pipeline, or its service has other settings than these.
    """
    found, pipeline = registry.find(name, engine)
    file = f"{pipeline.pipeline_path}:{name}"
    given = options(parameter=[_assignment(each) for each in parameters])
    if found == "local":
        return headrace("run", file, *given)
    if found == "vertex":
        _check_settings(project=project, region=region)
    return headrace("submit", file, *options(target=found), "--no-wait", *given)


def show(name: str, engine: Engine | None) -> int:
    """Lists the runs of a pipeline, or of its service."""
    found, pipeline = registry.find(name, engine)
    if found == "local":
        return headrace("lineage", "runs", "--root", pipeline.pipeline_root or DEFAULT_ROOT)
    return headrace("runs", "list", *options(target=found))


def status(name: str, run: str, engine: Engine | None) -> int:
    """Shows a run."""
    found, pipeline = registry.find(name, engine)
    if found == "local":
        return headrace("lineage", "run", run, "--root", pipeline.pipeline_root or DEFAULT_ROOT)
    return headrace("runs", "show", run, *options(target=found))


def terminate(run: str, engine: Engine | None) -> int:
    """Cancels a run on a service."""
    return headrace("runs", "cancel", run, *options(target=_service(engine, "terminate")))


def delete(run: str, engine: Engine | None) -> int:
    """Deletes a run on a service."""
    return headrace("runs", "delete", run, *options(target=_service(engine, "delete")))


def _service(engine: Engine | None, command: str) -> Engine:
    if engine in ("kubeflow", "vertex"):
        return engine
    raise CompileError(
        f"tfx run {command}: --engine is {engine or 'auto'}, expected kubeflow or vertex: a run on "
        "this machine ends with its command. Name the service."
    )


def _assignment(text: str) -> str:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CompileError(
            f"tfx run create: --runtime_parameter is {text!r}, expected name=value. Write both."
        )
    return f"{name.replace('-', '_')}={value}"


def _check_settings(**given: str) -> None:
    """Refuses a project or a region that is not the profile's, which the run would use."""
    from headrace.target_registry import settings_class

    table = read_profile().table_of(settings_class("vertex"))
    for name, value in given.items():
        if value and value != getattr(table, name):
            raise CompileError(
                f"tfx run create: --{name} is {value!r}, but [vertex] {name} of headrace.toml is "
                f'{getattr(table, name)!r}. Write {name} = "{value}" there.'
            )
