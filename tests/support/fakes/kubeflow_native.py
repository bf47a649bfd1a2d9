"""Lineage as the API server of Kubeflow Pipelines stores it in releases without ML Metadata.

The messages are from `run.proto` and `artifact.proto` of its API v2beta1 on master, in protojson
with the names of the protos.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.fakes.kubeflow_workflow import Object

_TITLES = {"system.Model": "Model", "system.Dataset": "Dataset"}
_OUTPUTS = ("OUTPUT", "ITERATOR_OUTPUT", "ONE_OF_OUTPUT", "TASK_FINAL_STATUS_OUTPUT")


@dataclass
class NativeLineage:
    """Tasks, artifacts, and their relations.

    Attributes:
        tasks: In the order in which they were made.
        artifacts: By id.
        artifact_tasks: In the order in which they were made.
    """

    tasks: list[Object] = field(default_factory=list)
    artifacts: dict[str, Object] = field(default_factory=dict)
    artifact_tasks: list[Object] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def artifact(self, uri: str, title: str, **metadata: Any) -> str:
        """Records an artifact, and returns its id."""
        key = f"artifact-{next(self._ids)}"
        kind = _TITLES.get(title, "Artifact")
        if title not in _TITLES:
            metadata["_kfp_schema_title"] = title
        self.artifacts[key] = {
            "artifact_id": key,
            "name": uri.rpartition("/")[2],
            "type": kind,
            "uri": uri,
            "metadata": metadata,
            "created_at": "2026-11-22T08:00:00Z",
            "namespace": "kubeflow",
        }
        return key

    def metric(self, name: str, value: float) -> str:
        """Records a number, which is an artifact of its own, and returns its id."""
        key = self.artifact("", "system.Artifact")
        self.artifacts[key] |= {"name": name, "type": "Metric", "number_value": value}
        self.artifacts[key]["metadata"] = {}
        return key

    def task(
        self,
        run_id: str,
        name: str,
        state: str = "SUCCEEDED",
        *,
        kind: str = "RUNTIME",
        parent: str = "",
        iteration: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        inputs: Mapping[str, list[str]] | None = None,
        outputs: Mapping[str, str] | None = None,
        message: str = "",
    ) -> str:
        """Records a task with its artifacts, and returns its id."""
        number = next(self._ids)
        task: Object = {
            "task_id": f"task-{number}",
            "run_id": run_id,
            "name": name,
            "display_name": name,
            "type": kind,
            "state": state,
            "parent_task_id": parent,
            "create_time": f"2026-11-22T09:00:{number:02}Z",
            "inputs": {
                "parameters": [
                    {"parameter_key": key, "value": value, "type": "RUNTIME_VALUE_INPUT"}
                    for key, value in (parameters or {}).items()
                ]
            },
        }
        if state != "RUNNING":
            task["end_time"] = f"2026-11-22T09:01:{number:02}Z"
        if iteration is not None:
            task["type_attributes"] = {"iteration_index": str(iteration)}
        if message:
            task["status_metadata"] = {"message": message}
        self.tasks.append(task)
        for key, artifacts in (inputs or {}).items():
            for artifact in artifacts:
                self._link(task, artifact, key, "TASK_OUTPUT_INPUT")
        for key, artifact in (outputs or {}).items():
            self._link(task, artifact, key, "OUTPUT")
        return str(task["task_id"])

    def tasks_of(self, run_id: str) -> list[Object]:
        """Returns the tasks of a run with their artifacts, as in the view FULL."""
        return [self._hydrated(task) for task in self.tasks if task["run_id"] == run_id]

    def answer(self, kind: str, identifier: str, query: Mapping[str, list[str]]) -> Object:
        """Answers `GET artifacts`, `GET artifacts/{id}` and `GET artifact_tasks`."""
        if identifier:
            return self.artifacts[identifier]
        found = list(self.artifacts.values())
        if kind == "artifact_tasks":
            wanted = query.get("artifact_ids", [])
            found = [
                each for each in self.artifact_tasks if each["artifact_id"] in wanted or not wanted
            ]
        # Two per page, so that the requested item is not on the first page.
        start = int(query.get("page_token", ["0"])[0])
        more = {"next_page_token": str(start + 2)} if start + 2 < len(found) else {}
        return {kind: found[start : start + 2], **more}

    def _link(self, task: Object, artifact: str, key: str, kind: str) -> None:
        self.artifact_tasks.append(
            {
                "id": f"link-{next(self._ids)}",
                "artifact_id": artifact,
                "run_id": task["run_id"],
                "task_id": task["task_id"],
                "type": kind,
                "key": key,
            }
        )

    def _hydrated(self, task: Object) -> Object:
        sides: dict[bool, list[Object]] = {False: [], True: []}
        for link in self.artifact_tasks:
            if link["task_id"] == task["task_id"]:
                sides[link["type"] in _OUTPUTS].append(
                    {
                        "artifact_key": link["key"],
                        "type": link["type"],
                        "artifacts": [self.artifacts[link["artifact_id"]]],
                    }
                )
        inputs = {**task["inputs"], "artifacts": sides[False]}
        return {**task, "inputs": inputs, "outputs": {"artifacts": sides[True]}}
