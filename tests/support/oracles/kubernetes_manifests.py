"""The manifests of this repository, built by kustomize and checked with Kubernetes' schemas."""

import functools
import itertools
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

MANIFESTS = Path(__file__).parents[3] / "manifests"

# The clusters' version in manifests/kind, and the newest version with schemas.
VERSIONS = ("1.33", "1.37")

_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job")

Object = dict[str, Any]


def program(name: str) -> str:
    """Returns the path of a program from a package of `dev`."""
    return str(Path(sys.executable).with_name(name))


@functools.cache
def built(folder: Path) -> tuple[Object, ...]:
    """Returns the objects that `kubectl apply --kustomize` would apply.

    Raises:
        ValueError: kustomize refused the folder.
    """
    words = [program("kubectl"), "kustomize", str(folder)]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ValueError(result.stderr)
    return tuple(yaml.safe_load_all(result.stdout))


def check(found: Object, version: str) -> None:
    """Compares an object with the schema of its kind, in which unknown fields are errors.

    Raises:
        kubernetes_validate.ValidationError: It does not fit.
        kubernetes_validate.SchemaNotFoundError: The kind is not one of Kubernetes itself.
    """
    kubernetes_validate.validate(found, version, strict=True)


def of_kind(objects: tuple[Object, ...], *kinds: str) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds]


def named(objects: tuple[Object, ...], kind: str, name: str, namespace: str = "") -> Object:
    """Returns the one object of this kind, name and, if given, namespace."""
    (found,) = (
        each
        for each in of_kind(objects, kind)
        if each["metadata"]["name"] == name
        and namespace in ("", each["metadata"].get("namespace", ""))
    )
    return found


def pods(objects: tuple[Object, ...]) -> Iterator[tuple[Object, Object]]:
    """Yields objects that make pods, and the template of their pods."""
    for each in of_kind(objects, *_WORKLOADS):
        yield each, each["spec"]["template"]


def permissions(role: Object) -> set[tuple[str, str, str]]:
    """Returns the rights of a role: API group, plural and verb."""
    return {
        each
        for rule in role["rules"]
        for each in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"])
    }


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Returns whether a label selector finds a pod; only forms in these manifests are supported."""
    needed = [each["key"] for each in selector.get("matchExpressions", [])]
    wanted: Mapping[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items() and set(needed) <= set(labels)
