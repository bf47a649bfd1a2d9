"""The profile's settings for each task of a pipeline."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from headrace.compilation.passes.profile_scope import nearest
from headrace.contract.target import Target
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.profiles.tables import check_names
from headrace.profiles.tasks import ScopedSettings, TaskPath, TaskSettings, TaskTables
from headrace_components.contract import declaration


def task_settings(
    spec: Mapping[str, Any], target: Target, profile: Profile
) -> dict[TaskPath, ScopedSettings]:
    """Returns the profile's settings for each task that runs in a container, by the task's path.

    At each level a target's own table, such as [vertex.tasks.trainer], takes precedence over that
    of all targets. A name in `tasks` is a task's path, such as `inner/trainer`, or the end of the
    paths of all tasks that are meant: kfp puts a task inside If or ParallelFor into a sub-pipeline
    that the author did not name.

    Raises:
        CompileError: A task is misspelt, or Headrace does not have the component.
    """
    levels = {
        "": profile.tasks,
        f"{target.name}.": profile.target_tasks.get(target.name, TaskTables()),
    }
    nodes = {node.path: node for node in specs.tasks(spec) if node.container}
    names = {path: node.headrace_name or "" for path, node in nodes.items()}
    nothing = TaskSettings()
    defaults = nothing
    own: dict[TaskPath, TaskSettings] = {}
    by_component: dict[str, TaskSettings] = {}
    for prefix, tables in levels.items():
        defaults = tables.defaults.over(defaults)
        check_components(f"{profile.source}: [{prefix}components]", tables.components)
        for name, settings in tables.components.items():
            by_component[name] = settings.over(by_component.get(name, nothing))
        where = f"{profile.source}: [{prefix}tasks]"
        # The longest names last: they mean fewer tasks.
        for name in sorted(tables.tasks, key=lambda name: name.count("/")):
            for path in named_tasks(name, list(nodes), where, tables.tasks):
                own[path] = tables.tasks[name].over(own.get(path, nothing))
    return {
        path: ScopedSettings(
            defaults=defaults,
            component=by_component.get(name, nothing),
            own=own.get(path, nothing),
        )
        for path, name in names.items()
    }


def named_tasks(
    name: str, paths: Sequence[TaskPath], where: str, given: Collection[str]
) -> Sequence[TaskPath]:
    """Returns the paths that `name` means: that very one, or else all that end with it.

    It means none if the profile is about another pipeline's task.

    Args:
        name: A task's path, or the end of it.
        paths: Those of all tasks that run in an image.
        where: The table that has the name, for messages.
        given: All names of that table.

    Raises:
        CompileError: It means none, and is a sub-pipeline or almost the name of a task.
    """
    wanted = tuple(name.split("/"))
    if wanted in paths:
        return [wanted]
    found = [path for path in paths if path[-len(wanted) :] == wanted]
    if found:
        return found
    labels = sorted("/".join(path) for path in paths)
    ends = sorted({"/".join(path[-len(wanted) :]) for path in paths})
    near = nearest(name, ends, given)
    inside = [label for label in labels if f"/{name}/" in f"/{label}"]
    if inside:
        advice = f"It is a sub-pipeline: name its tasks, for example `{inside[0]}`."
    elif near:
        advice = (
            f"Did you mean `{near}`? If it is a task of another pipeline, name `{near}` in that "
            "table as well."
        )
    else:
        return []
    raise CompileError(
        f"{where} has `{name}`, but the tasks of this pipeline that run in an image are {labels}. "
        f"{advice}"
    )


def check_components(where: str, names: Mapping[str, Any]) -> None:
    """Refuses names that are not components of Headrace.

    Raises:
        CompileError: One of `names` is not a component. The message begins with `where`.
    """
    if names:
        check_names(where, "component", names, declaration.names())
