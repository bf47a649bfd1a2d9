"""Cloud Storage and Dataflow, as an HTTP server on this machine that speaks their REST APIs.

Buckets are directories, so that what a job writes lies where a mount of the bucket has it. A job
runs: its staged pipeline is read back from its bucket, and its workers are threads of this process.
"""

import base64
import contextlib
import hashlib
import importlib
import io
import itertools
import json
import re
import sys
import threading
import traceback
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.internal import apiclient
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.protobuf.json_format import ParseError

PROJECT, REGION = "my-project", "europe-west1"

# The number that newer clients send for JOB_STATE_CANCELLED.
_CANCELLED = ("JOB_STATE_CANCELLED", 5)
_ENDED = ("JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server answers."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(
        status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"}
    )


def _refusal(status: int, message: str) -> Answer:
    return _json({"error": {"code": status, "message": message}}, status)


class CloudStorage:
    """The JSON API of Cloud Storage: https://cloud.google.com/storage/docs/json_api.

    Args:
        root: Has a directory per bucket.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._uploads: dict[str, tuple[Path, bytes]] = {}
        self._ids = itertools.count(1)

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answers a request; `headers` have lower-case names."""
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/batch/"):
            return self._batch(headers, body)
        found = re.fullmatch(
            r"(/upload|/download)?/storage/v1/b/([^/]+)(/o)?(?:/(.+))?", parts.path
        )
        if found is None:
            return _refusal(404, f"no method {parts.path}")
        prefix, bucket, _, rest = found.groups()
        if not (self.root / bucket).is_dir():
            return _refusal(404, f"The specified bucket {bucket} does not exist.")
        if prefix == "/upload":
            return self._upload(method, bucket, query, headers, body)
        if found[3] is None:
            return _json({"name": bucket, "id": bucket, "projectNumber": "1"})
        if rest is None:
            return self._list(bucket, query.get("prefix", ""))
        return self._object(method, bucket, rest, query, headers)

    def read(self, uri: str) -> bytes:
        """Returns the content of a gs:// URI."""
        return (self.root / uri.removeprefix("gs://")).read_bytes()

    def _list(self, bucket: str, prefix: str) -> Answer:
        directory = self.root / bucket
        names = sorted(
            str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()
        )
        items = [self._metadata(bucket, name) for name in names if name.startswith(prefix)]
        return _json({"kind": "storage#objects", "items": items})

    def _object(
        self, method: str, bucket: str, rest: str, query: Mapping[str, str], headers: Any
    ) -> Answer:
        copied = re.fullmatch(r"(.+)/(?:copyTo|rewriteTo)/b/([^/]+)/o/(.+)", rest)
        name = unquote(copied[1] if copied else rest)
        path = self.root / bucket / name
        if not path.is_file():
            return _refusal(404, f"No such object: {bucket}/{name}")
        if copied:
            target = self.root / copied[2] / unquote(copied[3])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
            return _json(self._metadata(copied[2], unquote(copied[3])))
        if method == "DELETE":
            path.unlink()
            return Answer(status=204)
        if query.get("alt") == "media":
            return _media(path.read_bytes(), headers.get("range", ""))
        return _json(self._metadata(bucket, name))

    def _upload(
        self, method: str, bucket: str, query: Mapping[str, str], headers: Any, body: bytes
    ) -> Answer:
        if query["uploadType"] == "multipart":
            described, content = _parts(headers, body)
            name = json.loads(described.get_payload())["name"]
            return self._store(bucket, name, content.get_payload(decode=True))
        if method == "POST":
            name = query.get("name") or json.loads(body)["name"]
            upload = f"upload-{next(self._ids)}"
            self._uploads[upload] = (self.root / bucket / name, b"")
            where = f"http://{headers['host']}/upload/storage/v1/b/{bucket}/o"
            session = f"{where}?uploadType=resumable&upload_id={upload}"
            return Answer(headers={"Location": session})
        path, before = self._uploads[query["upload_id"]]
        content = before + body
        if headers.get("content-range", "").endswith("/*"):  # more will come
            self._uploads[query["upload_id"]] = (path, content)
            return Answer(status=308, headers={"Range": f"bytes=0-{len(content) - 1}"})
        return self._store(bucket, str(path.relative_to(self.root / bucket)), content)

    def _store(self, bucket: str, name: str, content: bytes) -> Answer:
        path = self.root / bucket / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{threading.get_ident()}")
        part.write_bytes(content)
        part.replace(path)  # an object is there whole or not at all
        return _json(self._metadata(bucket, name))

    def _metadata(self, bucket: str, name: str) -> dict[str, Any]:
        content = (self.root / bucket / name).read_bytes()
        crc = google_crc32c.value(content).to_bytes(4, "big")
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": name,
            "size": str(len(content)),
            "generation": "1",
            "updated": "2026-11-22T00:00:00.000Z",
            "crc32c": base64.b64encode(crc).decode(),
            "md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
        }

    def _batch(self, headers: Mapping[str, str], body: bytes) -> Answer:
        answers = []
        for part in _parts(headers, body):
            method, url, _ = part.get_payload().splitlines()[0].split(" ")
            answer = self.answer(method, url, {}, b"")
            answers.append(
                f"--batch\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 {answer.status} X\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(answer.body)}\r\n\r\n"
                f"{answer.body.decode()}\r\n"
            )
        return Answer(
            body=f"{''.join(answers)}--batch--\r\n".encode(),
            headers={"Content-Type": "multipart/mixed; boundary=batch"},
        )


def _parts(headers: Mapping[str, str], body: bytes) -> list[Any]:
    raw = b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body
    parts: Any = BytesParser().parsebytes(raw).get_payload()
    return list(parts)


def _media(content: bytes, wanted: str) -> Answer:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    if found is None:
        return Answer(body=content)
    start = int(found[1])
    end = min(int(found[2] or len(content)), len(content) - 1)
    if start >= len(content):
        return _refusal(416, "Requested range not satisfiable")
    return Answer(
        status=206,
        body=content[start : end + 1],
        headers={"Content-Range": f"bytes {start}-{end}/{len(content)}"},
    )


@dataclass
class DataflowJob:
    """A job as Dataflow has it.

    Attributes:
        request: The `Job` message that it was created from.
        pipeline: The staged pipeline.
        state: As the API has it.
        messages: What the API tells of it: importance and text.
    """

    request: dict[str, Any]
    pipeline: beam_runner_api_pb2.Pipeline
    state: str = "JOB_STATE_PENDING"
    messages: list[tuple[str, str]] = field(default_factory=list)

    @property
    def options(self) -> dict[str, Any]:
        """The options of the pipeline, as workers get them."""
        found: dict[str, Any] = self.request["environment"]["sdkPipelineOptions"]["options"]
        return found


class Dataflow:
    """The REST API of Dataflow, v1b3: https://cloud.google.com/dataflow/docs/reference/rest.

    Attributes:
        jobs: By ID, the oldest first.
        holds: Whether jobs go on until they are cancelled, and compute nothing.
        ends_late: Seconds from the call that cancels a job to the state that says so; 0 for both at
            once.
        refusals: Status and message with which the next jobs are refused.
        when_created: Called when a job runs, before the answer that says so.
        when_done: Called when the workers have computed all, before the job is in that state.
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
            return _refusal(404, f"no method {path}")
        if found[1] is None:
            return self._list(url) if method == "GET" else self._create(json.loads(body))
        job = self.jobs.get(found[1])
        if job is None:
            return _refusal(404, f"no job {found[1]}")
        if found[2] == "/messages":
            return _json({"jobMessages": [_message(*each) for each in enumerate(job.messages)]})
        if found[2] == "/metrics":
            return _json({})
        if method == "PUT":
            wanted = json.loads(body)["requestedState"]
            if wanted not in _CANCELLED or job.state in (*_ENDED, "JOB_STATE_CANCELLING"):
                return _refusal(400, f"{job.state} does not become {wanted}")
            if self.ends_late:
                answer = _json(_described(found[1], job))
                threading.Timer(self.ends_late, self._end, [job]).start()
                return answer
            job.state = "JOB_STATE_CANCELLING"
            return _json(_described(found[1], job))
        described = _json(_described(found[1], job))
        if job.state == "JOB_STATE_CANCELLING":
            job.state = "JOB_STATE_CANCELLED"  # who asks again finds that it has ended
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
        return _json({"jobs": found} if found else {})

    def _create(self, request: dict[str, Any]) -> Answer:
        if self.refusals:
            return _refusal(*self.refusals.pop(0))
        if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", request["name"]):
            return _refusal(400, f"the name {request['name']} does not match")
        if unknown := _unknown_fields(request):
            return _refusal(400, f"Job has no {unknown}")
        active = [job for job in self.jobs.values() if job.state not in _ENDED]
        if any(job.request["name"] == request["name"] for job in active):
            return _refusal(409, f"There is already an active job named {request['name']}.")
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
        return _json(created)


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
    """Makes the modules of staged wheels importable, as a worker does before it starts."""
    for each in dependencies:
        url = beam_runner_api_pb2.ArtifactUrlPayload.FromString(each.type_payload).url
        if url.endswith(".whl"):
            target = directory / url.rpartition("/")[2]
            with zipfile.ZipFile(io.BytesIO(storage.read(url))) as wheel:
                wheel.extractall(target)
            sys.path.append(str(target))


def _unknown_fields(request: Mapping[str, Any]) -> str:
    """Returns what the message `Job` of Beam's own client lacks; empty where all is known."""
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
    """Returns the images that the workers of a job run in, as its staged pipeline has them."""
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
        when_asked: Called with the method and the path of each request before it is looked at.
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
    """Runs the server.

    Args:
        root: Has a directory per bucket.
        key_file: Where to write the key of a service account.
    """
    storage = CloudStorage(root)
    dataflow = Dataflow(storage)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            length = int(headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # the client was killed; what it sent a part of is not done
                self.close_connection = True
                return
            cloud.when_asked(self.command, self.path)
            if self.path == "/token":
                answer = _json({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
            elif headers.get("authorization") != "Bearer t":
                answer = _refusal(401, "Request is missing required authentication credential.")
            elif self.path.startswith("/v1b3/"):
                answer = dataflow.answer(self.command, self.path, body)
            else:
                answer = storage.answer(self.command, self.path, headers, body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that was killed

    server = Server(("localhost", 0), Handler)
    server.daemon_threads = True
    address = f"http://localhost:{server.server_port}"
    cloud = GoogleCloud(
        storage=storage,
        dataflow=dataflow,
        environment={
            "GOOGLE_APPLICATION_CREDENTIALS": str(key_file),
            "STORAGE_EMULATOR_HOST": address,
            # What the clients look for besides is not here, and is not asked of anybody else.
            "HTTPS_PROXY": address,
            "NO_PROXY": "localhost,127.0.0.1",
        },
        args=(f"--dataflow_endpoint={address}",),
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    _write_key(key_file, f"{address}/token")
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()


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
