"""`tfx run`: each command calls the one of `headrace` that does the same."""

import glob
from collections.abc import Sequence
from pathlib import Path

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
    return headrace("runs", "list", *_place(found, pipeline.pipeline_root))


def status(name: str, run: str, engine: Engine | None) -> int:
    """Shows a run."""
    found, pipeline = registry.find(name, engine)
    return headrace("runs", "show", run, *_place(found, pipeline.pipeline_root))


def terminate(run: str, engine: Engine | None) -> int:
    """Cancels a run."""
    return headrace("runs", "cancel", run, *_place_of(run, engine))


def delete(run: str, engine: Engine | None) -> int:
    """Deletes a run that has ended."""
    return headrace("runs", "delete", run, *_place_of(run, engine))


def _place(engine: Engine, root: str) -> Sequence[str]:
    """Returns the options for where the runs of a pipeline are."""
    return options(root=root or DEFAULT_ROOT) if engine == "local" else options(target=engine)


def _place_of(run: str, engine: Engine | None) -> Sequence[str]:
    """Returns the options for where a run is.

    Raises:
        CompileError: It is not on this machine, and the author does not say on which service.
    """
    if engine in ("kubeflow", "vertex"):
        return _place(engine, "")
    roots = [each.pipeline_root or DEFAULT_ROOT for each in registry.registered("local")]
    for root in roots:
        if run and any(Path(root).glob(f"*/{glob.escape(run)}")):
            return _place("local", root)
    raise CompileError(
        f"tfx run: there is no run {run!r} on this machine below {sorted(set(roots))}. Correct "
        "--run_id, or name its service with --engine=kubeflow or --engine=vertex."
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
