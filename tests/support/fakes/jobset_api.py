"""The part of a Kubernetes API server for JobSets, with a controller that runs their pods.

Pods are processes of this machine. Volumes are not mounted: a test mounts a directory at its own
path. Pod templates are checked with the models of Kubernetes' own OpenAPI document.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.fakes.kubernetes_api import check_model, write_kubeconfig
from support.fakes.local_http import JsonHandler, serving
from support.programs.ports import free_ports

NAMESPACE = "kubeflow"
_JOBSETS = f"/apis/jobset.x-k8s.io/v1alpha2/namespaces/{NAMESPACE}/jobsets"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"

Object = dict[str, Any]


@dataclass
class _Pod:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    finished: str = ""


@dataclass
class JobSetApi:
    """The cluster.

    Attributes:
        folder: A directory of the test.
        kubeconfig: A file that names the cluster.
        created: The JobSets that were created, in order.
        jobsets: Those that still exist, by name.
        refuse: Status and message of the error for a creation.
        asked: The rights that the requests so far need: API group, resource and verb.
    """

    folder: Path
    kubeconfig: Path = Path()
    created: list[Object] = field(default_factory=list)
    jobsets: dict[str, Object] = field(default_factory=dict)
    refuse: tuple[int, str] | None = None
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    pods: dict[str, list[_Pod]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def create(self, manifest: Object) -> None:
        """Starts the pods of a JobSet, like the JobSet and Job controllers."""
        name = manifest["metadata"]["name"]
        (replicated,) = manifest["spec"]["replicatedJobs"]
        job = replicated["template"]["spec"]
        check_model(job, "V1JobSpec", ".spec")
        self.created.append(manifest)
        self.jobsets[name] = manifest
        count = job["completions"]
        subdomain = manifest["spec"]["network"]["subdomain"]
        hosts = [f"{name}-{replicated['name']}-0-{index}.{subdomain}" for index in range(count)]
        found = [f"localhost:{port}" for port in free_ports(count)]
        addresses = dict(zip(hosts, found, strict=True))
        self.pods[name] = [
            self._pod(f"{name}-{replicated['name']}-0-{index}-x7k2p", job, index, addresses)
            for index in range(count)
        ]

    def _pod(self, name: str, job: Object, index: int, addresses: dict[str, str]) -> _Pod:
        (container,) = job["template"]["spec"]["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        for host, address in addresses.items():
            # The answer of the name server.
            variables["HEADRACE_HOSTS"] = variables["HEADRACE_HOSTS"].replace(
                f"{host}:2222", address
            )
        log = self.folder / f"{name}.log"
        words = [*container["command"], *container["args"]]
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable if word == "python" else word.replace("$$", "$") for word in words],
                env={**os.environ, **variables, "JOB_COMPLETION_INDEX": str(index)},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return _Pod(name=name, process=process, log=log)

    def advance(self, name: str) -> None:
        """Writes the results of the pods to `status`."""
        codes = []
        for pod in self.pods[name]:
            code = pod.process.poll()
            codes.append(code)
            if code is not None and not pod.finished:
                pod.finished = datetime.now(UTC).isoformat()
        if any(codes):
            self._end(name, {"type": "Failed", "status": "True", "reason": "FailedJobs"})
        elif all(code == 0 for code in codes):
            self._end(name, {"type": "Completed", "status": "True", "reason": "AllJobsCompleted"})

    def _end(self, name: str, condition: Object) -> None:
        self.jobsets[name]["status"] = {"conditions": [condition]}
        # The Job controller deletes those that still run.
        ended = [pod for pod in self.pods[name] if pod.process.poll() is not None]
        for pod in self.pods[name]:
            _kill(pod)
        self.pods[name] = ended

    def delete(self, name: str) -> None:
        """Deletes a JobSet with its pods."""
        del self.jobsets[name]
        for pod in self.pods.pop(name):
            _kill(pod)

    def pod_objects(self, name: str) -> list[Object]:
        """Returns the pods of a JobSet as the API shows them."""
        return [_shown(pod) for pod in self.pods.get(name, [])]


def _shown(pod: _Pod) -> Object:
    code = pod.process.poll()
    state: Object = {"running": {}}
    if code is not None:
        code = 128 - code if code < 0 else code
        reason = "OOMKilled" if code == 137 else "Error" if code else "Completed"
        state = {"terminated": {"exitCode": code, "reason": reason, "finishedAt": pod.finished}}
    phase = "Running" if code is None else "Failed" if code else "Succeeded"
    status = {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]}
    return {"metadata": {"name": pod.name}, "status": status}


def _kill(pod: _Pod) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pod.process.pid, signal.SIGKILL)
    pod.process.wait()


class _Handler(JsonHandler):
    api: JobSetApi

    def do_GET(self) -> None:  # noqa: N802  http.server's name
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        label, _, value = query.get("labelSelector", "").partition("=")
        self._note("list" if url.path in (_JOBSETS, _PODS) else "get")
        with self.api.lock:
            if url.path == _JOBSETS:
                items = [
                    each
                    for each in self.api.jobsets.values()
                    if each["metadata"]["labels"].get(label) == value
                ]
                self.answer(200, {"kind": "JobSetList", "items": items})
            elif url.path == _PODS:
                self.answer(200, {"kind": "PodList", "items": self.api.pod_objects(value)})
            elif found := re.fullmatch(f"{_PODS}/([^/]+)/log", url.path):
                lines = (self.api.folder / f"{found[1]}.log").read_text("utf-8").splitlines()
                text = "\n".join(lines[-int(query["tailLines"]) :])
                self.send(200, text.encode(), "text/plain")
            elif (name := url.path.removeprefix(f"{_JOBSETS}/")) in self.api.jobsets:
                self.api.advance(name)
                self.answer(200, self.api.jobsets[name])
            else:
                self._refuse(404, f'jobsets.jobset.x-k8s.io "{name}" not found')

    def do_POST(self) -> None:  # noqa: N802  http.server's name
        self._note("create")
        manifest = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.api.lock:
            if self.api.refuse:
                self._refuse(*self.api.refuse)
                return
            try:
                self.api.create(manifest)
            except ValueError as error:
                self._refuse(400, str(error))
            else:
                self.answer(201, manifest)

    def do_DELETE(self) -> None:  # noqa: N802  http.server's name
        self._note("delete")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name = urlsplit(self.path).path.removeprefix(f"{_JOBSETS}/")
        with self.api.lock:
            if name in self.api.jobsets:
                self.api.delete(name)
                self.answer(200, {"kind": "Status", "status": "Success"})
            else:
                self._refuse(404, f'jobsets.jobset.x-k8s.io "{name}" not found')

    def _note(self, verb: str) -> None:
        before, _, after = urlsplit(self.path).path.partition(f"/namespaces/{NAMESPACE}/")
        resource, _, below = after.partition("/")
        part = below.partition("/")[2]
        group = before.split("/")[2] if before.startswith("/apis/") else ""
        self.api.asked.add((group, f"{resource}/{part}" if part else resource, verb))

    def _refuse(self, code: int, message: str) -> None:
        self.answer(code, {"kind": "Status", "status": "Failure", "code": code, "message": message})


@contextlib.contextmanager
def jobset_api(folder: Path) -> Iterator[JobSetApi]:
    """Serves a cluster on a free port, with a kubeconfig file for it in `folder`."""
    api = JobSetApi(folder=folder)
    with serving(type("Handler", (_Handler,), {"api": api})) as port:
        api.kubeconfig = folder / "kubeconfig"
        write_kubeconfig(api.kubeconfig, f"http://127.0.0.1:{port}", NAMESPACE)
        try:
            yield api
        finally:
            with api.lock:
                for name in list(api.jobsets):
                    api.delete(name)
