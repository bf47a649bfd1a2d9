"""Dataflow, as an HTTP server on this machine with its REST API and Cloud Storage's.

A job runs: its staged pipeline is read back from its bucket, and its workers are threads of this
process.
"""

import contextlib
import importlib
import io
import json
import re
import sys
import threading
import traceback
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.internal import apiclient
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.protobuf.json_format import ParseError

from support.fakes.cloud_storage import Answer, CloudStorage, answering, json_answer, refusal

PROJECT, REGION = "my-project", "europe-west1"

# The number that newer clients send for JOB_STATE_CANCELLED.
_CANCELLED = ("JOB_STATE_CANCELLED", 5)
_ENDED = ("JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")


@dataclass
class DataflowJob:
    """A job on the fake Dataflow.

    Attributes:
        request: The `Job` message that it was created from.
        pipeline: The staged pipeline.
        state: Its state in the API.
        messages: The API's messages about it: importance and text.
    """

    request: dict[str, Any]
    pipeline: beam_runner_api_pb2.Pipeline
    state: str = "JOB_STATE_PENDING"
    messages: list[tuple[str, str]] = field(default_factory=list)

    @property
    def options(self) -> dict[str, Any]:
        """The options of the pipeline, in the form for workers."""
        found: dict[str, Any] = self.request["environment"]["sdkPipelineOptions"]["options"]
        return found


class Dataflow:
    """The REST API of Dataflow, v1b3: https://cloud.google.com/dataflow/docs/reference/rest.

    Attributes:
        jobs: By ID, the oldest first.
        holds: Whether jobs compute nothing and run until they are cancelled.
        ends_late: Seconds between the call that cancels a job and its new state; 0 for both at
            once.
        refusals: Status and message of errors for the next jobs.
        when_created: Called when a job runs, before the answer to its creation.
        when_done: Called when the workers have finished, before the job's state changes.
    """

    def __init__(self, storage: CloudStorage) -> None:
        self.jobs: dict[str, DataflowJob] = {}
        self.holds = False
        self.ends_late = 0.0
        self.refusals: list[tuple[int, str]] = []
        self.when_created: Callable[[], None] = lambda: None
        self.when_done: Callable[[], None] = lambda: None
        self._storage = storage

    def answer(self, method: str, url: str, body: bytes) -> Answer:
        """Answers a request."""
        path = urlsplit(url).path
        found = re.fullmatch(
            rf"/v1b3/projects/{PROJECT}/locations/{REGION}/jobs(?:/([^/]+))?(/messages|/metrics)?",
            path,
        )
        if found is None:
            return refusal(404, f"no method {path}")
        if found[1] is None:
            return self._list(url) if method == "GET" else self._create(json.loads(body))
        job = self.jobs.get(found[1])
        if job is None:
            return refusal(404, f"no job {found[1]}")
        if found[2] == "/messages":
            return json_answer(
                {"jobMessages": [_message(*each) for each in enumerate(job.messages)]}
            )
        if found[2] == "/metrics":
            return json_answer({})
        if method == "PUT":
            wanted = json.loads(body)["requestedState"]
            if wanted not in _CANCELLED or job.state in (*_ENDED, "JOB_STATE_CANCELLING"):
                return refusal(400, f"{job.state} does not become {wanted}")
            if self.ends_late:
                answer = json_answer(_described(found[1], job))
                threading.Timer(self.ends_late, self._end, [job]).start()
                return answer
            job.state = "JOB_STATE_CANCELLING"
            return json_answer(_described(found[1], job))
        described = json_answer(_described(found[1], job))
        if job.state == "JOB_STATE_CANCELLING":
            job.state = "JOB_STATE_CANCELLED"  # a second request shows that it has ended
        return described

    def _end(self, job: DataflowJob) -> None:
        if job.state not in _ENDED:
            job.state = "JOB_STATE_CANCELLING"

    def _list(self, url: str) -> Answer:
        query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        found = [
            _described(name, job)
            for name, job in self.jobs.items()
            if query.get("name") in (None, job.request["name"])
            and (query.get("filter") != "ACTIVE" or job.state not in _ENDED)
        ]
        # The summary has no environment; an empty list is left out.
        for each in found:
            del each["environment"]
        return json_answer({"jobs": found} if found else {})

    def _create(self, request: dict[str, Any]) -> Answer:
        if self.refusals:
            return refusal(*self.refusals.pop(0))
        if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", request["name"]):
            return refusal(400, f"the name {request['name']} does not match")
        if unknown := _unknown_fields(request):
            return refusal(400, f"Job has no {unknown}")
        active = [job for job in self.jobs.values() if job.state not in _ENDED]
        if any(job.request["name"] == request["name"] for job in active):
            return refusal(409, f"There is already an active job named {request['name']}.")
        url = request["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
        pipeline = beam_runner_api_pb2.Pipeline.FromString(self._storage.read(url))
        job = DataflowJob(request=request, pipeline=pipeline)
        name = f"2026-11-22_00_00_00-{len(self.jobs) + 1}"
        self.jobs[name] = job
        created = _described(name, job)
        job.state = "JOB_STATE_RUNNING"
        if not self.holds:
            directory = self._storage.root / "workers" / name
            arguments = (job, self._storage, directory, self.when_done)
            threading.Thread(target=_compute, args=arguments, daemon=True).start()
        self.when_created()
        return json_answer(created)


def _message(number: int, message: tuple[str, str]) -> dict[str, str]:
    importance, text = message
    return {
        "id": str(number),
        "time": f"2026-11-22T00:00:{number:02d}Z",
        "messageImportance": importance,
        "messageText": text,
    }


def _described(name: str, job: DataflowJob) -> dict[str, Any]:
    return {
        **job.request,
        "id": name,
        "projectId": PROJECT,
        "location": REGION,
        "currentState": job.state,
        "createTime": "2026-11-22T00:00:00Z",
    }


def _compute(
    job: DataflowJob, storage: CloudStorage, directory: Path, when_done: Callable[[], None]
) -> None:
    pipeline = beam_runner_api_pb2.Pipeline.FromString(job.pipeline.SerializeToString())
    for environment in pipeline.components.environments.values():
        _install(environment.dependencies, storage, directory)
        environment.urn = python_urns.EMBEDDED_PYTHON
        environment.payload = b""
        del environment.dependencies[:]
    for plugin in job.options.get("beam_plugins") or ():
        with contextlib.suppress(ImportError):  # a worker only warns
            importlib.import_module(plugin)
    try:
        FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([])).wait_until_finish()
    except Exception:
        job.messages.append(("JOB_MESSAGE_ERROR", traceback.format_exc()))
        job.state = "JOB_STATE_FAILED"
        return
    job.messages.append(("JOB_MESSAGE_WARNING", "Autoscaling: the quota of CPUs was reached."))
    when_done()
    if job.state == "JOB_STATE_RUNNING":
        job.state = "JOB_STATE_DONE"


def _install(dependencies: Any, storage: CloudStorage, directory: Path) -> None:
    """Makes the modules of staged wheels importable, like a worker before it starts."""
    for each in dependencies:
        url = beam_runner_api_pb2.ArtifactUrlPayload.FromString(each.type_payload).url
        if url.endswith(".whl"):
            target = directory / url.rpartition("/")[2]
            with zipfile.ZipFile(io.BytesIO(storage.read(url))) as wheel:
                wheel.extractall(target)
            sys.path.append(str(target))


def _unknown_fields(request: Mapping[str, Any]) -> str:
    """Returns the fields that the message `Job` of Beam's own client lacks; empty if none."""
    job = apiclient.dataflow.Job
    if hasattr(job, "from_json"):
        try:
            job.from_json(json.dumps(request))
        except ParseError as error:
            return str(error)
        return ""
    # Beam 2.72 has a client of apitools.
    found: list[str] = apiclient.encoding.JsonToMessage(
        job, json.dumps(request)
    ).all_unrecognized_fields()
    return ", ".join(found)


def images(job: DataflowJob) -> set[str]:
    """Returns the images of the workers of a job, from its staged pipeline."""
    found = set()
    for environment in job.pipeline.components.environments.values():
        if environment.urn == common_urns.environments.DOCKER.urn:
            payload = beam_runner_api_pb2.DockerPayload.FromString(environment.payload)
            found.add(payload.container_image)
    return found


@dataclass(kw_only=True)
class GoogleCloud:
    """The running server.

    Attributes:
        storage: Its buckets.
        dataflow: Its jobs.
        when_asked: Called with the method and the path of each request, before it is processed.
        environment: With these variables, Google's clients and Beam find it.
        args: With these options, Beam's DataflowRunner submits to it.
    """

    storage: CloudStorage
    dataflow: Dataflow
    environment: Mapping[str, str]
    args: tuple[str, ...]
    when_asked: Callable[[str, str], None] = lambda _method, _path: None


@contextlib.contextmanager
def google_cloud(root: Path, key_file: Path) -> Iterator[GoogleCloud]:
    """Runs the server, with Cloud Storage.

    Args:
        root: Has a directory per bucket.
        key_file: Where to write the key of a service account.
    """
    storage = CloudStorage(root)
    dataflow = Dataflow(storage)

    def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        cloud.when_asked(method, path)
        if path == "/token":
            return json_answer({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
        if headers.get("authorization") != "Bearer t":
            return refusal(401, "Request is missing required authentication credential.")
        if path.startswith("/v1b3/"):
            return dataflow.answer(method, path, body)
        return storage.answer(method, path, headers, body)

    with answering(answer) as address:
        cloud = GoogleCloud(
            storage=storage,
            dataflow=dataflow,
            environment={
                "GOOGLE_APPLICATION_CREDENTIALS": str(key_file),
                "STORAGE_EMULATOR_HOST": address,
                # Everything else that the clients request does not exist, and they must not look
                # elsewhere.
                "HTTPS_PROXY": address,
                "NO_PROXY": "localhost,127.0.0.1",
            },
            args=(f"--dataflow_endpoint={address}",),
        )
        _write_key(key_file, f"{address}/token")
        yield cloud


def _write_key(file: Path, token_uri: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": f"task@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
    file.write_text(json.dumps(account), "utf-8")
