"""The API server of Kubeflow Pipelines with its controllers, as an HTTP server on this machine.

It has the REST API v2beta1 that `kfp_server_api` calls. It checks pipelines with the same protos as
the real server, and a run advances by one task with each request for it. Like the real one, it
reports tasks as the nodes of an Argo workflow, including drivers and executors.
"""

import base64
import contextlib
import json
import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from support.fakes.kubeflow_native import NativeLineage
from support.fakes.kubeflow_workflow import ENDED, Object, Workflow, now
from support.fakes.local_http import JsonHandler, serving
from support.oracles import executor_configs

# grpc-gateway's status for codes of google.rpc.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 429: 8, 500: 13, 503: 14}


Query = Mapping[str, list[str]]


class RefusedError(Exception):
    """The server answers with a status instead of a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class KubeflowApi:
    """The state of the installation, and the faults to show.

    Attributes:
        address: Where it listens.
        multi_user: Whether experiments need a namespace.
        token: The required bearer token; empty accepts everybody.
        page: Answers every call with this web page, like a gateway in front of it.
        refusals: Statuses of the next answers by call, such as {"POST runs": [503]}; 0 lets a call
            pass.
        lost: Calls that are carried out, but whose next answer does not arrive.
        failing: Names of tasks that fail.
        failing_drivers: Names of tasks whose drivers fail.
        cached: Names of tasks whose results come from the cache.
        stuck: Names of tasks whose pods cannot start.
        logs: The output of tasks, by their names, of drivers by names such as `train-driver`, or by
            the names of their pods.
        archive: The same of deleted pods, by their Argo IDs.
        calls: The calls, such as "POST runs", in order.
        bodies: The bodies of these calls.
        experiments: By ID, in the API's form.
        runs: The same of runs.
        recurring_runs: The same of recurring runs.
        native: The lineage of a backend without ML Metadata; None for a backend with it.
    """

    address: str = ""
    multi_user: bool = False
    token: str = ""
    page: str = ""
    refusals: dict[str, list[int]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    failing_drivers: set[str] = field(default_factory=set)
    cached: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    logs: dict[str, str] = field(default_factory=dict)
    archive: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    experiments: dict[str, Object] = field(default_factory=dict)
    runs: dict[str, Object] = field(default_factory=dict)
    recurring_runs: dict[str, Object] = field(default_factory=dict)
    native: NativeLineage | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, call: str, identifier: str, query: Query, body: Any) -> Object:
        """Answers one call, such as `GET runs` or `POST runs:terminate`."""
        verb, _, rest = call.partition(" ")
        kind, _, action = rest.partition(":")
        if kind == "healthz":
            return {"multi_user": self.multi_user}
        if kind in ("artifacts", "artifact_tasks"):
            if self.native is None:
                raise RefusedError(404, "Not Found")
            return self.native.answer(kind, identifier, query)
        objects = self._objects(kind)
        if not identifier:
            return self._create(kind, body) if verb == "POST" else self._list(kind, objects, query)
        if identifier not in objects:
            name = {"runs": "Run", "experiments": "Experiment"}.get(kind, "Recurring run")
            raise RefusedError(
                404, f"Failed to get {kind}: ResourceNotFoundError: {name} {identifier} not found"
            )
        found = objects[identifier]
        if verb == "DELETE":
            del objects[identifier]
            return {}
        if action == "terminate":
            if found["state"] in ENDED:
                raise RefusedError(400, f"Run {identifier} cannot be terminated: it is over")
            _enter(found, "CANCELING")
            found["_is_cancelled"] = True
            return {}
        if action in ("enable", "disable"):
            found["status"] = f"{action}d".upper()
            return {}
        if kind == "runs":
            self._advance(found)
            shown = {key: value for key, value in found.items() if not key.startswith("_")}
            if self.native is not None:
                shown.pop("run_details", None)
                if query.get("view") == ["FULL"]:
                    shown["tasks"] = self.native.tasks_of(identifier)
            return shown
        return found

    def _objects(self, kind: str) -> dict[str, Object]:
        return {
            "experiments": self.experiments,
            "runs": self.runs,
            "recurringruns": self.recurring_runs,
        }[kind]

    def _create(self, kind: str, body: Object) -> Object:
        if kind == "experiments":
            if self.multi_user and not body.get("namespace"):
                raise RefusedError(400, "An experiment cannot have an empty namespace")
            return self._store(kind, "experiment_id", body)
        if body.get("experiment_id") not in self.experiments:
            raise RefusedError(404, f"Experiment {body.get('experiment_id')} not found.")
        spec = parsed_spec(body["pipeline_spec"])
        known = spec["root"].get("inputDefinitions", {}).get("parameters", {})
        given = body["runtime_config"].get("parameters", {})
        needed = {
            name
            for name, each in known.items()
            if not each.get("isOptional") and "defaultValue" not in each
        }
        if not set(given) <= set(known) or not needed <= set(given):
            raise RefusedError(400, f"parameters: {sorted(given)} are not of {sorted(known)}")
        if kind == "recurringruns":
            return self._create_recurring_run(body)
        run = {**body, "state_history": [], "_seen": 0, "_spec": spec, "_is_cancelled": False}
        _enter(run, "PENDING")
        return self._store(kind, "run_id", run)

    def _create_recurring_run(self, body: Object) -> Object:
        if not 1 <= int(body["max_concurrency"]) <= 10:
            raise RefusedError(
                400,
                "The max concurrency of a recurring run must be at least 1 "
                f"and at most 10. Got {body['max_concurrency']}",
            )
        cron = body["trigger"]["cron_schedule"]["cron"].split()
        if len(cron) != 6:  # robfig/cron v1, with seconds
            raise RefusedError(400, f"Schedule cron is not supported: expected 6 fields: {cron}")
        status = {"ENABLE": "ENABLED", "DISABLE": "DISABLED"}[body["mode"]]
        # int64 is a string in the JSON of protos.
        shown = {**body, "status": status, "max_concurrency": str(body["max_concurrency"])}
        return self._store("recurringruns", "recurring_run_id", shown)

    def _store(self, kind: str, key: str, body: Object) -> Object:
        made = {**body, key: str(uuid.uuid4()), "created_at": now()}
        objects = self._objects(kind)
        objects[made[key]] = made
        return {key: value for key, value in made.items() if not key.startswith("_")}

    def _list(self, kind: str, objects: Mapping[str, Object], query: Query) -> Object:
        found = list(objects.values())
        if "filter" in query:
            for predicate in json.loads(query["filter"][0])["predicates"]:
                # The API's JSON has names of proto fields, and also accepts the enum as a number.
                if predicate["operation"] not in (1, "EQUALS"):
                    raise RefusedError(400, "only EQUALS")
                value = predicate.get("stringValue", predicate.get("string_value"))
                found = [each for each in found if each[predicate["key"]] == value]
        if "experiment_id" in query:
            found = [each for each in found if [each["experiment_id"]] == query["experiment_id"]]
        if query.get("sort_by", [""])[0].endswith(" desc"):
            found.reverse()
        size = int(query.get("page_size", ["20"])[0])
        start = int(query.get("page_token", ["0"])[0])
        plural = {"recurringruns": "recurringRuns"}.get(kind, kind)
        shown = [
            {key: value for key, value in each.items() if not key.startswith("_")}
            for each in found[start : start + size]
        ]
        more = {"next_page_token": str(start + size)} if start + size < len(found) else {}
        # In protojson, an empty list is left out.
        return {**({plural: shown} if shown else {}), "total_size": len(found), **more}

    def _advance(self, run: Object) -> None:
        """Lets a run advance by one task, and reports its nodes."""
        if run["state"] in ENDED or "_seen" not in run:  # it is over, or was recorded
            return
        if not run["_is_cancelled"]:
            run["_seen"] += 1
            _enter(run, "RUNNING" if run["_seen"] > 1 else "PENDING")
        workflow = Workflow(run, self.failing, self.failing_drivers, self.cached, self.stuck)
        nodes = workflow.nodes()
        run["_pods"] = workflow.pods
        if run["state"] != "PENDING":
            run["run_details"] = {"task_details": nodes}
        if run["_is_cancelled"]:
            _enter(run, "FAILED")  # CANCELED is never reported
        elif run["state"] == "RUNNING" and all(node["state"] in (*ENDED, None) for node in nodes):
            failed = any(node["state"] == "FAILED" for node in nodes)
            _enter(run, "FAILED" if failed else "SUCCEEDED")
        if run["state"] in ENDED:
            run["finished_at"] = now()

    def log(self, run_id: str, node: str) -> str | None:
        """Returns the log that the API server reads from a pod, by its name; None if it cannot."""
        task = self.runs.get(run_id, {}).get("_pods", {}).get(node, node)
        return self.logs.get(task) if task not in self.stuck else None


def _enter(run: Object, state: str) -> None:
    if run.get("state") != state:
        run["state"] = state
        run["state_history"].append({"update_time": now(), "state": state})


def parsed_spec(sent: Object) -> Object:
    """Returns the pipeline of a request, parsed like by the server.

    Raises:
        RefusedError: It is not a pipeline, or its Kubernetes settings are not valid.
    """
    spec = sent.get("pipeline_spec", sent)
    platform = sent.get("platform_spec", {})
    try:
        json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        message = json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
        for each in message.platforms["kubernetes"].deployment_spec.executors.values():
            executor_configs.parsed(json_format.MessageToDict(each))
    except json_format.ParseError as error:
        raise RefusedError(400, f"Failed to unmarshal pipeline spec: {error}") from error
    parsed: Object = spec
    return parsed


_LOG = re.compile(r"/apis/v1alpha1/runs/(?P<run>[^/]+)/nodes/(?P<node>[^/]+)/log")
_ARCHIVED = re.compile(
    r"/apis/v2beta1/runs/(?P<run>[^/]+)/nodes/(?P<node>[^/]+)/artifacts/main-logs:read"
)
_PATH = re.compile(r"/apis/v2beta1/(?P<kind>\w+)(?:/(?P<id>[^/:]+))?(?P<action>:\w+)?")


class _Handler(JsonHandler):
    api: KubeflowApi

    def do_GET(self) -> None:  # noqa: N802  http.server's name
        self._handle("GET")

    def do_POST(self) -> None:  # noqa: N802  http.server's name
        self._handle("POST")

    def do_DELETE(self) -> None:  # noqa: N802  http.server's name
        self._handle("DELETE")

    def _handle(self, verb: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        parts = urlsplit(self.path)
        path = _PATH.fullmatch(parts.path)
        if self.api.page:
            self.send(200, self.api.page.encode(), "text/html; charset=utf-8")
            return
        if log := _LOG.fullmatch(parts.path):
            self._send_log(log["run"], log["node"])
            return
        if archived := _ARCHIVED.fullmatch(parts.path):
            text = self.api.archive.get(archived["node"])
            if text is None:
                self._refuse(404, "ResourceNotFoundError: artifact not found")
            else:
                self.answer(200, {"data": base64.b64encode(text.encode()).decode()})
            return
        if path is None:
            self._refuse(404, "Not Found")
            return
        call = f"{verb} {path['kind']}{path['action'] or ''}"
        query = parse_qs(parts.query)
        with self.api.lock:
            self.api.calls.append(call)
            self.api.bodies.append(body)
            refusals = self.api.refusals.get(call, [])
            status = refusals.pop(0) if refusals else 0
            if status:
                self._refuse(status, f"{call}: refused for the test")
                return
            if self.api.token and self.headers.get("Authorization") != f"Bearer {self.api.token}":
                self._refuse(401, "Unauthenticated: there is no token")
                return
            try:
                answer = self.api.answer(call, path["id"] or "", query, body)
            except RefusedError as refusal:
                self._refuse(refusal.status, str(refusal))
                return
            if call in self.api.lost:
                self.api.lost.remove(call)
                self.close_connection = True
                return
            self.answer(200, answer)

    def _send_log(self, run: str, node: str) -> None:
        with self.api.lock:
            refusals = self.api.refusals.get("GET log", [])
            status = refusals.pop(0) if refusals else 0
            text = self.api.log(run, node)
        if status:
            self._refuse(status, "GET log: refused for the test")
        elif text is None:
            message = f"BadRequestError: Failed to read logs for run {run}"
            self.answer(500, {"error_message": message, "error_details": message})
        else:
            self.send(200, text.encode(), "text/plain")

    def _refuse(self, status: int, message: str) -> None:
        error = {"error": message, "code": _CODES.get(status, 2), "message": message, "details": []}
        self.answer(status, error)


@contextlib.contextmanager
def kubeflow_api() -> Iterator[KubeflowApi]:
    """Serves an installation on a free port."""
    api = KubeflowApi()
    with serving(type("Handler", (_Handler,), {"api": api})) as port:
        api.address = f"http://127.0.0.1:{port}"
        yield api
