"""Answers a task from an earlier one that had the same code, parameters and inputs.

An entry is `<root>/.cache/<key>.json`: the outputs of the task that ran. It holds as long as every
output is still there.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.backends.local.code_versions import CodeVersions, InstalledCode
from headrace.backends.local.model import (
    Artifact,
    Inputs,
    artifacts_from_json,
    artifacts_to_json,
)
from headrace.backends.local.spec import Component, TaskSpec
from headrace.backends.local.store import write_json
from headrace_components.cache import cache_module


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """The outputs of an earlier task."""

    parameters: Mapping[str, Any]
    artifacts: Mapping[str, tuple[Artifact, ...]]


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The cache under one root.

    Attributes:
        root: The pipeline root.
        pipeline: Name of the pipeline; pipelines do not share entries.
        code: What the components of a run are.
    """

    root: Path
    pipeline: str
    code: CodeVersions = field(default_factory=InstalledCode)

    def key(self, task: TaskSpec, component: Component, inputs: Inputs) -> str | None:
        """Returns the name of the task's entry, or None if only a run can tell its result.

        The key covers the component's code, command line and environment, parameters, output ports
        and the identity of every input artifact. A component of Headrace adds what its `cache.py`
        says it reads besides.
        """
        uris = {
            port: [artifact.uri for artifact in artifacts]
            for port, artifacts in inputs.artifacts.items()
        }
        rules = _rules(component)
        if hasattr(rules, "relevant_inputs"):
            uris = {
                port: list(found) for port, found in rules.relevant_inputs(uris).items() if found
            }
        state, environment = "", ""
        if hasattr(rules, "external_state"):
            state = rules.external_state(inputs.parameters, uris)
        if hasattr(rules, "environment_state"):
            environment = rules.environment_state(inputs.parameters)
        if state is None or environment is None:
            return None
        container = (component.executor or {})["container"]
        fingerprints = {
            artifact.uri: artifact.fingerprint
            for artifacts in inputs.artifacts.values()
            for artifact in artifacts
        }
        return hashlib.sha256(
            json.dumps(
                {
                    "pipeline": self.pipeline,
                    "author": task.cache_key,
                    "code": self.code.of(component),
                    "container": {
                        part: container.get(part) for part in ("image", "command", "args", "env")
                    },
                    "parameters": dict(inputs.parameters),
                    "inputs": {
                        port: [[uri, fingerprints.get(uri, "")] for uri in found]
                        for port, found in uris.items()
                    },
                    "outputs": [
                        sorted(component.output_parameters),
                        sorted(component.output_artifacts),
                    ],
                    "state": state,
                    "environment": environment,
                },
                sort_keys=True,
            ).encode()
        ).hexdigest()

    def look_up(self, key: str, component: Component) -> Entry | None:
        """Returns the entry, if there is one and all that the task wrote is still there."""
        file = self._file(key)
        if not file.is_file():
            return None
        data = json.loads(file.read_text("utf-8"))
        artifacts = artifacts_from_json(data["artifacts"])
        if not all(Path(a.uri).exists() for found in artifacts.values() for a in found):
            return None
        rules = _rules(component)
        metadata = {port: [a.metadata for a in found] for port, found in artifacts.items()}
        if hasattr(rules, "still_holds") and not rules.still_holds(metadata):
            return None
        return Entry(parameters=data["parameters"], artifacts=artifacts)

    def store(self, key: str, entry: Entry) -> None:
        """Keeps the outputs of a task that ran."""
        write_json(
            self._file(key),
            {
                "parameters": dict(entry.parameters),
                "artifacts": artifacts_to_json(entry.artifacts),
            },
        )

    def _file(self, key: str) -> Path:
        return self.root / ".cache" / f"{key}.json"


def fingerprint(path: Path) -> str:
    """Returns a fingerprint of a file or a directory by names, sizes and times of change."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*"))
    for file in files:
        status = file.stat()
        size = status.st_size if file.is_file() else 0
        time = status.st_mtime_ns if file.is_file() else 0
        digest.update(f"{os.path.relpath(file, path)}\0{size}\0{time}\0".encode())
    return digest.hexdigest()


def _rules(component: Component) -> Any:
    return cache_module(component.headrace_name) if component.headrace_name else None
