"""A typed view of the IR, for code that reads a pipeline and does not change it.

`specs` interprets messages of the IR, and passes call it with plain data; the properties here call
the same functions.

The IR is kfp's `PipelineSpec` message in protojson (kfp-pipeline-spec, `pipeline_spec.proto`), read
as a plain dict: no protobuf is needed, and specs of all kfp versions from 2.13 to 2.17 work.
"""

import graphlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from headrace.ir import specs


@dataclass(frozen=True, kw_only=True)
class ComponentSpec:
    """A component of the spec: a DAG, a container or an importer.

    Attributes:
        name: Its name in the pipeline's source, such as `csv_example_gen` or `condition-1`.
        body: The `ComponentSpec` message.
        executor: Its executor; empty for a DAG.
    """

    name: str
    body: Mapping[str, Any]
    executor: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_dag(self) -> bool:
        """Whether it contains tasks."""
        return "dag" in self.body

    @property
    def input_parameters(self) -> Mapping[str, Any]:
        """`ParameterSpec` messages by name."""
        return specs.parameters(self.body)

    @property
    def input_artifacts(self) -> Mapping[str, Any]:
        """`ArtifactSpec` messages by name."""
        return specs.artifacts(self.body)

    @property
    def output_parameters(self) -> Mapping[str, Any]:
        """`ParameterSpec` messages by name."""
        return specs.output_parameters(self.body)

    @property
    def output_artifacts(self) -> Mapping[str, Any]:
        """`ArtifactSpec` messages by name."""
        return specs.output_artifacts(self.body)

    @property
    def dag_outputs(self) -> Mapping[str, Any]:
        """The selectors that make a DAG's outputs of its tasks' outputs."""
        return specs.dag_outputs(self.body)

    @property
    def container(self) -> Mapping[str, Any]:
        """The container that runs it; empty if there is none."""
        found: Mapping[str, Any] = self.executor.get("container", {})
        return found

    @property
    def headrace_name(self) -> str | None:
        """Name of the component in Headrace's catalogue, or None for a foreign one."""
        return specs.headrace_component(self.container)

    @property
    def is_python(self) -> bool:
        """Whether it is a Python component, run by kfp's own executor."""
        return specs.is_python_component(self.container)

    def retried(self, policy: Mapping[str, Any]) -> "ComponentSpec":
        """Returns the DAG with a `RetryPolicy` message for those of its tasks that have none.

        Kubeflow does the same with the policy of a sub-pipeline, which is not tried again as a
        whole.
        """
        tasks = {
            name: {"retryPolicy": policy, **task}
            for name, task in specs.dag_tasks(self.body).items()
        }
        return replace(self, body={**self.body, "dag": {**self.body["dag"], "tasks": tasks}})

    @cached_property
    def tasks(self) -> Mapping[str, "TaskSpec"]:
        """The tasks of a DAG, each after those it depends on."""
        tasks = {
            name: TaskSpec(name=name, body=body)
            for name, body in specs.dag_tasks(self.body).items()
        }
        # The validation has shown that all of them exist, and that none waits for itself.
        order = graphlib.TopologicalSorter({n: t.upstream for n, t in tasks.items()})
        return {name: tasks[name] for name in order.static_order()}


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """One use of a component in a DAG.

    Attributes:
        name: Its key in the DAG.
        body: The `PipelineTaskSpec` message.
    """

    name: str
    body: Mapping[str, Any]

    @property
    def component(self) -> str:
        """Key of the component among the spec's components."""
        return str(self.body["componentRef"]["name"])

    @property
    def display_name(self) -> str:
        """The name that its author gave it for people; empty without one."""
        name = str(self.body.get("taskInfo", {}).get("name", ""))
        return "" if name == self.name else name

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The source of each input parameter."""
        return specs.parameter_inputs(self.body)

    @property
    def artifacts(self) -> Mapping[str, Any]:
        """The source of each input artifact."""
        return specs.artifact_inputs(self.body)

    @cached_property
    def upstream(self) -> tuple[str, ...]:
        """The tasks of the same DAG that must have ended before."""
        return specs.upstream(self.body)

    @property
    def runs_after_failure(self) -> bool:
        """Whether it runs even if the tasks before it failed, like exit tasks."""
        strategy = self.body.get("triggerPolicy", {}).get("strategy")
        return bool(strategy == "ALL_UPSTREAM_TASKS_COMPLETED")

    @property
    def condition(self) -> str:
        """The CEL expression under which it runs; empty for always."""
        return str(self.body.get("triggerPolicy", {}).get("condition", ""))

    @property
    def iterator(self) -> Mapping[str, Any] | None:
        """The message of a loop: `ParameterIteratorSpec` or `ArtifactIteratorSpec`."""
        return self.body.get("parameterIterator") or self.body.get("artifactIterator")

    @property
    def is_over_artifacts(self) -> bool:
        """Whether it is a loop over a list of artifacts."""
        return "artifactIterator" in self.body

    @property
    def parallelism_limit(self) -> int:
        """The maximum number of iterations at the same time; 0 for no limit."""
        return int(self.body.get("iteratorPolicy", {}).get("parallelismLimit", 0))

    @property
    def may_be_cached(self) -> bool:
        """Whether the author left caching turned on."""
        return bool(self.body.get("cachingOptions", {}).get("enableCache", False))

    @property
    def cache_key(self) -> str:
        """The author's own addition to the cache key."""
        return str(self.body.get("cachingOptions", {}).get("cacheKey", ""))

    @property
    def retry(self) -> "RetryPolicy":
        """When to try again."""
        policy = self.body.get("retryPolicy", {})
        return RetryPolicy(
            max_retries=int(policy.get("maxRetryCount", 0)),
            backoff_seconds=_seconds(policy.get("backoffDuration", "0s")),
            backoff_factor=float(policy.get("backoffFactor", 2.0)),
            backoff_max_seconds=_seconds(policy.get("backoffMaxDuration", "3600s")),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How often a failed task is tried again, and after what pause."""

    max_retries: int
    backoff_seconds: float
    backoff_factor: float
    backoff_max_seconds: float

    def pause_seconds(self, attempt: int) -> float:
        """Returns the pause after attempt number `attempt`, the first being 0."""
        return min(self.backoff_seconds * self.backoff_factor**attempt, self.backoff_max_seconds)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A whole pipeline, which is sound: `headrace.ir.validation` has checked it.

    Attributes:
        body: The `PipelineSpec` message.
    """

    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return specs.pipeline_name(self.body)

    @property
    def author_name(self) -> str:
        """The name as its author writes it: `penguin_local` for `penguin-local`.

        A display name that is more than another spelling is not a name: several pipelines may
        have it.
        """
        shown = str(self.body["pipelineInfo"].get("displayName", ""))
        return shown if _letters(shown) == _letters(self.name) else self.name

    @cached_property
    def root(self) -> ComponentSpec:
        """The outermost DAG."""
        return ComponentSpec(name=self.name, body=self.body["root"])

    def component(self, key: str) -> ComponentSpec:
        """Returns the component that a task names."""
        body = self.body["components"][key]
        return ComponentSpec(
            name=key.removeprefix("comp-"),
            body=body,
            executor=specs.executors(self.body).get(body.get("executorLabel"), {}),
        )

    def leaves(self) -> Iterator[tuple[tuple[str, ...], TaskSpec]]:
        """Yields every task that is not a DAG, with its path, in a possible order of execution.

        A loop's tasks come once, with `*` for the number of the iteration.
        """
        yield from self._leaves(self.root, ())

    def headrace_names(self) -> list[str]:
        """Returns the names of the components of Headrace, in an order in which they may run."""
        names = [self.component(task.component).headrace_name for _, task in self.leaves()]
        return list(dict.fromkeys(name for name in names if name))

    @property
    def uses_workspace(self) -> bool:
        """Whether a task reads or writes the directory that tasks of a run may share."""
        return any(
            executor.get("importer", {}).get("downloadToWorkspace")
            for executor in specs.executors(self.body).values()
        ) or specs.WORKSPACE_PATH in specs.canonical_json(self.body)

    def _leaves(
        self, dag: ComponentSpec, path: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], TaskSpec]]:
        for name, task in dag.tasks.items():
            component = self.component(task.component)
            here = (*path, name, "*") if task.iterator else (*path, name)
            if component.is_dag:
                yield from self._leaves(component, here)
            else:
                yield here, task


def artifact_type(definition: Mapping[str, Any]) -> str:
    """Returns the schema title of an `ArtifactSpec`, such as `tfx.Examples`."""
    kind = definition.get("artifactType", definition)
    if "schemaTitle" in kind:
        return str(kind["schemaTitle"])
    title = re.search(r"^title:\s*(\S+)", kind.get("instanceSchema", ""), re.MULTILINE)
    return title[1] if title else "system.Artifact"


def _letters(name: str) -> str:
    # What kfp keeps of a name.
    return re.sub("[^0-9a-z]", "", name.lower()) if name.isprintable() else ""


def _seconds(duration: str) -> float:
    return float(str(duration).removesuffix("s"))
