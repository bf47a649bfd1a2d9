"""A Kubernetes API server with its controllers, as an HTTP server on this machine.

It has the REST API that a push uses: get, list, watch streams, server-side apply, JSON patch, and
Status objects for errors. It refuses unknown fields with the models of Kubernetes' own OpenAPI
document, from which the Python client is generated. The controllers of Deployments and KServe
update `status` step by step during a watch.
"""

import contextlib
import copy
import datetime
import ipaddress
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes.client
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.fakes.local_http import JsonHandler, serving

TOKEN = "the-token"
NAMESPACE = "serving"

_PATH = re.compile(
    r"/apis?/(?P<api>.+?)/namespaces/(?P<namespace>[^/]+)/(?P<plural>\w+)/?(?P<name>[^/]*)"
)
_MODELS = {"deployments": "V1Deployment", "services": "V1Service"}
_KINDS = {"deployments": "Deployment", "inferenceservices": "InferenceService", "pods": "Pod"}

# https://kserve.github.io/website/docs/reference/crd-api, as far as a push sets it.
_PREDICTOR = {
    "minReplicas", "maxReplicas", "canaryTrafficPercent", "serviceAccountName", "labels",
    "nodeSelector", "model",
}  # fmt: skip
_MODEL = {"modelFormat", "storageUri", "runtime", "resources"}

Object = dict[str, Any]


@dataclass
class KubernetesApi:
    """The cluster, and the faults to show.

    Attributes:
        address: Where it listens.
        kubeconfig: A file that names it.
        objects: Objects by plural and name.
        applied: The applied bodies, in order.
        asked: The rights that the requests so far need: API group, plural and verb.
        forbidden: Verb and plural of requests that the token does not allow.
        busy: Statuses to answer to the next changes.
        has_kserve: Whether KServe is installed.
        trouble: The `state.waiting` of a container of new pods. Its reason may be "Unschedulable";
            with "ContainerCreating" it never starts. With "CrashLoopBackOff" it is started again
            and again, or with `container` that init container; with "NotReady" it runs, and its
            probe fails. Empty for none.
        watch_error: Whether the next watch ends with an expired resource version.
    """

    address: str = ""
    kubeconfig: Path = Path()
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    applied: list[Object] = field(default_factory=list)
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    forbidden: set[tuple[str, str]] = field(default_factory=set)
    busy: list[int] = field(default_factory=list)
    has_kserve: bool = True
    trouble: dict[str, str] = field(default_factory=dict)
    watch_error: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)
    _owned: dict[tuple[str, str], Object] = field(default_factory=dict)
    _version: int = 0

    def apply(self, plural: str, name: str, manifest: Object) -> Object:
        """Server-side apply by one manager: sets its fields, and removes its earlier ones."""
        key = (plural, name)
        _check_fields(plural, manifest)
        self.applied.append(manifest)
        present = self.objects.get(key, {"metadata": {"name": name, "generation": 0}})
        kept = _without(present, self._owned.get(key, {}))
        self._owned[key] = copy.deepcopy(manifest)
        return self._store(key, _merged(kept, manifest))

    def patch(self, plural: str, name: str, operations: list[Object]) -> Object:
        """JSON patch, of which a push uses "test" and "replace"."""
        changed = copy.deepcopy(self.objects[(plural, name)])
        for operation in operations:
            *parents, last = operation["path"].strip("/").split("/")
            holder = changed
            for parent in parents:
                holder = holder[parent]
            last = last.replace("~1", "/")
            if operation["op"] == "test":
                if holder.get(last) != operation["value"]:
                    raise ValueError(f"testing value {operation['path']} failed")
                continue
            holder[last] = operation["value"]
        return self._store((plural, name), changed)

    def _store(self, key: tuple[str, str], changed: Object) -> Object:
        before = self.objects.get(key, {})
        metadata = changed["metadata"]
        if changed.get("spec") != before.get("spec"):
            metadata["generation"] = metadata.get("generation", 0) + 1
        if changed != before:
            self._version += 1
            metadata["resourceVersion"] = str(self._version)
            self.objects[key] = changed
        return self.objects[key]

    def advance(self, plural: str, name: str) -> None:
        """Lets the controller of an object take one step."""
        key = (plural, name)
        changed = copy.deepcopy(self.objects[key])
        if plural == "deployments":
            self._advance_deployment(changed)
        if plural == "inferenceservices":
            self._advance_inference_service(changed)
        self._store(key, changed)

    def _advance_deployment(self, found: Object) -> None:
        template, status = found["spec"]["template"], found.setdefault("status", {})
        wanted = found["spec"].get("replicas", 1)
        labels = template["metadata"]["labels"]
        new, old = self._pods(found, labels["headrace.dev/push"])
        self._restart(new)
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            status.update(observedGeneration=found["metadata"]["generation"], updatedReplicas=0)
            status["replicas"] = len(new) + len(old)
            status["conditions"] = [_condition("Progressing", "True", "ReplicaSetUpdated")]
        elif len(new) < wanted:
            self._add_pod(found, labels)
            status["updatedReplicas"] = len(new) + 1
            status["replicas"] = len(new) + 1 + len(old)
        elif self.trouble.get("reason") in ("CrashLoopBackOff", "ContainerCreating", "NotReady"):
            status["unavailableReplicas"] = len(new)  # until the deadline, a quarter of an hour
        elif self.trouble:
            text = f'ReplicaSet "{found["metadata"]["name"]}-5d4f" has timed out progressing.'
            status["conditions"] = [
                _condition("Progressing", "False", "ProgressDeadlineExceeded", text)
            ]
        elif old:
            del self.objects[("pods", old[0]["metadata"]["name"])]
            status["replicas"] = status["replicas"] - 1
        else:
            status.update(updatedReplicas=len(new), availableReplicas=len(new), replicas=len(new))
            status["conditions"] = [_condition("Progressing", "True", "NewReplicaSetAvailable")]

    def _advance_inference_service(self, found: Object) -> None:
        # Serverless: Knative makes a revision, and `Ready` stays that of the one before until then.
        predictor, name = found["spec"]["predictor"], found["metadata"]["name"]
        status = found.setdefault("status", {})
        push = predictor["labels"]["headrace.dev/push"]
        revision = f"{name}-predictor-{found['metadata']['generation']:05d}"
        new, old = self._pods(found, push)
        self._restart(new)
        revisions = status.setdefault("components", {}).setdefault("predictor", {})
        seen = status.setdefault("steps", {})
        seen[revision] = step = seen.get(revision, 0) + 1
        if step < 3:
            return
        if not new and step == 3:
            self._add_pod(found, predictor["labels"])
            revisions["latestCreatedRevision"] = revision
            status["modelStatus"] = {"transitionStatus": "InProgress"}
            status["conditions"] = [_condition("Ready", "Unknown", "RevisionMissing")]
        elif self.trouble.get("reason") == "ContainerCreating":
            return
        elif self.trouble and step == 5:
            info = {"reason": "ModelLoadFailed", "message": "no versions of servable found"}
            status["modelStatus"] = {
                "transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": info,
            }  # fmt: skip
            status["conditions"] = [_condition("Ready", "False", "RevisionFailed")]
        elif not self.trouble:
            for pod in new:
                pod["status"] = {"conditions": [_condition("Ready", "True", "")]}
            revisions.update(latestCreatedRevision=revision, latestReadyRevision=revision)
            status["modelStatus"] = {"transitionStatus": "UpToDate"}
            status["conditions"] = [_condition("Ready", "True", "")]
            status["url"] = f"http://{name}.{NAMESPACE}.example.com"
            if predictor.get("canaryTrafficPercent", 100) == 100:
                for pod in old:
                    del self.objects[("pods", pod["metadata"]["name"])]

    def _restart(self, pods: list[Object]) -> None:
        if self.trouble.get("reason") == "CrashLoopBackOff":
            for pod in pods:
                for container in pod["status"].get("containerStatuses", []):
                    container["restartCount"] += 1

    def _pods(self, owner: Object, push: str) -> tuple[list[Object], list[Object]]:
        mine = [
            pod
            for (plural, name), pod in self.objects.items()
            if plural == "pods" and name.startswith(f"{owner['metadata']['name']}-")
        ]
        label = "headrace.dev/push"
        new = [pod for pod in mine if pod["metadata"]["labels"][label] == push]
        return new, [pod for pod in mine if pod["metadata"]["labels"][label] != push]

    def _add_pod(self, owner: Object, labels: dict[str, str]) -> None:
        name = f"{owner['metadata']['name']}-{len(self.objects)}-x7k2p"
        status: Object = {"conditions": [_condition("Ready", "True", "")]}
        if self.trouble.get("reason") == "Unschedulable":
            text = self.trouble["message"]
            status["conditions"] = [_condition("PodScheduled", "False", "Unschedulable", text)]
        elif self.trouble:
            container: Object = {"name": "server", "restartCount": 0, "ready": False}
            container["state"] = {"waiting": self.trouble}
            if self.trouble["reason"] == "CrashLoopBackOff":
                container["lastState"] = {"terminated": {"exitCode": 255, "reason": "Error"}}
            if self.trouble["reason"] == "NotReady":
                container["state"] = {"running": {"startedAt": "2026-01-31T12:00:00Z"}}
            key = "initContainerStatuses" if "container" in self.trouble else "containerStatuses"
            status = {
                "conditions": [_condition("Ready", "False", "ContainersNotReady")],
                key: [{**container, "name": self.trouble.get("container", "server")}],
            }
        self._store(
            ("pods", name), {"metadata": {"name": name, "labels": labels}, "status": status}
        )


class _Handler(JsonHandler):
    api: KubernetesApi

    def do_GET(self) -> None:  # noqa: N802  http.server's name
        found = self._found()
        if found is None:
            return
        query = {key: value[0] for key, value in parse_qs(urlsplit(self.path).query).items()}
        plural, name = found
        if name:
            with self.api.lock:
                present = self.api.objects.get((plural, name))
                if present is None:
                    self._refuse(404, f'{plural} "{name}" not found', plural)
                else:
                    self.answer(200, present)
        elif query.get("watch") == "true":
            name = query["fieldSelector"].removeprefix("metadata.name=")
            self._watch(plural, name, int(query["timeoutSeconds"]))
        else:
            label, _, value = query["labelSelector"].partition("=")
            with self.api.lock:
                items = [
                    each
                    for (kind, _), each in self.api.objects.items()
                    if kind == plural and each["metadata"]["labels"].get(label) == value
                ]
                self.answer(200, {"kind": "List", "items": items})

    def do_PATCH(self) -> None:  # noqa: N802  http.server's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        found = self._found()
        if found is None:
            return
        plural, name = found
        query = parse_qs(urlsplit(self.path).query)
        with self.api.lock:
            if self.api.busy:
                status = self.api.busy.pop(0)
                self._refuse(status, "the object has been modified", plural)
                return
            try:
                if self.headers["Content-Type"] == "application/apply-patch+yaml":
                    if query["fieldManager"] != ["headrace"] or query["force"] != ["true"]:
                        raise ValueError("fieldManager is required for apply patch")
                    changed = self.api.apply(plural, name, yaml.safe_load(body))
                else:
                    changed = self.api.patch(plural, name, json.loads(body))
            except ValueError as error:
                self._refuse(400, str(error), plural)
            else:
                self.answer(200, changed)

    def _found(self) -> tuple[str, str] | None:
        """Returns plural and name of the path, or answers why not."""
        path = _PATH.fullmatch(urlsplit(self.path).path)
        if path is None or (path["plural"] == "inferenceservices" and not self.api.has_kserve):
            self.send(404, b"404 page not found\n", "text/plain")
            return None
        plural, name = path["plural"], path["name"]
        verb = "patch" if self.command == "PATCH" else "get" if name else "list"
        verb = "watch" if "watch=true" in self.path else verb
        group = path["api"].rpartition("/")[0]
        self.api.asked.add((group, plural, verb))
        # https://kubernetes.io/docs/reference/using-api/server-side-apply/: to apply a new object
        # needs both verbs.
        if verb == "patch" and (plural, path["name"]) not in self.api.objects:
            self.api.asked.add((group, plural, "create"))
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if (scheme.lower(), token) != ("bearer", TOKEN):
            self._refuse(401, "Unauthorized", plural)
        elif (verb, plural) in self.api.forbidden:
            user = "system:serviceaccount:kubeflow:pipeline-runner"
            text = f'{plural} is forbidden: User "{user}" cannot {verb} resource "{plural}"'
            self._refuse(403, text, plural)
        elif path["namespace"] != NAMESPACE and self.command == "PATCH":
            self._refuse(404, f'namespaces "{path["namespace"]}" not found', "namespaces")
        else:
            return plural, name
        return None

    def _watch(self, plural: str, name: str, seconds: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.api.watch_error:
            self.api.watch_error = False
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            self._event("ERROR", status)
            self.wfile.write(b"0\r\n\r\n")
            return
        end, shown = time.monotonic() + seconds, ""
        with contextlib.suppress(OSError):  # the client has closed the connection
            while time.monotonic() < end:
                with self.api.lock:
                    found = copy.deepcopy(self.api.objects.get((plural, name)))
                    if found is not None:
                        self.api.advance(plural, name)
                if found is None and shown:
                    self._event("DELETED", {"kind": _KINDS[plural], "metadata": {"name": name}})
                    break
                if found is not None and found["metadata"]["resourceVersion"] != shown:
                    self._event("MODIFIED" if shown else "ADDED", found)
                    shown = found["metadata"]["resourceVersion"]
                time.sleep(0.02)
            self.wfile.write(b"0\r\n\r\n")

    def _event(self, kind: str, found: Object) -> None:
        line = json.dumps({"type": kind, "object": found}).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

    def _refuse(self, code: int, message: str, plural: str) -> None:
        status = {"kind": "Status", "status": "Failure", "code": code, "message": message}
        self.answer(code, {**status, "details": {"kind": plural}})


@contextlib.contextmanager
def kubernetes_api(folder: Path, certificate: Path | None = None) -> Iterator[KubernetesApi]:
    """Serves a cluster on a free port, with a kubeconfig file for it in `folder`.

    Args:
        folder: A directory of the test.
        certificate: The server's certificate and key, as in clusters; by default it uses plain
            HTTP.
    """
    api = KubernetesApi()
    with serving(type("Handler", (_Handler,), {"api": api}), certificate) as port:
        api.address = f"http{'s' if certificate else ''}://127.0.0.1:{port}"
        api.kubeconfig = folder / "kubeconfig"
        write_kubeconfig(api.kubeconfig, api.address, NAMESPACE)
        yield api


def write_kubeconfig(path: Path, server: str, namespace: str = "") -> None:
    """Writes a file with which clients find `server`, a URL, and their namespace, if any."""
    context = {"cluster": "here", "user": "me"}
    if namespace:
        context["namespace"] = namespace
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{"name": "here", "cluster": {"server": server}}],
                "users": [{"name": "me", "user": {"token": TOKEN}}],
                "contexts": [{"name": "test", "context": context}],
            }
        )
    )


def write_certificate(path: Path) -> None:
    """Writes a self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certificate.public_bytes(pem) + secret)


def _condition(kind: str, status: str, reason: str, message: str = "") -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _merged(present: Any, applied: Any) -> Any:
    if not isinstance(present, dict) or not isinstance(applied, dict):
        return copy.deepcopy(applied)
    names = [*present, *(name for name in applied if name not in present)]
    return {
        name: _merged(present.get(name), applied[name]) if name in applied else present[name]
        for name in names
    }


def _without(present: Object, owned: Object) -> Object:
    """Returns an object without the fields that its manager set before."""
    result = {}
    for name, value in present.items():
        if isinstance(value, dict) and isinstance(owned.get(name), dict):
            result[name] = _without(value, owned[name])
        elif name not in owned or name == "name":
            result[name] = value
    return result


def _check_fields(plural: str, manifest: Object) -> None:
    if plural in _MODELS:
        check_model(manifest, _MODELS[plural], "")
        return
    predictor = manifest["spec"]["predictor"]
    for found, known in ((predictor, _PREDICTOR), (predictor["model"], _MODEL)):
        if not set(found) <= known:
            raise ValueError(f"field not declared in schema: {sorted(set(found) - known)}")


def check_model(value: Any, kind: str, path: str) -> None:
    """Compares JSON with a type of the client's models, such as "V1Pod" or "list[V1Container]"."""
    inner = re.fullmatch(r"(list|dict)(?:\[|\(str, )(.+)[\])]", kind)
    if inner is not None:
        items = value.items() if inner[1] == "dict" else enumerate(value)
        for key, item in items:
            check_model(item, inner[2], f"{path}[{key}]")
    elif hasattr(kubernetes.client, kind):
        model = getattr(kubernetes.client, kind)
        types = {model.attribute_map[name]: type_ for name, type_ in model.openapi_types.items()}
        for name, item in value.items():
            if name not in types:
                raise ValueError(f"{path}.{name}: field not declared in schema")
            check_model(item, types[name], f"{path}.{name}")
    else:
        known = {"str": str, "int": int, "bool": bool, "object": object}[kind]
        if not isinstance(value, known) or (kind == "int" and isinstance(value, bool)):
            raise ValueError(f"{path}: expected {kind}, got {value!r}")
