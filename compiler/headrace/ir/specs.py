"""Reading a compiled pipeline: KFP's PipelineSpec as plain JSON data.

This module has no rules of Headrace. The format is `PipelineSpec` of kfp-pipeline-spec
(`pipeline_spec.proto`) in protojson form, schema version 2.1.0.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.image_names import IMAGE_PREFIX

Spec = dict[str, Any]

ROOT = "root"

# The placeholder for the directory that tasks of a run may share: kfp's
# dsl.WORKSPACE_PATH_PLACEHOLDER.
WORKSPACE_PATH = "{{$.workspace_path}}"

_MODULE_PREFIX = "headrace_components."
_INPUT_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskNode:
    """One task and its place in the pipeline.

    Attributes:
        path: Names of the tasks from the root down to this one, such as
            `("for-loop-1", "trainer")`.
        dag: Name of the component whose DAG contains the task; `ROOT` for the pipeline itself.
        task: The task itself, not a copy.
        component: The component that the task runs, not a copy.
        executor: The executor of the component, not a copy; empty if the component is a DAG.
        enclosing: The component whose DAG contains the task, not a copy.
        parent: The task that runs that DAG; None in the root.
    """

    path: tuple[str, ...]
    dag: str
    task: dict[str, Any]
    component: dict[str, Any]
    executor: dict[str, Any]
    enclosing: dict[str, Any]
    parent: "TaskNode | None" = None

    @property
    def label(self) -> str:
        """The path in messages, such as `for-loop-1/trainer`."""
        return "/".join(self.path)

    @property
    def container(self) -> dict[str, Any]:
        """The container that runs the component; empty if there is none."""
        found: dict[str, Any] = self.executor.get("container", {})
        return found

    @property
    def headrace_name(self) -> str | None:
        """Name of the component in Headrace's catalogue, or None for a foreign one."""
        return headrace_component(self.container)

    @property
    def name(self) -> str:
        """Name of the task within its DAG."""
        return self.path[-1]


def tasks(spec: Mapping[str, Any]) -> Iterator[TaskNode]:
    """Yields every task of the pipeline, a DAG's task before the tasks inside it.

    A DAG that two tasks run is walked twice, once per path.
    """
    yield from _tasks(spec, ROOT, spec["root"], None)


def _tasks(
    spec: Mapping[str, Any], dag: str, enclosing: dict[str, Any], parent: TaskNode | None
) -> Iterator[TaskNode]:
    prefix = parent.path if parent else ()
    for name, task in sorted(dag_tasks(enclosing).items()):
        reference = task["componentRef"]["name"]
        node = TaskNode(
            path=(*prefix, name),
            dag=dag,
            task=task,
            component=spec["components"][reference],
            executor=executor_of(spec, spec["components"][reference]),
            enclosing=enclosing,
            parent=parent,
        )
        yield node
        yield from _tasks(spec, reference, node.component, node)


def component_of(spec: Mapping[str, Any], dag: str) -> dict[str, Any]:
    """Returns the component named `dag`, or the pipeline itself for `ROOT`."""
    found: dict[str, Any] = spec["root"] if dag == ROOT else spec["components"][dag]
    return found


def component_of_task(spec: Mapping[str, Any], task: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the component that a task runs."""
    found: dict[str, Any] = spec["components"][task["componentRef"]["name"]]
    return found


def executors(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the executors by label."""
    found: dict[str, Any] = spec.get("deploymentSpec", {}).get("executors", {})
    return found


def executor_of(spec: Mapping[str, Any], component: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the executor that runs `component`, or an empty dict if it is a DAG."""
    label = component.get("executorLabel")
    found: dict[str, Any] = executors(spec)[label] if label else {}
    return found


def headrace_component(container: Mapping[str, Any]) -> str | None:
    """Returns the name of the Headrace component that a container runs, or None for others.

    The command decides and not the image, because authors may run a component in their own image.
    """
    command = container.get("command", [])
    if len(command) == 3 and command[1] == "-m" and command[2].startswith(_MODULE_PREFIX):
        name: str = command[2].removeprefix(_MODULE_PREFIX)
        return name if name.isidentifier() else None
    return None


def is_python_component(container: Mapping[str, Any]) -> bool:
    """Returns whether kfp's own executor runs this, a lightweight or containerized component.

    kfp gives each the same arguments; the command depends on packages and on the version of kfp.
    """
    words = [*container.get("command", []), *container.get("args", [])]
    starts = [at for at, word in enumerate(words[:-2]) if word == "--executor_input"]
    return any(words[at + 1 : at + 3] == ["{{$}}", "--function_to_execute"] for at in starts)


def logical_image(container: Mapping[str, Any]) -> str | None:
    """Returns the name of the Headrace image that a container asks for, or None for others."""
    image: str = container.get("image", "")
    return image.removeprefix(IMAGE_PREFIX) if image.startswith(IMAGE_PREFIX) else None


def parameters(component: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the definitions of the input parameters of a component by name."""
    found: dict[str, Any] = component.get("inputDefinitions", {}).get("parameters", {})
    return found


def artifacts(component: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the definitions of the input artifacts of a component by name."""
    found: dict[str, Any] = component.get("inputDefinitions", {}).get("artifacts", {})
    return found


def dag_tasks(component: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the tasks of a component by name; empty if it is not a DAG."""
    found: dict[str, Any] = component.get("dag", {}).get("tasks", {})
    return found


def dag_outputs(component: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the selectors that make a DAG's outputs of its tasks' outputs."""
    found: dict[str, Any] = component.get("dag", {}).get("outputs", {})
    return found


def output_parameters(component: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the definitions of the output parameters of a component by name."""
    found: dict[str, Any] = component.get("outputDefinitions", {}).get("parameters", {})
    return found


def output_artifacts(component: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the definitions of the output artifacts of a component by name."""
    found: dict[str, Any] = component.get("outputDefinitions", {}).get("artifacts", {})
    return found


def parameter_inputs(task: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sources of a task's parameters, by name."""
    found: dict[str, Any] = task.get("inputs", {}).get("parameters", {})
    return found


def artifact_inputs(task: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sources of a task's artifacts, by name."""
    found: dict[str, Any] = task.get("inputs", {}).get("artifacts", {})
    return found


def upstream(task: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the names of the tasks of the same DAG that must have ended before a task."""
    sources = (*parameter_inputs(task).values(), *artifact_inputs(task).values())
    producers = [
        source[kind]["producerTask"]
        for source in sources
        for kind in ("taskOutputParameter", "taskOutputArtifact", "taskFinalStatus")
        if kind in source
    ]
    return tuple(dict.fromkeys([*task.get("dependentTasks", ()), *producers]))


def constant(source: Mapping[str, Any]) -> Any:
    """Returns the value of a parameter input that is a constant, else None."""
    return source.get("runtimeValue", {}).get("constant")


def referenced_parameters(text: str) -> list[str]:
    """Returns the names of the input parameters whose placeholders are in `text`."""
    return _INPUT_PLACEHOLDER.findall(text)


def pipeline_name(spec: Mapping[str, Any]) -> str:
    """Returns the pipeline's name."""
    name: str = spec["pipelineInfo"]["name"]
    return name


def copy(value: Any) -> Any:
    """Returns a deep copy of JSON data, faster than `copy.deepcopy` does it."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item) for item in value]
    return value


def canonical_json(value: Any) -> str:
    """Returns `value` as indented JSON with sorted keys and a final newline.

    The same data gives the same text on every machine.
    """
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
