"""Answers the questions of `headrace lineage --target kubeflow`."""

import functools
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headrace.ir.values import whole_numbers
from headrace.lineage.records import ArtifactLineage, Execution, PipelineRun
from headrace.lineage.times import seconds_between
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow import pipelines_api
from headrace.targets.kubeflow.lineage.mlmd import MetadataSource
from headrace.targets.kubeflow.lineage.mlmd_client import MetadataClient
from headrace.targets.kubeflow.lineage.provenance import LineageSource, artifact_of
from headrace.targets.kubeflow.lineage.rest import PROBE, ApiSource
from headrace.targets.kubeflow.records import is_cancelled
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.kubeflow.submit import KubeflowRemote, connect
from headrace_components.contract.errors import InputError

_STORE = "metadata-grpc-service"
_STORE_PORT = 8080

_STATES = {
    "SUCCEEDED": "complete",
    "SKIPPED": "complete",
    "FAILED": "failed",
    "CANCELED": "canceled",
}


def reader(profile: Profile, metadata: str) -> "ClusterLineage":
    """Returns the lineage of a cluster.

    Args:
        profile: Its table [kubeflow] has the address of the cluster.
        metadata: A metadata store to ask alone, such as `grpc://127.0.0.1:8080`. If empty, the API
            server is asked, which knows whole runs, and the place of lineage is found out.

    Raises:
        InputError: `metadata` is not such a URL, or gRPC is not installed.
        PlatformError: The cluster cannot be reached, or wants other credentials.
    """
    if metadata:
        parts = urlsplit(metadata)
        if parts.scheme != "grpc" or not parts.hostname:
            raise InputError(
                f"lineage: --metadata is {metadata!r}, expected the store of a cluster as "
                "grpc://127.0.0.1:8080. Correct it, or leave it out."
            )
        store = MetadataSource(MetadataClient(f"{parts.hostname}:{parts.port or _STORE_PORT}"))
        return ClusterLineage(store, store, None)
    remote = connect(profile)
    ask = functools.partial(pipelines_api.get_json, remote.kfp, remote.address)
    if ask(PROBE, {"page_size": 1}) is not None:
        return ClusterLineage(ApiSource(ask, remote.namespace), None, remote)
    store = MetadataSource(MetadataClient(_store(remote, profile)))
    return ClusterLineage(store, store, remote)


def _store(remote: KubeflowRemote, profile: Profile) -> str:
    """Returns the address of the gRPC port of the metadata store."""
    namespace = remote.address.service_namespace or profile.table_of(Kubeflow).namespace
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return f"{_STORE}.{namespace}:{_STORE_PORT}"
    from headrace.targets.kubeflow.port_forward import Purpose, forwarded

    purpose = Purpose(
        because=f"lineage is in the service {_STORE!r} of its cluster",
        otherwise="`--metadata grpc://HOST:PORT` for a port that leads there",
    )
    namespaces = tuple(dict.fromkeys((namespace, "kubeflow")))
    port, _ = forwarded(_STORE, _STORE_PORT, namespaces, purpose)
    return f"127.0.0.1:{port}"


class ClusterLineage:
    """The lineage of a cluster."""

    def __init__(
        self, source: LineageSource, store: MetadataSource | None, remote: KubeflowRemote | None
    ) -> None:
        """Takes the source of executions, the store if that is one, and the API server if used."""
        self._source = source
        self._store = store
        self._remote = remote

    def runs(self, limit: int) -> list[PipelineRun]:
        """Returns the latest runs, the newest first, at most `limit`."""
        if self._remote is not None:
            return [
                self._with_api(each, self._source.executions_of(each.run_id))
                for each in self._remote.latest(limit)
            ]
        if self._store is None:
            return []
        return [
            _run_of_store(self._store, each, self._store.executions_of(each))
            for each in self._store.run_ids()[:limit]
        ]

    def run(self, run_id: str) -> tuple[PipelineRun, list[Execution]]:
        """Returns a run and its executions in the order in which they started.

        Raises:
            InputError: The run does not exist.
        """
        executions = list(self._source.executions_of(run_id))
        if self._remote is not None:
            return self._with_api(self._remote.fetch(run_id), executions), executions
        if self._store is None or not self._store.has_run(run_id):
            raise InputError(
                f"lineage: there is no run {run_id!r} in the metadata store. List the runs with "
                "`headrace lineage --target kubeflow --metadata URL runs`."
            )
        return _run_of_store(self._store, run_id, executions), executions

    def artifact(
        self,
        uri: str,
        root: Path,  # noqa: ARG002  as for local runs
        most: int | None = None,  # noqa: ARG002
    ) -> ArtifactLineage:
        """Returns the artifact at `uri`, which may also be its id.

        Raises:
            InputError: The artifact does not exist.
        """
        found = self._source.find(uri.rstrip("/"))
        if found is None:
            raise InputError(
                f"lineage: there is no artifact {uri!r} in the cluster. Take the whole URI "
                "that `headrace lineage --target kubeflow run RUN_ID` prints."
            )
        return artifact_of(self._source, found)

    def _with_api(self, found: Any, executions: Sequence[Execution]) -> PipelineRun:
        """Returns a run from the API server; a metadata store does not record its end."""
        state = str(found.state)
        is_over = state in _STATES
        ended = found.finished_at if is_over and found.finished_at >= found.created_at else None
        spec = self._remote.pipeline_of(found) if self._remote else {}
        config = found.runtime_config
        return PipelineRun(
            run_id=found.run_id,
            pipeline=spec.get("pipelineInfo", {}).get("name", ""),
            state="canceled" if is_over and is_cancelled(found) else _STATES.get(state, "running"),
            started=found.created_at.astimezone(UTC).isoformat(timespec="milliseconds"),
            seconds=(ended - found.created_at).total_seconds() if ended else None,
            tasks=_counts(executions),
            parameters=whole_numbers((config.parameters if config else None) or {}),
        )


def _run_of_store(
    store: MetadataSource, run_id: str, executions: Sequence[Execution]
) -> PipelineRun:
    """Returns a run as far as its tasks show it."""
    counts = _counts(executions)
    # A run without tasks has none yet, or never had any, for example because its service account is
    # missing.
    others = "complete" if executions else "unknown"
    state = next((each for each in ("failed", "running") if counts.get(each)), others)
    started = min((each.started for each in executions), default=store.started(run_id))
    ended = max((_end(each) for each in executions), default=started)
    is_over = state in ("failed", "complete")
    return PipelineRun(
        run_id=run_id,
        pipeline=store.pipeline_of(run_id),
        state=state,
        started=started,
        seconds=seconds_between(started, ended) if is_over else None,
        tasks=counts,
        parameters={},
    )


def _counts(executions: Sequence[Execution]) -> Mapping[str, int]:
    return dict(sorted(Counter(each.state for each in executions).items()))


def _end(execution: Execution) -> str:
    started = datetime.fromisoformat(execution.started).timestamp()
    end = datetime.fromtimestamp(started + (execution.seconds or 0), UTC)
    return end.isoformat(timespec="milliseconds")
