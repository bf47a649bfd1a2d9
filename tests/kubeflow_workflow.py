"""The Argo workflow that the backend of Kubeflow Pipelines makes of a run.

Its nodes are what the API tells of as tasks: for each task of the pipeline a driver, the task and
in it an executor; the DAGs that hold them, and what loops are made of. The API gives them ids of
its own, and names children by Argo's: those that come next, not those that lie within. Nothing
says which node a task is, why it failed, or that it was found in the cache.
Source: `backend/src/v2/compiler/argocompiler/dag.go` and `api_converter.go` of kubeflow/pipelines.
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
    """Returns the time as the API writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Workflow:
    """The Argo workflow of a run.

    Attributes:
        run: The run, as the API server keeps it: `_spec` is its pipeline, `_seen` how often it was
            asked for.
        failing: Names of tasks that fail, and of conditions that do not hold.
        cached: Names of tasks that are answered from the cache.
    """

    run: Object
    failing: set[str]
    cached: set[str]
    _made: dict[str, Object] = field(default_factory=dict)
    _steps: int = 0

    def nodes(self) -> list[Object]:
        """Returns its nodes, as the API tells of them."""
        self._name = f"{self.run['_spec']['pipelineInfo']['name']}-x7k2p"
        self._node(self._name, self._name, "RUNNING", [])
        driver = self._node(f"{self._name}.root-driver", "root-driver", "SUCCEEDED", [self._name])
        root = self._node(f"{self._name}.root", "root", "RUNNING", [driver])
        state, _ = self._dag(root, self.run["_spec"]["root"]["dag"])
        for name in (self._name, root):
            self._made[name]["state"] = state
        for each in self._made.values():
            if self.run["state"] == "CANCELED" and each["state"] == "RUNNING":
                each["state"] = "FAILED"
            # A node that is not over has the zero of Go's time.
            each["end_time"] = now() if each["state"] in ENDED else "0001-01-01T00:00:00Z"
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
        node = f"{within}.{name}"
        if "parameterIterator" in task:
            self._node(node, name, "RUNNING", before)
            items = json.loads(task["parameterIterator"]["items"]["raw"])
            result = self._loop(node, component, len(items))
        else:
            driver = self._node(f"{node}-driver", f"{name}-driver", "SUCCEEDED", before)
            if "dag" in component and name in self.failing:  # a condition that does not hold
                self._node(node, name, "SKIPPED", [driver])
                return "SUCCEEDED", [node]
            self._node(node, name, "RUNNING", [driver])
            result = (
                self._dag(node, component["dag"])
                if "dag" in component
                else self._container(node, name)
            )
        self._made[node]["state"] = result[0]
        return result

    def _loop(self, node: str, component: Object, count: int) -> tuple[str, list[str]]:
        driver = self._node(f"{node}.iteration-driver", "iteration-driver", "SUCCEEDED", [node])
        group = f"{node}.iteration-iterations"
        self._node(group, "iteration-iterations", "RUNNING", [driver])
        states, ends = [], []
        for index in range(count):
            turn = f"iteration-iterations({index}:{index})"
            self._node(f"{node}.{turn}", turn, "RUNNING", [group])
            item = f"{node}.{turn}.iteration-item"
            before = [f"{node}.{turn}"]
            before = [self._node(f"{item}-driver", "iteration-item-driver", "SUCCEEDED", before)]
            self._node(item, "iteration-item", "RUNNING", before)
            state, last = self._dag(item, component["dag"])
            self._made[item]["state"] = self._made[f"{node}.{turn}"]["state"] = state
            states.append(state)
            ends += last
            if state == "RUNNING":
                break
        self._made[group]["state"] = states[-1]
        return "FAILED" if "FAILED" in states else states[-1], ends

    def _container(self, node: str, name: str) -> tuple[str, list[str]]:
        self._steps += 1
        is_over = self.run["_seen"] - 2 >= self._steps
        state = "FAILED" if name in self.failing else "SUCCEEDED"
        state = state if is_over else "RUNNING"
        executor = "SKIPPED" if name in self.cached else state
        return state, [self._node(f"{node}.executor", "executor", executor, [node])]

    def _node(self, name: str, display_name: str, state: str, before: list[str]) -> str:
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

    def _id(self, name: str) -> str:
        """Returns Argo's id of a node: `NodeID` of its package workflow/v1alpha1."""
        digest = 0x811C9DC5  # FNV-1a, of 32 bits
        for byte in name.encode():
            digest = ((digest ^ byte) * 0x01000193) % (1 << 32)
        return f"{self._name}-{digest}"


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
