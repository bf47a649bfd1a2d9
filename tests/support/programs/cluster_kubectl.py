"""kubectl on a real cluster, for tests."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from support.oracles.kubernetes_manifests import program

Object = dict[str, Any]


def kubectl(*words: str, text: str | None = None) -> str:
    """Returns kubectl's output.

    Raises:
        AssertionError: kubectl failed; the message is its error output.
    """
    code, printed, said = answer(*words, text=text)
    assert code == 0, f"kubectl {' '.join(words)}: {said}"
    return printed


def answer(*words: str, text: str | None = None) -> tuple[int, str, str]:
    """Returns the exit code, the output and the error output of kubectl."""
    result = subprocess.run(
        [program("kubectl"), *words], input=text, capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout, result.stderr


@dataclass(frozen=True, kw_only=True, slots=True)
class Namespace:
    """One namespace of the cluster."""

    name: str

    def kubectl(self, *words: str, text: str | None = None) -> str:
        """Returns kubectl's output for this namespace."""
        return kubectl("--namespace", self.name, *words, text=text)

    def get(self, kind: str, name: str) -> Object:
        found: Object = json.loads(self.kubectl("get", kind, name, "--output", "json"))
        return found

    def apply(self, objects: Sequence[Object]) -> str:
        """Applies objects like `kubectl apply --server-side`."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return kubectl("apply", "--server-side", "--filename", "-", text=json.dumps(listed))


def moved(objects: Sequence[Object], namespaces: dict[str, str]) -> list[Object]:
    """Returns objects moved to other namespaces, with their references to these."""
    text = json.dumps(list(objects))
    for old, new in namespaces.items():
        text = text.replace(f'"namespace": "{old}"', f'"namespace": "{new}"')
    result: list[Object] = json.loads(text)
    return [each for each in result if each["kind"] != "Namespace"]
