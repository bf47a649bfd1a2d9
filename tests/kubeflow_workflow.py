"""The Argo workflow that the backend of Kubeflow Pipelines makes of a run.

Its nodes are what the API tells of as tasks: `root`, and for each task of the pipeline a driver,
the task itself and below it an executor. A task found in the cache has its executor skipped.
"""

import datetime
import json
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
    _made: list[Object] = field(default_factory=list)
    _steps: int = 0

    def nodes(self) -> list[Object]:
        """Returns its nodes, as the API tells of them."""
        workflow = f"{self.run['_spec']['pipelineInfo']['name']}-x7k2p"
        driver = self._node("root-driver", "SUCCEEDED")
        root = self._node("root", "RUNNING")
        state = self._dag(self.run["_spec"]["root"]["dag"], root)
        root["state"] = state
        self._node(workflow, state, children=[driver, root])
        return self._made

    def _dag(self, dag: Object, parent: Object) -> str:
        states: list[str] = []
        done: dict[str, str] = {}
        for name, task in _in_order(dag["tasks"]):
            if any(done.get(each) != "SUCCEEDED" for each in task.get("dependentTasks", [])):
                continue
            component = self.run["_spec"]["components"][task["componentRef"]["name"]]
            done[name] = self._started(name, task, component, parent)
            states.append(done[name])
            if done[name] == "RUNNING":
                return "RUNNING"
        return "FAILED" if "FAILED" in states else "SUCCEEDED"

    def _started(self, name: str, task: Object, component: Object, parent: Object) -> str:
        if "parameterIterator" in task:
            items = json.loads(task["parameterIterator"]["items"]["raw"])
            return self._loop(name, component, len(items), parent)
        if "dag" not in component:
            return self._task(name, parent)
        self._node(f"{name}-driver", "SUCCEEDED", parent=parent)
        if name in self.failing:  # a condition that does not hold
            return str(self._node(name, "SKIPPED", parent=parent)["state"])
        node = self._node(name, "RUNNING", parent=parent)
        node["state"] = self._dag(component["dag"], node)
        return str(node["state"])

    def _loop(self, name: str, component: Object, count: int, parent: Object) -> str:
        node = self._node(name, "RUNNING", parent=parent)
        states = []
        for index in range(count):
            item = self._node(f"{name}-iterations({index}:{index})", "RUNNING", parent=node)
            item["state"] = self._dag(component["dag"], item)
            states.append(item["state"])
            if item["state"] == "RUNNING":
                return "RUNNING"
        node["state"] = "FAILED" if "FAILED" in states else "SUCCEEDED"
        return str(node["state"])

    def _task(self, name: str, parent: Object) -> str:
        self._steps += 1
        is_over = self.run["_seen"] - 2 >= self._steps
        self._node(f"{name}-driver", "SUCCEEDED", parent=parent)
        state = "FAILED" if name in self.failing else "SUCCEEDED"
        node = self._node(name, state if is_over else "RUNNING", parent=parent)
        if name in self.cached:
            self._node("executor", "SKIPPED", parent=node)
        else:
            executor = self._node("executor", node["state"], parent=node)
            if executor["state"] == "FAILED":
                executor["error"] = {"code": 13, "message": "main: Error (exit code 2)"}
        return str(node["state"])

    def _node(
        self,
        name: str,
        state: str,
        *,
        parent: Object | None = None,
        children: list[Object] | None = None,
    ) -> Object:
        started = self.run["created_at"]
        if self.run["state"] == "CANCELED" and state == "RUNNING":
            state = "FAILED"
        node: Object = {
            "run_id": self.run["run_id"],
            "task_id": f"node-{len(self._made)}",
            "display_name": name,
            "create_time": started,
            "start_time": started,
            # A node that is not over has the zero of Go's time.
            "end_time": now() if state in ENDED else "0001-01-01T00:00:00Z",
            "state": state,
            "child_tasks": [{"pod_name": each["task_id"]} for each in children or []],
        }
        self._made.append(node)
        if parent is not None:
            parent["child_tasks"].append({"pod_name": node["task_id"]})
        return node


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
