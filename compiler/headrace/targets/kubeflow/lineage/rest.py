"""Reads lineage from backends of Kubeflow Pipelines after 2.18, over their REST API.

Source: `run.proto` and `artifact.proto` of `backend/api/v2beta1` on master of kubeflow/pipelines.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from headrace.contract.service import RunArtifact
from headrace.ir.values import whole_numbers
from headrace.lineage.records import ArtifactRef, Execution, Id
from headrace.lineage.verdicts import verdict_of
from headrace.targets.kubeflow.lineage.provenance import FoundArtifact, Link
from headrace.targets.kubeflow.lineage.values import short_type, texts

Ask = Callable[[str, Mapping[str, Any]], Any]
"""Returns the answer to a GET of a path below /apis/v2beta1 as JSON data, or None for a 404."""

Artifacts = Mapping[str, Sequence[RunArtifact]]
"""Artifacts by port."""

# The only call that earlier backends do not have.
PROBE = "artifact_tasks"

_STATES = {
    "RUNNING": "running",
    "SUCCEEDED": "done",
    "CACHED": "cached",
    "FAILED": "failed",
    "SKIPPED": "canceled",
}
# Tasks of other types contain tasks.
_LEAVES = ("RUNTIME", "IMPORTER")
# Metadata in which the backend keeps the type of artifacts that its enumeration does not have.
_TYPE = "_kfp_schema_title"
_OUTPUTS = ("OUTPUT", "ITERATOR_OUTPUT", "ONE_OF_OUTPUT", "TASK_FINAL_STATUS_OUTPUT")
_PAGE_SIZE = 200


class ApiSource:
    """The API server, as a `provenance.Source`."""

    def __init__(self, ask: Ask, namespace: str | None) -> None:
        self._ask = ask
        self._namespace = namespace
        self._of_run: dict[str, list[Any]] = {}
        # Links name tasks, and tasks are found by their run.
        self._run_of: dict[Id, str] = {}
        self._by_uri: dict[str, list[Any]] | None = None

    def executions_of(self, run_id: str) -> Sequence[Execution]:
        """Returns the executions of a run in the order of their start; empty if it is unknown."""
        tasks = self._tasks(run_id)
        by_id = {task["task_id"]: task for task in tasks}
        found = [_execution(task, by_id) for task in tasks if task.get("type") in _LEAVES]
        return sorted(found, key=lambda each: each.started)

    def artifacts_of(self, run_id: str) -> Mapping[Id, tuple[Artifacts, Artifacts]]:
        """Returns the inputs and outputs of a run's executions, by the ids of these."""
        return {
            task["task_id"]: (
                _artifacts(task.get("inputs", {})),
                _artifacts(task.get("outputs", {})),
            )
            for task in self._tasks(run_id)
        }

    def executions(self, keys: Iterable[Id]) -> Sequence[Execution]:
        """Returns executions by their ids, oldest first; ids of DAGs are left out."""
        wanted = set(keys)
        runs = sorted({self._run_of[key] for key in wanted})
        found = [each for run in runs for each in self.executions_of(run) if each.id in wanted]
        return sorted(found, key=lambda each: each.started)

    def links(self, artifacts: Iterable[Id]) -> Sequence[Link]:
        """Returns who read and wrote artifacts, in the order in which that was recorded."""
        found = list(self._pages(PROBE, "artifact_tasks", {"artifact_ids": list(artifacts)}))
        self._run_of.update({each["task_id"]: each["run_id"] for each in found})
        return [
            Link(
                artifact=each["artifact_id"],
                execution=each["task_id"],
                is_output=each["type"] in _OUTPUTS,
            )
            for each in found
        ]

    def find(self, name: str) -> FoundArtifact | None:
        """Returns the artifact of a URI or an id; of several records of a URI the first."""
        if "://" not in name:
            artifact = self._ask(f"artifacts/{name}", {})
        else:
            artifact = next(iter(self._named(name.rstrip("/"))), None)
        if artifact is None:
            return None
        return FoundArtifact(
            ref=_ref(artifact),
            created=_time(artifact["created_at"]),
            metadata=_metadata(artifact),
        )

    def ids_of(self, uris: Iterable[str]) -> Mapping[str, Sequence[Id]]:
        """Returns the ids of all records of artifacts, the oldest first, by URI."""
        return {uri: [each["artifact_id"] for each in self._named(uri)] for uri in uris}

    def _named(self, uri: str) -> Sequence[Any]:
        # The API cannot find an artifact by its URI, so all artifacts are fetched, once.
        if self._by_uri is None:
            options = {"namespace": self._namespace} if self._namespace else {}
            self._by_uri = {}
            found = self._pages("artifacts", "artifacts", options)
            for each in sorted(found, key=lambda each: each["created_at"]):
                self._by_uri.setdefault(each.get("uri", "").rstrip("/"), []).append(each)
        return self._by_uri.get(uri.rstrip("/"), ())

    def _tasks(self, run_id: str) -> list[Any]:
        if run_id not in self._of_run:
            run = self._ask(f"runs/{run_id}", {"view": "FULL"})
            self._of_run[run_id] = (run or {}).get("tasks", [])
        return self._of_run[run_id]

    def _pages(self, path: str, field: str, query: Mapping[str, Any]) -> Iterable[Any]:
        token = ""
        while True:
            page = self._ask(path, {**query, "page_size": _PAGE_SIZE, "page_token": token}) or {}
            yield from page.get(field, [])
            token = page.get("next_page_token", "")
            if not token:
                return


def _execution(task: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> Execution:
    state = _STATES.get(task.get("state", ""), "running")
    started = task.get("start_time") or task["create_time"]
    ended = task.get("end_time")
    inputs, outputs = task.get("inputs", {}), task.get("outputs", {})
    message = task.get("status_metadata", {}).get("message")
    return Execution(
        id=task["task_id"],
        run_id=task["run_id"],
        task="/".join(_path(task, by_id)),
        component=task["name"],
        state=state,
        started=_time(started),
        seconds=None if state == "running" or not ended else _seconds(started, ended),
        parameters=texts(
            {
                each["parameter_key"]: whole_numbers(each.get("value"))
                for each in inputs.get("parameters", [])
            }
        ),
        inputs=_ports(inputs),
        outputs=_ports(outputs),
        reason=message if message and state == "failed" else None,
    )


def _path(task: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Returns the position of a task in the pipeline, such as `("for-loop-1", "0", "trainer")`."""
    steps: list[str] = []
    current: Mapping[str, Any] | None = task
    while current is not None and current.get("type") != "ROOT":
        steps.append(current["name"])
        index = current.get("type_attributes", {}).get("iteration_index")
        if index is not None:
            steps.append(str(index))
        current = by_id.get(current.get("parent_task_id", ""))
    return tuple(reversed(steps))


def _ports(sides: Mapping[str, Any]) -> dict[str, list[ArtifactRef]]:
    ports: dict[str, list[ArtifactRef]] = {}
    for each in sides.get("artifacts", []):
        refs = ports.setdefault(each["artifact_key"], [])
        refs += [_ref(artifact) for artifact in each.get("artifacts", [])]
    return dict(sorted(ports.items()))


def _artifacts(sides: Mapping[str, Any]) -> Artifacts:
    ports: dict[str, list[RunArtifact]] = {}
    for each in sides.get("artifacts", []):
        ports.setdefault(each["artifact_key"], []).extend(
            _artifact(artifact) for artifact in each.get("artifacts", [])
        )
    return dict(sorted(ports.items()))


def _artifact(artifact: Mapping[str, Any]) -> RunArtifact:
    title, metadata = _title(artifact), _metadata(artifact)
    if title == "Metric":  # one number, whose name is that of the artifact
        title = "system.Metrics"
        metadata[artifact.get("name", "")] = artifact.get("number_value")
    return RunArtifact(type=title, uri=artifact.get("uri", ""), metadata=metadata)


def _metadata(artifact: Mapping[str, Any]) -> dict[str, Any]:
    found = sorted(artifact.get("metadata", {}).items())
    return {key: whole_numbers(value) for key, value in found if key != _TYPE}


def _title(artifact: Mapping[str, Any]) -> str:
    return str(artifact.get("metadata", {}).get(_TYPE) or artifact.get("type", "Artifact"))


def _ref(artifact: Mapping[str, Any]) -> ArtifactRef:
    metadata = artifact.get("metadata", {})
    title = _title(artifact)
    return ArtifactRef(
        id=artifact["artifact_id"],
        type=short_type(title),
        uri=artifact.get("uri", ""),
        verdict=verdict_of(title, metadata),
    )


def _time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="milliseconds")


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
