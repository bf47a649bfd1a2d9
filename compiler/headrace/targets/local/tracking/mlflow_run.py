"""Logs one run to MLflow, beside the run: what goes wrong there is a warning."""

import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from headrace.extras import require
from headrace.profiles.tracking import Tracking
from headrace.targets.local.shared.results import RunResult
from headrace.targets.local.tracking.logged_run import (
    RUN_ID_TAG,
    LoggedRun,
    key_of,
    logged,
    parameters_of,
)

T = TypeVar("T")

# A server that does not listen, or does not answer, must not hold up the end of a run.
_CONNECT_SECONDS = 3.0
_END_SECONDS = 60.0
_UPLOAD_SECONDS = 600.0

_PORTS = {"http": 80, "https": 443}
_BATCH = 100
_METRIC_BATCH = 1000


class MlflowRun:
    """A run in MLflow that follows one on this machine.

    It works in a thread of its own, so a slow server does not slow the run down.

    Args:
        tracking: The server and the experiment.
        pipeline: Name of the pipeline.
        run_id: The run.
        parameters: Its parameters.
        notify: Is called with a line if something goes wrong, and with the run's place at the end.
    """

    def __init__(
        self,
        tracking: Tracking,
        *,
        pipeline: str,
        run_id: str,
        parameters: Mapping[str, Any],
        notify: Callable[[str], None],
    ) -> None:
        require("mlflow", extra="tracking", who="tracking", purpose="the settings of [tracking]")
        self._tracking = tracking
        self._pipeline = pipeline
        self._run_id = run_id
        self._parameters = parameters
        self._notify = notify
        self._answers: queue.Queue[str] = queue.Queue()
        self._result: queue.Queue[RunResult] = queue.Queue()
        # It ends with the process, if the server never answers.
        threading.Thread(target=self._work, daemon=True).start()

    def finish(self, result: RunResult) -> None:
        """Logs how the run went, and waits for it a bounded time."""
        self._result.put(result)
        uploads = self._tracking.models == "upload"
        try:
            line = self._answers.get(timeout=_UPLOAD_SECONDS if uploads else _END_SECONDS)
        except queue.Empty:
            line = self._failed("the server did not answer in time")
        self._notify(line)

    def _work(self) -> None:
        try:
            self._answers.put(self._logged())
        except Exception as error:
            self._answers.put(self._failed(str(error) or type(error).__name__))

    def _failed(self, reason: str) -> str:
        line = " ".join(reason.split())[:500].rstrip(". ")
        place = _without_password(self._tracking.mlflow)
        return (
            f"tracking: the run is not logged to MLflow at {place}: {line}. The run itself is "
            "complete. Start or correct the server of [tracking] in the profile, then "
            f"`headrace run --resume {self._run_id}` logs it."
        )

    def _logged(self) -> str:
        """Logs the run while it goes on and at its end; returns a line on where it is."""
        _check_listening(self._tracking.mlflow)
        # It would print links between the results on standard output.
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=self._tracking.mlflow)
        name = self._tracking.experiment or self._pipeline
        experiment = _experiment(client, name)
        run = self._begun(client, experiment)
        log_parameters(client, run, parameters_of(self._parameters))
        result = self._result.get()
        log_end(client, run.info.run_id, logged(result), uploads=self._tracking.models == "upload")
        place = f"experiment {name}, run {run.info.run_id}"
        if urlsplit(self._tracking.mlflow).scheme in _PORTS:
            server = _without_password(self._tracking.mlflow).rstrip("/")
            place = f"{server}/#/experiments/{experiment}/runs/{run.info.run_id}"
        return f"Logged to MLflow: {place}"

    def _begun(self, client: Any, experiment: str) -> Any:
        """Returns the run in MLflow: the one of an earlier attempt at this run, or a new one."""
        quoted = self._run_id.replace("'", "")
        found = client.search_runs([experiment], f"tags.`{RUN_ID_TAG}` = '{quoted}'", max_results=1)
        if found:
            client.update_run(found[0].info.run_id, status="RUNNING")
            return found[0]
        tags = {
            RUN_ID_TAG: self._run_id,
            "headrace.pipeline": self._pipeline,
            "mlflow.source.name": f"headrace run {self._pipeline}",
            "mlflow.source.type": "PROJECT",
        }
        return client.create_run(experiment, tags=tags, run_name=self._run_id)


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except Exception:
            found = client.get_experiment_by_name(name)  # another run was faster
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise ValueError(
            f"its experiment {name!r} is deleted; restore it there, or set `experiment`"
        )
    return str(found.experiment_id)


def log_parameters(client: Any, run: Any, parameters: Mapping[str, str]) -> None:
    """Logs the parameters that the run does not have yet: MLflow never changes one."""
    from mlflow.entities import Param

    new = [Param(key, text) for key, text in parameters.items() if key not in run.data.params]
    for part in _parts(new, _BATCH):
        client.log_batch(run.info.run_id, params=part)


def log_end(client: Any, run_id: str, run: LoggedRun, *, uploads: bool) -> None:
    """Logs what is known at the end of a run.

    Args:
        client: MLflow's client.
        run_id: The run in MLflow.
        run: What it is told.
        uploads: Whether to copy the files of models.
    """
    from mlflow.entities import Metric, RunTag

    now = int(time.time() * 1000)
    metrics = [Metric(point.key, point.value, now, point.step) for point in run.metrics]
    for part in _parts(metrics, _METRIC_BATCH):
        client.log_batch(run_id, metrics=part)
    tags = [RunTag(key_of(key), text) for key, text in run.tags.items()]
    for some in _parts(tags, _BATCH):
        client.log_batch(run_id, tags=some)
    for place, file in run.files.items():
        client.log_artifact(run_id, str(file), str(Path(place).parent))
    for place, folder in run.models.items() if uploads else ():
        client.log_artifacts(run_id, str(folder), place)
    client.set_terminated(run_id, status=run.status)


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _check_listening(uri: str) -> None:
    """Fails soon if no server listens: MLflow's client tries it again for minutes."""
    parts = urlsplit(uri)
    if parts.scheme in _PORTS and parts.hostname:
        address = (parts.hostname, parts.port or _PORTS[parts.scheme])
        socket.create_connection(address, timeout=_CONNECT_SECONDS).close()


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    if not parts.password:
        return uri
    host = parts.hostname or ""
    return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host).geturl()
