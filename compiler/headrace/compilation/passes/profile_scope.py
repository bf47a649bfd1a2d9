"""The part of a profile that applies to a pipeline, if the profile has several pipelines.

One profile serves several pipelines. So entries for parameters and tasks that a pipeline does not
have are ignored, with a note. A name that is very similar to one of the pipeline's is most likely
misspelt, and refused.
"""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from headrace.contract.target import Target
from headrace.errors import CompileError
from headrace.ir import run_parameters, specs
from headrace.ir.view import ComponentSpec
from headrace.profiles.profile import Profile
from headrace.profiles.tables import toml_key
from headrace.profiles.target_settings import TargetSettings
from headrace.profiles.tasks import TaskTables


def profile_parameters(spec: Mapping[str, Any], target: Target, profile: Profile) -> dict[str, Any]:
    """Returns the values that a profile gives run parameters of this pipeline, by name.

    Args:
        spec: The pipeline.
        target: Where it is to run.
        profile: It has, for example, [kubeflow.parameters] for all pipelines, and
            [kubeflow.pipeline_parameters.NAME] for the one with the name NAME.

    Raises:
        CompileError: The pipeline does not have a parameter, and the profile most likely means this
            pipeline.
        InputError: A value is not of its parameter's type, or a pipeline cannot carry it.
    """
    settings = target.settings(profile) or TargetSettings()
    pipeline = specs.pipeline_name(spec)
    known = specs.parameters(spec["root"])
    own = settings.pipeline_parameters.get(pipeline, {})
    table = own_table(target, pipeline)
    for name in own:
        if name not in known:
            near = nearest(name, known, own)
            advice = f"Did you mean `{near}`?" if near else "Remove it."
            raise CompileError(
                f"{profile.source}: {table} has `{name}`, but the parameters of pipeline "
                f"{pipeline!r} are {sorted(known)}. {advice}"
            )
    for name in settings.parameters:
        near = nearest(name, known, {**settings.parameters, **own})
        if name not in known and near:
            raise CompileError(
                f"{profile.source}: [{target.name}.parameters] has `{name}`, but the parameters of "
                f"pipeline {pipeline!r} are {sorted(known)}. Did you mean `{near}`? If it is of "
                f"another pipeline, write it in {own_table(target, 'NAME')} with that pipeline's "
                "name."
            )
    shared = {name: value for name, value in settings.parameters.items() if name in known}
    values = {**shared, **own}
    root = ComponentSpec(name=pipeline, body=spec["root"])
    run_parameters.check_given(values, root, f"{profile.source}: [{target.name}]")
    return values


def own_table(target: Target, pipeline: str) -> str:
    """Returns the header of the table of one pipeline's parameters."""
    return f"[{target.name}.pipeline_parameters.{toml_key(pipeline)}]"


def passed_over(spec: Mapping[str, Any], target: Target, profile: Profile) -> list[str]:
    """Returns a line for each table with names that this pipeline does not have.

    On this machine only images of tasks have an effect, if they run in containers.
    """
    pipeline = specs.pipeline_name(spec)
    tasks = [node.path for node in specs.tasks(spec) if node.container]
    tables = {"images.tasks": _without_task(profile.images.tasks, tasks)}
    settings = target.settings(profile)
    if settings is not None:
        known = specs.parameters(spec["root"])
        of_target = profile.target_tasks.get(target.name, TaskTables())
        tables |= {
            f"{target.name}.parameters": [
                each for each in settings.parameters if each not in known
            ],
            "tasks": _without_task(profile.tasks.tasks, tasks),
            f"{target.name}.tasks": _without_task(of_target.tasks, tasks),
        }
    lines = [
        f"{profile.source}: [{table}] has {', '.join(f'`{name}`' for name in names)}, which "
        f"pipeline {pipeline!r} does not have; passed over."
        for table, names in tables.items()
        if names
    ]
    own = settings.pipeline_parameters if settings else {}
    near = nearest(pipeline, own, ())
    if near and near != pipeline and pipeline not in own:
        lines.append(
            f"{profile.source}: {own_table(target, near)} is not of pipeline {pipeline!r}; passed "
            "over."
        )
    return lines


def nearest(name: str, known: Collection[str], given: Collection[str]) -> str:
    """Returns the name of `known` that `name` probably means; empty if there is none.

    Names that the profile also has in their right form, in `given`, were not meant.
    """
    candidates = [each for each in known if each not in given]
    return next(iter(difflib.get_close_matches(name, candidates, n=1)), "")


def _without_task(names: Collection[str], tasks: Collection[tuple[str, ...]]) -> list[str]:
    return [
        name
        for name in names
        if not any(path[-len(name.split("/")) :] == tuple(name.split("/")) for path in tasks)
    ]
