"""Checks that all that a compiled pipeline names is there, and that its parts fit together."""

import difflib
import graphlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from headrace.ir import specs
from headrace.ir.validation.names import check_name, check_output_name, check_path
from headrace.ir.validation.structure import place, shortened
from headrace_components.contract.errors import InputError
from headrace_components.contract.templates import INPUT_PREFIX, TEMPLATES_INPUT

MAX_DAG_DEPTH = 50
"""The maximum depth of sub-pipelines, including those that kfp makes from If and ParallelFor."""

MAX_TASKS = 10_000
"""The maximum number of tasks; those of a sub-pipeline count once for each task that runs it."""

_Place = tuple[str, ...]


def check_references(spec: Mapping[str, Any], where: str) -> None:
    """Refuses a pipeline that refers to something missing, or that would never end.

    Args:
        spec: The data of a `PipelineSpec`, which `check_structure` found sound.
        where: The beginning of messages.

    Raises:
        InputError: A name cannot be the name of a file, a reference is missing, tasks wait for each
            other, or sub-pipelines contain each other or are too many.
    """
    check_name(specs.pipeline_name(spec), "the pipeline, in pipelineInfo.name,", where)
    if "dag" not in spec["root"]:
        raise InputError(
            f"{where}: root lacks `dag`, the tasks of the pipeline. Compile the pipeline again."
        )
    checker = _Checker(spec, where)
    for key, component in spec.get("components", {}).items():
        checker.component(component, ("components", key))
    checker.component(spec["root"], ("root",))
    checker.nesting()
    for path in checker.leaves():
        check_path(path, where)


class _Checker:
    def __init__(self, spec: Mapping[str, Any], where: str) -> None:
        self._spec = spec
        self._where = where
        self._components: Mapping[str, Any] = spec.get("components", {})

    def component(self, component: Mapping[str, Any], at: _Place) -> None:
        """Checks one component, and the tasks in it if it is a DAG."""
        outputs = component.get("outputDefinitions", {})
        for kind, noun in (("artifacts", "artifact"), ("parameters", "parameter")):
            for name in outputs.get(kind, {}):
                what = f"an output {noun} of {place(at)}"
                check_output_name(name, what, self._where)
        if "executorLabel" in component:
            executors = specs.executors(self._spec)
            self._known(component["executorLabel"], executors, "executor", (*at, "executorLabel"))
            executor = executors[component["executorLabel"]]
            if "importer" in executor:
                self._importer(executor["importer"], component)
            return
        tasks = component["dag"].get("tasks", {})
        for name, task in tasks.items():
            here = (*at, "dag", "tasks", name)
            check_name(name, f"a task of {place(at)}", self._where)
            self._known(
                task["componentRef"]["name"], self._components, "component", (*here, "componentRef")
            )
        for name, task in tasks.items():
            self._task(task, component, (*at, "dag", "tasks", name))
        self._outputs(component, (*at, "dag", "outputs"))
        self._order(tasks, at)

    def _task(self, task: Mapping[str, Any], enclosing: Mapping[str, Any], at: _Place) -> None:
        tasks = enclosing["dag"]["tasks"]
        for number, before in enumerate(task.get("dependentTasks", [])):
            self._known(before, tasks, "task", (*at, "dependentTasks", f"[{number}]"))
        for port, source in specs.parameter_inputs(task).items():
            here = (*at, "inputs", "parameters", port)
            if "taskOutputParameter" in source:
                output = source["taskOutputParameter"]
                self._output(
                    tasks, output["producerTask"], "parameters", output["outputParameterKey"], here
                )
            if "taskFinalStatus" in source:
                self._known(source["taskFinalStatus"]["producerTask"], tasks, "task", here)
            if "runtimeValue" in source and "constant" not in source["runtimeValue"]:
                raise InputError(
                    f"{self._where}: {place(here)}.runtimeValue has "
                    f"{sorted(source['runtimeValue'])}, expected `constant`. Compile the pipeline "
                    "again with kfp 2.13 to 2.17."
                )
        for port, source in specs.artifact_inputs(task).items():
            here = (*at, "inputs", "artifacts", port)
            if "taskOutputArtifact" in source:
                output = source["taskOutputArtifact"]
                self._output(
                    tasks, output["producerTask"], "artifacts", output["outputArtifactKey"], here
                )
            else:
                self._known(
                    source["componentInputArtifact"], specs.artifacts(enclosing), "input", here
                )
        if TEMPLATES_INPUT in specs.parameter_inputs(task):
            self._templates(task, (*at, "inputs", "parameters", TEMPLATES_INPUT))
        if "parameterIterator" in task:
            self._loop(task, (*at, "parameterIterator"))
        if "artifactIterator" in task:
            over = task["artifactIterator"]["items"]["inputArtifact"]
            self._known(over, specs.artifact_inputs(task), "input", (*at, "artifactIterator"))
        limit = task.get("iteratorPolicy", {}).get("parallelismLimit", 0)
        if float(limit) < 0:
            raise InputError(
                f"{self._where}: {place(at)}.iteratorPolicy.parallelismLimit is {limit}, expected "
                "0 for no limit, or more. Correct it there."
            )

    def _templates(self, task: Mapping[str, Any], at: _Place) -> None:
        kinds = specs.constant(specs.parameter_inputs(task)[TEMPLATES_INPUT])
        if not isinstance(kinds, dict) or not all(isinstance(each, str) for each in kinds.values()):
            raise InputError(
                f"{self._where}: {place(at)} is {shortened(json.dumps(kinds))}, expected an object "
                "with the types of parameters by name. Compile the pipeline again."
            )
        for name in kinds:
            self._known(name, specs.parameter_inputs(task), "parameter", at)

    def _loop(self, task: Mapping[str, Any], at: _Place) -> None:
        items = task["parameterIterator"]["items"]
        if "inputParameter" in items:
            self._known(items["inputParameter"], specs.parameter_inputs(task), "input", at)
            return
        try:
            is_list = isinstance(json.loads(items["raw"]), list)
        except (ValueError, RecursionError):
            is_list = False
        if not is_list:
            raise InputError(
                f"{self._where}: {place(at)}.items.raw is {shortened(items['raw'])!r}, expected a "
                "list as JSON. Correct it there, or compile the pipeline again."
            )

    def _importer(self, importer: Mapping[str, Any], component: Mapping[str, Any]) -> None:
        at = ("deploymentSpec", "executors", component["executorLabel"], "importer", "artifactUri")
        uri = importer["artifactUri"]
        if "runtimeParameter" in uri:
            self._known(uri["runtimeParameter"], specs.parameters(component), "input", at)
        elif not isinstance(uri.get("constant"), str):
            raise InputError(
                f"{self._where}: {place(at)} is {json.dumps(uri)[:80]}, expected `constant` with a "
                "text, or `runtimeParameter`. Compile the pipeline again with kfp 2.13 to 2.17."
            )

    def _outputs(self, component: Mapping[str, Any], at: _Place) -> None:
        dag = component["dag"]
        tasks = dag.get("tasks", {})
        for name, source in dag.get("outputs", {}).get("parameters", {}).items():
            one = source.get("valueFromParameter")
            selectors = [one] if one else source["valueFromOneof"]["parameterSelectors"]
            for selector in selectors:
                self._output(
                    tasks,
                    selector["producerSubtask"],
                    "parameters",
                    selector["outputParameterKey"],
                    (*at, "parameters", name),
                )
        for name, source in dag.get("outputs", {}).get("artifacts", {}).items():
            for selector in source.get("artifactSelectors", []):
                self._output(
                    tasks,
                    selector["producerSubtask"],
                    "artifacts",
                    selector["outputArtifactKey"],
                    (*at, "artifacts", name),
                )

    def _output(
        self, tasks: Mapping[str, Any], producer: str, kind: str, key: str, at: _Place
    ) -> None:
        self._known(producer, tasks, "task", at)
        component = self._components[tasks[producer]["componentRef"]["name"]]
        outputs = component.get("outputDefinitions", {}).get(kind, {})
        if at[-1].startswith(INPUT_PREFIX):
            # kfp makes this from an artifact in a list or a dict. The lint says what to write
            # instead.
            outputs = {**specs.output_artifacts(component), **outputs}
        self._known(key, outputs, f"output of `{producer}` named", at)

    def _order(self, tasks: Mapping[str, Any], at: _Place) -> None:
        before = {
            name: [each for each in specs.upstream(task) if each in tasks]
            for name, task in tasks.items()
        }
        try:
            graphlib.TopologicalSorter(before).prepare()
        except graphlib.CycleError as error:
            raise InputError(
                f"{self._where}: in {place(at)}, tasks wait for each other: {error.args[1]}. "
                "Remove one `after`."
            ) from error

    def nesting(self) -> None:
        """Checks that sub-pipelines have an end, by their names and so in no time."""
        inside = {
            key: list(dict.fromkeys(self._references(component)))
            for key, component in self._components.items()
        }
        try:
            order = list(graphlib.TopologicalSorter(inside).static_order())
        except graphlib.CycleError as error:
            raise InputError(
                f"{self._where}: the components {error.args[1]} contain each other, so the "
                "pipeline has no end. Compile the pipeline again."
            ) from error
        depths: dict[str, int] = {}
        counts: dict[str, int] = {}
        for key in order:
            depths[key] = 1 + max((depths[each] for each in inside[key]), default=0)
            counts[key] = self._count(self._components[key], counts)
        depth = 1 + max((depths[each] for each in self._references(self._spec["root"])), default=0)
        if depth > MAX_DAG_DEPTH:
            raise InputError(
                f"{self._where}: sub-pipelines are nested {depth} deep, expected at most "
                f"{MAX_DAG_DEPTH}. Nest them less."
            )
        count = self._count(self._spec["root"], counts)
        if count > MAX_TASKS:
            raise InputError(
                f"{self._where}: the pipeline has {count:,} tasks, those of a sub-pipeline counted "
                f"wherever it runs, expected at most {MAX_TASKS:,}. Use dsl.ParallelFor, or "
                "divide it."
            )

    def _references(self, component: Mapping[str, Any]) -> list[str]:
        tasks = specs.dag_tasks(component)
        return [task["componentRef"]["name"] for task in tasks.values()]

    def _count(self, component: Mapping[str, Any], counts: Mapping[str, int]) -> int:
        if "dag" not in component:
            return 1
        return 1 + sum(counts[each] for each in self._references(component))

    def leaves(self) -> Iterator[_Place]:
        """Yields the paths of all tasks, with `*` for the number of an iteration."""
        waiting: list[tuple[_Place, Mapping[str, Any]]] = [((), self._spec["root"])]
        while waiting:
            path, component = waiting.pop()
            for name, task in specs.dag_tasks(component).items():
                is_loop = "parameterIterator" in task or "artifactIterator" in task
                here = (*path, name, "*") if is_loop else (*path, name)
                yield here
                waiting.append((here, self._components[task["componentRef"]["name"]]))

    def _known(self, name: str, known: Collection[str], what: str, at: _Place) -> None:
        if name in known:
            return
        near = difflib.get_close_matches(name, known, n=1)
        advice = f"Did you mean {near[0]!r}?" if near else "Compile the pipeline again."
        names = [shortened(each, 40) for each in sorted(known)]
        shown = f"{names}" if len(names) <= 10 else f"{names[:10]} and {len(names) - 10} more"
        raise InputError(
            f"{self._where}: the pipeline has no {what} {shortened(name, 60)!r}, which "
            f"{place(at)} names; it has {shown}. {advice}"
        )
