"""The caches of Kubeflow Pipelines and Vertex AI, with exactly the contents of their keys.

Kubeflow's driver puts the IDs of input artifacts, the values of input parameters, the types of
outputs, image, command, arguments and claims into a key (`GenerateCacheKey` in
`backend/src/v2/cacheutils`), within one pipeline. Defaults of the component, variables and
resources are not in it. Vertex AI documents the same, and the variables.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.launcher.entry_points import Outcome, Rules, Stored

Object = Mapping[str, Any]


@dataclass(kw_only=True)
class RemoteCache:
    """A service's cache, over the runs of a test.

    Attributes:
        rules: The backend whose cache it is.
        answered: Tasks of the current run with results from the cache.
        ran: Tasks of the current run that ran.
    """

    rules: Rules = "kfp-2.17"
    answered: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    _entries: dict[str, Outcome] = field(default_factory=dict)
    _artifacts: list[Stored] = field(default_factory=list)

    def begin_run(self) -> None:
        """Forgets which tasks the last run had."""
        self.answered, self.ran = [], []

    def look_up(self, name: str, key: str | None) -> Outcome | None:
        """Returns the outputs of an earlier task with this key, and records if there is one."""
        found = self._entries.get(key) if key else None
        (self.ran if found is None else self.answered).append(name)
        return found

    def store(self, key: str | None, outcome: Outcome) -> None:
        """Keeps the outputs of a task."""
        if key:
            self._entries[key] = outcome

    def key(
        self,
        pipeline: str,
        component: Object,
        container: Object,
        parameters: Object,
        artifacts: Mapping[str, Sequence[Stored]],
        claims: Sequence[str],
    ) -> str:
        """Returns the key of a task."""
        outputs = component.get("outputDefinitions", {})
        content = {
            "pipeline": pipeline,
            "inputArtifactNames": {
                port: [self._identifier(each) for each in stored]
                for port, stored in artifacts.items()
            },
            "inputParameterValues": dict(parameters),
            "outputArtifactsSpec": {
                port: each["artifactType"] for port, each in outputs.get("artifacts", {}).items()
            },
            "outputParametersSpec": {
                name: each["parameterType"] for name, each in outputs.get("parameters", {}).items()
            },
            "image": container["image"],
            "cmdArgs": [*container.get("command", ()), *container.get("args", ())],
            "pvcNames": sorted(claims),
        }
        if self.rules == "vertex":
            content["env"] = container.get("env", [])
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _identifier(self, stored: Stored) -> int:
        """Returns the ID of an artifact: each output of a task has its own, for any URI."""
        for identifier, each in enumerate(self._artifacts):
            if each is stored:
                return identifier
        self._artifacts.append(stored)
        return len(self._artifacts) - 1
