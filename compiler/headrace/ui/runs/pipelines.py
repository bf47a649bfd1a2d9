"""The pipeline of a run, as far as it can be read."""

import functools
from collections.abc import Sequence

from headrace.contract.service import ServiceRun
from headrace.display.graph.model import ANY_ROUND, pattern_of
from headrace.ir.validation.checks import check_spec
from headrace.ir.view import ComponentSpec, Pipeline
from headrace.ui.site import Site
from headrace_components.contract.errors import ComponentError


def pipeline_of(site: Site, run: ServiceRun) -> Pipeline | None:
    """Returns the pipeline of a run; None if it is not known, or its record is damaged."""
    try:
        # A run on this machine may be resumed with other code.
        return _asked_once(site, run.id) if site.is_of_service else _asked(site, run.id)
    except ComponentError:
        return None


def _asked(site: Site, run_id: str) -> Pipeline:
    spec = site.runs().source(run_id).spec
    check_spec(spec, "its pipeline")
    return Pipeline(body=spec)


_asked_once = functools.lru_cache(maxsize=64)(_asked)


def component_at(pipeline: Pipeline, task: str) -> ComponentSpec | None:
    """Returns the component of a task that contains no others; None if there is no such task."""
    return _below(pipeline, pipeline.root, pattern_of(task).split("/"))


def _below(pipeline: Pipeline, dag: ComponentSpec, path: Sequence[str]) -> ComponentSpec | None:
    for name, task in dag.tasks.items():
        component = pipeline.component(task.component)
        # Runs may know a task by its name for people.
        names = (name,) if component.is_dag else (name, task.display_name or name)
        if path[0] in map(pattern_of, names):
            rest = path[2:] if task.iterator and path[1:2] == [ANY_ROUND] else path[1:]
            if component.is_dag:
                return _below(pipeline, component, rest) if rest else None
            return None if rest else component
    return None
