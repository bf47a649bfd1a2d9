"""A fake KFP launcher: runs a component's real entry point by the rules of a real backend.

It reproduces what the open-source launcher (`backend/src/v2/component/launcher_v2.go`) and Vertex
AI Pipelines do around a container: the places of artifacts, the input messages, the required
outputs. The rule sets below have the differences between backends.
"""

import contextlib
import importlib
import io
import json
import logging
import math
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from headrace_components import catalog
from headrace_components.contract import task
from headrace_components.contract.templates import to_text
from support.launcher import forking, kubeflow_words

Rules = Literal["kfp-2.17", "kfp-next", "vertex"]
"""`kfp-2.17`: artifacts are downloaded and uploaded, a missing output path is tolerated, types are
lost, lists and dicts in metadata are wrapped. `kfp-next`: as before, but a missing output path
fails the task and types are kept. `vertex`: the store is mounted at /gcs, nothing is copied."""

SCHEMES: Mapping[str, str] = {"kfp-2.17": "minio", "kfp-next": "minio", "vertex": "gs"}


container: Callable[[Path, Mapping[str, str]], list[str]] | None = None
"""Set to run subprocesses in a container: the words before a command, for its directory and
its environment."""


class TaskFailedError(Exception):
    """A backend would mark the task as FAILED."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An artifact in the fake store, as a downstream task gets it."""

    uri: str
    path: Path
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The results of a finished task."""

    artifacts: dict[str, Stored]
    parameters: dict[str, Any]
    log: str = ""

    def __getitem__(self, port: str) -> Stored:
        """Returns the artifact of an output port."""
        return self.artifacts[port]


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """Runs components of the catalogue one after the other, like a pipeline run.

    Attributes:
        root: A directory of the test; contains the store and one file system per task.
        rules: The backend to imitate.
        subprocess: Start `python -m ...` like the container. In process it is the same entry point,
            without the start of a new interpreter.
        forked: Fork a process with the component imported, like the local backend, instead of both.
            It is a separate process, without the start of a new interpreter.
        python: The interpreter of a subprocess, for example that of an isolated component's image.
        endpoint: Host and port of the object store, as Kubeflow passes them for each input.
        run_name: Name of the pipeline's run.
        parameters: Additional values by name for each task.
    """

    root: Path
    rules: Rules = "kfp-2.17"
    subprocess: bool = False
    forked: bool = False
    python: Path = Path(sys.executable)
    endpoint: str = "seaweedfs.kubeflow:9000"
    run_name: str = "run-1"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def store(self, source: Path, metadata: Mapping[str, Any] | None = None) -> Stored:
        """Puts a file or directory into the store, like an importer."""
        imported = self._in_store("imported")
        imported.mkdir(parents=True, exist_ok=True)
        key = f"imported/{len(list(imported.iterdir()))}/{source.name}"
        target = self._in_store(key)
        target.parent.mkdir()
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        target.chmod(target.stat().st_mode | 0o055)  # only their owner may use pytest's directories
        return Stored(uri=self._uri(key), path=target, metadata=dict(metadata or {}))

    def run(
        self,
        component: str,
        parameters: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        **inputs: Stored | Sequence[Stored],
    ) -> Outcome:
        """Runs a component of the catalogue and returns its outputs.

        Raises:
            TaskFailedError: The entry point failed, or broke a rule of the backend.
        """
        spec = getattr(catalog, component).component_spec
        command = ["python", "-m", f"headrace_components.{component}", "--executor_input", "{{$}}"]
        return self.run_command(component, spec, command, parameters, environment, **inputs)

    def run_command(
        self,
        component: str,
        spec: Any,
        command: Sequence[str],
        parameters: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        **inputs: Stored | Sequence[Stored],
    ) -> Outcome:
        """Runs a container's command and arguments, and returns its outputs.

        Args:
            component: A name for directories and messages.
            spec: Has `inputs` and `outputs`, like kfp's component specs.
            command: Words, in which `{{$}}` is replaced by the message.
            parameters: Values by name.
            environment: Variables of the task.
            **inputs: Artifacts by port.

        Raises:
            TaskFailedError: The command failed, or broke a rule of the backend.
        """
        pod = self.root / "pods" / uuid.uuid4().hex
        pod.mkdir(parents=True)
        unique = uuid.uuid4()
        place = f"{component}_-{unique.int}" if self.rules == "vertex" else f"{component}/{unique}"
        task_key = f"artifacts/pipeline/{self.run_name}/{place}"
        wired = {
            key: [value] if isinstance(value, Stored) else list(value)
            for key, value in inputs.items()
        }
        values = {**self.parameters, **(parameters or {})}
        message = self._executor_input(spec, values, wired, task_key, pod)
        self._provide(pod, wired)
        if self.rules == "vertex":
            words = [placed(word, message) for word in command]
        else:
            words = kubeflow_words.started(command, message, environment or {}, pod)
        code, log = self._start(words, message, pod, environment or {})
        if code != 0:
            raise TaskFailedError(f"{component}: exit code {code}\n{log}")
        return self._collect(component, message, pod, log)

    def _executor_input(
        self,
        spec: Any,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, Sequence[Stored]],
        task_key: str,
        pod: Path,
    ) -> dict[str, Any]:
        declared = spec.inputs or {}
        unknown = (set(parameters) | set(inputs)) - set(declared)
        if unknown:
            raise TypeError(f"the spec declares no inputs {sorted(unknown)}")
        values = {}
        for name, declaration in declared.items():
            is_parameter = not _is_artifact(declaration)
            if is_parameter and name in parameters:
                values[name] = protobuf_value(parameters[name])
            elif is_parameter and declaration.default is not None:
                values[name] = protobuf_value(declaration.default)
            elif not declaration.optional and name not in inputs:
                raise TypeError(f"input {name!r} is required")
        outputs: dict[str, Any] = {"artifacts": {}, "parameters": {}}
        for name, declaration in (spec.outputs or {}).items():
            if _is_artifact(declaration):
                kind = {"schemaTitle": declaration.type.split("@")[0], "schemaVersion": "0.0.1"}
                outputs["artifacts"][name] = {
                    "artifacts": [
                        {
                            "name": name,
                            "type": kind,
                            "uri": self._uri(f"{task_key}/{name}"),
                            "metadata": {},
                        }
                    ]
                }
            else:
                outputs["parameters"][name] = {"outputFile": str(pod / "tmp/kfp/outputs" / name)}
        if self.rules != "vertex":
            log_uri = self._uri(f"{task_key}/executor-logs-0")
            outputs["artifacts"]["executor-logs"] = {
                "artifacts": [
                    {
                        "name": "executor-logs",
                        "type": {"schemaTitle": "system.Artifact"},
                        "uri": log_uri,
                    }
                ]
            }
        # Launchers up to 2.14 have it in /tmp, later ones beside the outputs. The old ones do not
        # make the directory.
        directory = pod / "tmp/kfp_outputs"
        if self.rules != "kfp-2.17":
            directory = task.local_path(self._uri(task_key), pod)
        name = "executor_output.json" if self.rules == "vertex" else "output_metadata.json"
        outputs["outputFile"] = str(directory / name)
        return {
            "inputs": {
                "parameterValues": values,
                "artifacts": {
                    name: {"artifacts": [self._input_artifact(stored) for stored in artifacts]}
                    for name, artifacts in inputs.items()
                    if artifacts
                },
            },
            "outputs": outputs,
        }

    def _input_artifact(self, stored: Stored) -> dict[str, Any]:
        kind = {"instanceSchema": ""} if self.rules == "kfp-2.17" else {"schemaTitle": "tfx.Any"}
        extra = {} if self.rules == "vertex" else self._written_by_the_driver()
        return {
            "name": "42",
            "type": kind,
            "uri": stored.uri,
            "metadata": {**extra, **stored.metadata},
        }

    def _written_by_the_driver(self) -> dict[str, str]:
        params = {
            "accessKeyKey": "accesskey",
            "disableSSL": "true",
            "endpoint": self.endpoint,
            "fromEnv": "false",
            "region": "minio",
            "secretKeyKey": "secretkey",
            "secretName": "mlpipeline-minio-artifact",
        }
        session = json.dumps({"Provider": "minio", "Params": params})
        return {"display_name": "x", "store_session_info": session}

    def _provide(self, pod: Path, inputs: Mapping[str, Sequence[Stored]]) -> None:
        if self.rules == "vertex":
            (self.root / "store").mkdir(exist_ok=True)
            (pod / "gcs").symlink_to(self.root / "store")
            return
        for artifacts in inputs.values():
            for stored in artifacts:
                target = task.local_path(stored.uri, pod)
                target.parent.mkdir(parents=True, exist_ok=True)
                if stored.path.is_dir():
                    shutil.copytree(stored.path, target, dirs_exist_ok=True)
                elif stored.path.exists():
                    shutil.copy(stored.path, target)
                # else: an empty directory left no object in the store.

    def _start(
        self,
        words: list[str],
        message: Mapping[str, Any],
        pod: Path,
        environment: Mapping[str, str],
    ) -> tuple[int, str]:
        environment = {"HEADRACE_MOUNT_ROOT": str(pod), **environment}
        is_own = self.python == Path(sys.executable)
        if self.forked and is_own and not container:
            variables = {**os.environ, **environment}
            return forking.run(words[2].rpartition(".")[2], words[3:], variables, pod)
        if self.subprocess or words[:2] != ["python", "-m"]:
            # A container has its own programs; here they are in the interpreter's directory.
            path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
            own = words if container or words[0] != "python" else [str(self.python), *words[1:]]
            result = subprocess.run(
                [*container(pod, environment), *own] if container else own,
                env={**os.environ, "PATH": path, **environment},
                cwd=pod,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            return result.returncode, result.stdout
        execute = importlib.import_module(f"{words[2]}.executor").execute
        with _environment(environment), _log() as log:
            code = task.main(words[2].rpartition(".")[2], execute, words[3:])
        error_file = Path(message["outputs"]["outputFile"]).with_name("executor_error.json")
        if code:
            return code, json.loads(error_file.read_text("utf-8"))["message"]
        return code, log.getvalue()

    def _collect(self, component: str, message: Mapping[str, Any], pod: Path, log: str) -> Outcome:
        output_file = Path(message["outputs"]["outputFile"])
        published = json.loads(output_file.read_text("utf-8")) if output_file.exists() else {}
        unknown = set(published) - {"parameterValues", "artifacts"}
        if unknown:
            raise TaskFailedError(f"{component}: unknown ExecutorOutput fields {sorted(unknown)}")
        artifacts = {}
        for name, entries in message["outputs"]["artifacts"].items():
            if name == "executor-logs":
                continue
            announced = entries["artifacts"][0]
            results = published.get("artifacts", {}).get(name, {"artifacts": [{}]})["artifacts"]
            entry = {**announced, **results[0]}
            if not entry["uri"].startswith(self._root()):
                raise TaskFailedError(
                    f"{component}: URI {entry['uri']} does not have expected bucket prefix"
                )
            self._upload(component, entry["uri"], pod)
            artifacts[name] = Stored(
                uri=entry["uri"],
                path=self._in_store(entry["uri"].removeprefix(self._uri(""))),
                metadata=self._metadata(component, entry.get("metadata", {})),
            )
        parameters = dict(published.get("parameterValues", {}))
        for name, entry in message["outputs"]["parameters"].items():
            if name not in parameters:
                if not Path(entry["outputFile"]).exists():
                    raise TaskFailedError(f"{component}: failed to read output parameter {name}")
                parameters[name] = Path(entry["outputFile"]).read_text("utf-8")
        return Outcome(artifacts=artifacts, parameters=parameters, log=log)

    def _upload(self, component: str, uri: str, pod: Path) -> None:
        source = task.local_path(uri, pod)
        if not source.exists():
            if self.rules == "kfp-next":
                raise TaskFailedError(
                    f"{component}: declared output artifact is missing at {source}"
                )
            return
        if self.rules == "vertex":
            return
        target = self._in_store(uri.removeprefix(self._uri("")))
        files = [source] if source.is_file() else sorted(source.rglob("*"))
        for file in filter(Path.is_file, files):
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)

    def _metadata(self, component: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        for name, value in metadata.items():
            if value is None:
                raise TaskFailedError(f"{component}: metadata {name!r} is null")
        if self.rules == "vertex":
            return dict(metadata)
        return {name: mlmd_value(value) for name, value in metadata.items()}

    def _root(self) -> str:
        """Returns the start of an output's URI: `KeyFromURI` only accepts the run's own root."""
        return self._uri("" if self.rules == "vertex" else f"artifacts/pipeline/{self.run_name}/")

    def _uri(self, key: str) -> str:
        return f"{SCHEMES[self.rules]}://bucket/{key}"

    def _in_store(self, key: str) -> Path:
        return self.root / "store" / "bucket" / key


def placed(word: str, message: Mapping[str, Any]) -> str:
    """Returns a word with its placeholders replaced, in the known way of Vertex AI."""
    word = word.replace("{{$}}", json.dumps(message, ensure_ascii=False))
    for name, value in message["inputs"]["parameterValues"].items():
        word = word.replace(f"{{{{$.inputs.parameters['{name}']}}}}", to_text(value))
    for name, entries in message["inputs"].get("artifacts", {}).items():
        if not entries["artifacts"]:
            continue
        uri = entries["artifacts"][0]["uri"]
        word = word.replace(f"{{{{$.inputs.artifacts['{name}'].uri}}}}", uri)
    return word


def _is_artifact(declaration: Any) -> bool:
    # "system.Artifact@0.0.1", "tfx.Model@0.0.1"; the type of a parameter is one word.
    return "." in declaration.type


def mlmd_value(value: Any) -> Any:
    """Returns a value of an artifact's metadata in the form that ML Metadata returns."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list):
        return {"list": value}
    return {"struct": value} if isinstance(value, dict) else value


def protobuf_value(value: Any) -> Any:
    """Returns JSON data like google.protobuf.Value: its only type of number is the double."""
    if isinstance(value, dict):
        return {key: protobuf_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [protobuf_value(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{value} has no JSON form")
    return value


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class _LogHandler(logging.StreamHandler[io.StringIO]):
    """A handler of a special class, because a task removes Python's default handlers."""


@contextlib.contextmanager
def _log() -> Iterator[io.StringIO]:
    """Yields the log of a task in this process, in the form that its own process prints."""
    handler = _LogHandler(io.StringIO())
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield handler.stream
    finally:
        logging.getLogger().removeHandler(handler)
