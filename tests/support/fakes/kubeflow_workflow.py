"""The Argo workflow that the backend of Kubeflow Pipelines makes of a run.

The API reports its nodes as tasks: for each task of the pipeline a driver, the task and in it an
executor; also DAGs and the parts of loops. All nodes except the group of a loop's iterations can be
retried, so each has its own node and one, `(0)`, for its first attempt. The API gives nodes its own
IDs, but lists children by Argo's IDs: attempts, inner nodes and following nodes. It does not show
which node belongs to a task, or why it failed.
Source: `backend/src/v2/compiler/argocompiler/dag.go` and `api_converter.go` of kubeflow/pipelines,
and runs of 2.17 in tests/fixtures/kubeflow_runs.
"""

import datetime
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")


def now() -> str:
    """Returns the time in the API's form."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Workflow:
    """The Argo workflow of a run.

    Attributes:
        run: The run, as the API server stores it: `_spec` is its pipeline, `_seen` the number of
            requests for it, `_workflow` the workflow's name, if it must have a certain one.
        failing: Names of tasks that fail, and of conditions that do not hold.
        failing_drivers: Names of tasks whose drivers fail.
        cached: Names of tasks whose results come from the cache.
        stuck: Names of tasks whose pods cannot start.
        pods: Names of tasks by the names of their pods, those of drivers with `-driver`.
    """

    run: Object
    failing: set[str]
    failing_drivers: set[str]
    cached: set[str]
    stuck: set[str]
    pods: dict[str, str] = field(default_factory=dict)
    _made: dict[str, Object] = field(default_factory=dict)
    _steps: int = 0

    def nodes(self) -> list[Object]:
        """Returns its nodes, in the API's form."""
        pipeline = self.run["_spec"]["pipelineInfo"]["name"]
        self._name = self.run.get("_workflow", f"{pipeline}-x7k2p")
        entry = self._node(self._name, self._name, "RUNNING", [])
        driver = self._pod(f"{entry}.root-driver", "root-driver", "SUCCEEDED", [entry])
        root = self._node(f"{entry}.root", "root", "RUNNING", [driver])
        state, _ = self._dag(root, self.run["_spec"]["root"]["dag"])
        for name in (entry, root):
            self._end(name, state)
        for each in self._made.values():
            if self.run["_is_cancelled"] and each["state"] in ("RUNNING", "PENDING"):
                each["state"] = "FAILED"
            # A node that has not ended has the epoch.
            each["end_time"] = now() if each["state"] in ENDED else "1970-01-01T00:00:00Z"
        return list(self._made.values())

    def _dag(self, within: str, dag: Object) -> tuple[str, list[str]]:
        """Makes the nodes of a DAG; returns its state, and the nodes that end it."""
        done: dict[str, tuple[str, list[str]]] = {}
        for name, task in _in_order(dag["tasks"]):
            after = task.get("dependentTasks", [])
            if any(each not in done or done[each][0] != "SUCCEEDED" for each in after):
                continue
            before = [node for each in after for node in done[each][1]] or [within]
            done[name] = self._started(within, name, task, before)
            if done[name][0] == "RUNNING":
                break
        states = [state for state, _ in done.values()]
        state = next((each for each in ("RUNNING", "FAILED") if each in states), "SUCCEEDED")
        return state, [node for _, ends in done.values() for node in ends]

    def _started(
        self, within: str, name: str, task: Object, before: list[str]
    ) -> tuple[str, list[str]]:
        component = self.run["_spec"]["components"][task["componentRef"]["name"]]
        own = f"{within}.{name}"
        if "parameterIterator" in task:
            node = self._node(own, name, "RUNNING", before)
            items = json.loads(task["parameterIterator"]["items"]["raw"])
            result = self._loop(node, component, len(items))
        else:
            fails = name in self.failing_drivers
            state = "FAILED" if fails else "SUCCEEDED"
            driver = self._pod(f"{own}-driver", f"{name}-driver", state, before)
            if fails:  # Argo omits what comes after it
                self._add(own, name, None, [driver])
                return "FAILED", [own]
            if "dag" in component and name in self.failing:  # a condition that does not hold
                self._add(own, name, "SKIPPED", [driver])
                return "SUCCEEDED", [own]
            node = self._node(own, name, "RUNNING", [driver])
            result = (
                self._dag(node, component["dag"])
                if "dag" in component
                else self._container(node, name)
            )
        self._end(node, result[0])
        return result

    def _loop(self, node: str, component: Object, count: int) -> tuple[str, list[str]]:
        driver = self._pod(f"{node}.iteration-driver", "iteration-driver", "SUCCEEDED", [node])
        group = f"{node}.iteration-iterations"
        self._add(group, "iteration-iterations", "RUNNING", [driver])
        states, ends = [], []
        for index in range(count):
            turn = f"iteration-iterations({index}:{index})"
            one = self._node(f"{node}.{turn}", turn, "RUNNING", [group])
            item = f"{one}.iteration-item"
            driver = self._pod(f"{item}-driver", "iteration-item-driver", "SUCCEEDED", [one])
            inner = self._node(item, "iteration-item", "RUNNING", [driver])
            state, last = self._dag(inner, component["dag"])
            for each in (inner, one):
                self._end(each, state)
            states.append(state)
            ends += last
            if state == "RUNNING":
                break
        self._made[group]["state"] = states[-1]
        return "FAILED" if "FAILED" in states else states[-1], ends

    def _container(self, node: str, name: str) -> tuple[str, list[str]]:
        if name in self.cached:
            self._add(f"{node}.executor", "executor", "SKIPPED", [node])
            return "SUCCEEDED", [node]
        self._steps += 1
        is_over = self.run["_seen"] - 2 >= self._steps and name not in self.stuck
        state = "FAILED" if name in self.failing else "SUCCEEDED"
        state = state if is_over else "RUNNING"
        attempt = self._node(f"{node}.executor", "executor", state, [node])
        if name in self.stuck:
            self._made[attempt]["state"] = "PENDING"
        self.pods[self._id(attempt, "system-container-impl")] = name
        return state, [node]

    def _pod(self, name: str, display_name: str, state: str, before: list[str]) -> str:
        attempt = self._node(name, display_name, state, before)
        self.pods[self._id(attempt, "system-container-driver")] = display_name
        return attempt

    def _node(self, name: str, display_name: str, state: str, before: list[str]) -> str:
        """Makes a node that can be retried, and returns the name of its first attempt."""
        self._add(name, display_name, state, before)
        return self._add(f"{name}(0)", f"{display_name}(0)", state, [name])

    def _end(self, attempt: str, state: str) -> None:
        self._made[attempt]["state"] = self._made[attempt.removesuffix("(0)")]["state"] = state

    def _add(self, name: str, display_name: str, state: str | None, before: list[str]) -> str:
        started = self.run["created_at"]
        self._made[name] = {
            "run_id": self.run["run_id"],
            "task_id": str(uuid.uuid4()),
            "display_name": display_name,
            "create_time": started,
            "start_time": started,
            "state": state,
            "child_tasks": [],
        }
        for each in before:
            self._made[each]["child_tasks"].append({"pod_name": self._id(name)})
        return name

    def _id(self, name: str, template: str = "") -> str:
        """Returns Argo's id of a node: `NodeID` of its package workflow/v1alpha1.

        Together with the name of its template, it is the name of its pod.
        """
        digest = 0x811C9DC5  # FNV-1a, of 32 bits
        for byte in name.encode():
            digest = ((digest ^ byte) * 0x01000193) % (1 << 32)
        return "-".join(filter(None, [self._name, template, str(digest)]))


def _in_order(tasks: Mapping[str, Object]) -> Iterator[tuple[str, Object]]:
    """Yields tasks, each after those it depends on."""
    waiting = dict(tasks)
    while waiting:
        name = next(
            name
            for name, task in waiting.items()
            if not waiting.keys() & {*task.get("dependentTasks", [])}
        )
        yield name, waiting.pop(name)
