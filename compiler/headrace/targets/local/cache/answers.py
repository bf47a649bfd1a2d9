"""Answers a task from an earlier one that had the same code, parameters and inputs.

An entry is `<root>/.cache/<key>.json`: the outputs of the task that ran. It is valid as long as
every output is unchanged, by the names, sizes and times of its files.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.ir import specs
from headrace.ir.view import ComponentSpec, TaskSpec
from headrace.targets.local.cache.code_versions import CodeVersions, InstalledCode
from headrace.targets.local.cache.module_code import module_code
from headrace.targets.local.cache.questions import NoAnswer, Question, readable
from headrace.targets.local.records.json_files import read_json, write_json
from headrace.targets.local.shared.results import (
    RuntimeArtifact,
    TaskInputs,
    artifacts_from_json,
    artifacts_to_json,
)
from headrace.targets.local.shared.rules import Backend
from headrace_components.contract.declaration import cache_hooks
from headrace_components.contract.errors import named
from headrace_components.contract.fingerprints import fingerprint_of

CACHE = ".cache"
"""The directory of the entries, under the root."""

_SEPARATOR = " "


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """The outputs of an earlier task.

    Attributes:
        parameters: Output parameters by name.
        artifacts: Output artifacts by port.
        made_by: The run and the task that made them; empty if an earlier version of Headrace did
            not record it.
    """

    parameters: Mapping[str, Any]
    artifacts: Mapping[str, tuple[RuntimeArtifact, ...]]
    made_by: tuple[str, str] = ("", "")

    @classmethod
    def from_json(cls, data: Mapping[str, Any], component: ComponentSpec) -> "Entry":
        """Reads outputs that were stored.

        Raises:
            ValueError: They do not fit the outputs of the component.
        """
        try:
            parameters = dict(data["parameters"])
            artifacts = artifacts_from_json(data["artifacts"])
            run, task = data.get("made_by", ("", ""))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        missing = {*component.output_parameters, *component.output_artifacts} - {
            *parameters,
            *artifacts,
        }
        if missing:
            raise ValueError(f"it lacks the outputs {sorted(missing)}")
        return cls(parameters=parameters, artifacts=artifacts, made_by=(str(run), str(task)))

    def changed(self) -> str | None:
        """Returns the place of an artifact that is no longer as its task left it, else None."""
        for found in self.artifacts.values():
            for artifact in found:
                if contents(Path(artifact.uri)) != artifact.fingerprint:
                    return artifact.uri
        return None


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The cache under one root.

    Attributes:
        root: The pipeline root.
        pipeline: Name of the pipeline; pipelines do not share entries.
        like: The backend by whose rules other components than Headrace's get their values.
        code: The code of the components of a run.
        notify: Gets a line about an entry that is not valid.
    """

    root: Path
    pipeline: str
    like: Backend = "kubeflow"
    code: CodeVersions = field(default_factory=InstalledCode)
    notify: Callable[[str], None] = lambda _: None

    def key(self, task: TaskSpec, component: ComponentSpec, inputs: TaskInputs) -> str | None:
        """Returns the name of the task's entry, or None if only a run can find its result."""
        return self.question(task, component, inputs).key

    def question(self, task: TaskSpec, component: ComponentSpec, inputs: TaskInputs) -> Question:
        """Returns what the cache is asked for a task.

        The key covers the component's code, command line and environment, parameters, output ports
        and the identity of every input artifact. The cache hooks of Headrace's components add other
        data that the components read.
        """
        uris = _uris(inputs)
        hooks = cache_hooks(component.headrace_name)
        if hooks.relevant_inputs is not None:
            uris = {
                port: list(found) for port, found in hooks.relevant_inputs(uris).items() if found
            }
        state: str | None = ""
        if hooks.external_state is not None:
            with named(component.headrace_name or ""):
                state = hooks.external_state(inputs.parameters, uris)
        environment = _environment(component, inputs)
        asked = {
            **_asked(component, inputs, uris),
            **({} if component.headrace_name else {"like": self.like}),
            "pipeline": self.pipeline,
            "author": task.cache_key,
            "code": self.code.of(component),
            "state": state,
            "environment": environment,
        }
        unknown = ""
        if state is None:
            unknown = "data that it reads elsewhere"
        elif environment is None:
            unknown = "code or programs that it loads"
        elif _shares(component):
            unknown = "the workspace of the run"
        return Question(
            key=None if unknown else _digest(asked),
            parts=readable(asked, module_code(component, inputs.parameters)),
            unknown=unknown,
        )

    def look_up(self, key: str, component: ComponentSpec) -> Entry | NoAnswer:
        """Returns the entry, if there is one and all that the task wrote is still there."""
        file = self._file(key)
        if not file.is_file():
            return NoAnswer(miss="new")
        try:
            entry = Entry.from_json(read_json(file), component)
        except (ValueError, OSError) as error:
            self.notify(f"{file} is damaged ({error}): the task runs again.")
            return NoAnswer(miss="damaged", detail=f"{file}: {error}")
        changed = entry.changed()
        if changed is not None:
            self.notify(f"{changed} has changed: the task that made it runs again.")
            return NoAnswer(miss="changed", detail=changed)
        still_holds = cache_hooks(component.headrace_name).still_holds
        metadata = {port: [a.metadata for a in found] for port, found in entry.artifacts.items()}
        if still_holds is not None and not still_holds(metadata):
            return NoAnswer(miss="elsewhere")
        return entry

    def store(self, key: str, entry: Entry) -> None:
        """Keeps the outputs of a task that ran."""
        file = self._file(key)
        if file.is_dir():
            shutil.rmtree(file)
        write_json(
            file,
            {
                "parameters": dict(entry.parameters),
                "artifacts": artifacts_to_json(entry.artifacts),
                "made_by": list(entry.made_by),
            },
        )

    def _file(self, key: str) -> Path:
        return self.root / CACHE / f"{key}.json"


def forget(root: Path, part: str) -> None:
    """Removes the entries with outputs whose URIs have a part, because their files will be gone."""
    mark = json.dumps(part)[1:-1].encode()
    for file in (root / CACHE).glob("*.json"):
        with contextlib.suppress(OSError):
            if mark in file.read_bytes():
                file.unlink()


def identity(component: ComponentSpec, inputs: TaskInputs) -> str:
    """Returns a fingerprint of the author's part of a task.

    It covers the author's code, parameters and the contents of the input artifacts. A resumed run
    keeps a finished task as long as this is the same. Unlike a key, it leaves out Headrace's own
    code, and data in other places, which may change while a run is interrupted.
    """
    if not component.container:
        return _digest({"executor": component.executor, "parameters": dict(inputs.parameters)})
    asked = _asked(component, inputs, _uris(inputs))
    if component.headrace_name:  # its image is written otherwise for each runner
        asked["container"].pop("image")
    return f"{_digest(asked)}{_SEPARATOR}{_environment(component, inputs) or ''}"


def is_same(one: str, other: str) -> bool:
    """Returns whether two identities are those of one task.

    Code that can no longer be seen, for example because it is installed elsewhere, counts as the
    same.
    """
    asked, _, environment = one.partition(_SEPARATOR)
    other_asked, _, other_environment = other.partition(_SEPARATOR)
    if asked != other_asked:
        return False
    return environment == other_environment or not (environment and other_environment)


def _uris(inputs: TaskInputs) -> dict[str, list[str]]:
    return {
        port: [artifact.uri for artifact in artifacts]
        for port, artifacts in inputs.artifacts.items()
    }


def _asked(
    component: ComponentSpec, inputs: TaskInputs, uris: Mapping[str, list[str]]
) -> dict[str, Any]:
    container = component.container
    fingerprints = {
        artifact.uri: artifact.fingerprint
        for artifacts in inputs.artifacts.values()
        for artifact in artifacts
    }
    return {
        "container": {part: container.get(part) for part in ("image", "command", "args", "env")},
        "parameters": {
            **inputs.parameters,
            **{
                name: found.digest
                for name, found in module_code(component, inputs.parameters).items()
            },
        },
        "inputs": {
            port: [[uri, fingerprints.get(uri, "")] for uri in found]
            for port, found in uris.items()
        },
        "outputs": [sorted(component.output_parameters), sorted(component.output_artifacts)],
    }


def _shares(component: ComponentSpec) -> bool:
    """Returns whether a command uses the run's workspace, which another run does not have.

    In a parameter it is a path that belongs to this run.
    """
    return specs.WORKSPACE_PATH in specs.canonical_json(component.container)


def _environment(component: ComponentSpec, inputs: TaskInputs) -> Any:
    environment_state = cache_hooks(component.headrace_name).environment_state
    return environment_state(inputs.parameters) if environment_state is not None else ""


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def contents(path: Path) -> str:
    """Returns a fingerprint of a task's output, by names, sizes and times of change.

    Only the task writes its outputs, so their contents need not be read. Empty if there are none.
    """
    if not path.exists():
        return ""
    digest = hashlib.sha256()
    for file in _files_in(path):
        status = file.lstat()
        name = os.path.relpath(file, path)
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def fingerprint(path: Path) -> str:
    """Returns a fingerprint of a file or a directory that somebody else may change."""
    return fingerprint_of((os.path.relpath(file, path), file) for file in _files_in(path))


def _files_in(path: Path) -> list[Path]:
    """Returns the files of an artifact, sorted, without those that Python keeps beside modules."""
    if path.is_file():
        return [path]
    found = (Path(directory, name) for directory, _, names in os.walk(path) for name in names)
    return sorted(file for file in found if "__pycache__" not in file.parts)
