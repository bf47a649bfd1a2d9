"""The JobSet of a task on several machines, checked with JobSet's definition in a real cluster."""

import json

import pytest

from headrace_components.training_job.jobset import EXECUTOR_INPUT, _manifest
from support.programs.cluster_kubectl import Namespace, Object, answer

POD: Object = {
    "metadata": {"labels": {"sidecar.istio.io/inject": "false"}},
    "spec": {
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "main",
                "image": "registry.invalid/headrace/trainer",
                "command": ["python", "-m", "headrace_components.trainer"],
                "args": ["--executor_input", EXECUTOR_INPUT],
                "resources": {"requests": {"cpu": "0.5", "memory": "1Gi"}},
                "securityContext": {"runAsNonRoot": True},
            }
        ],
    },
}


@pytest.fixture(scope="module", autouse=True)
def definition() -> None:
    code, _, _ = answer("get", "customresourcedefinition", "jobsets.jobset.x-k8s.io")
    if code != 0:
        pytest.skip("the cluster has no JobSets: https://jobset.sigs.k8s.io/docs/installation")


def applied(namespace: Namespace, jobset: Object) -> tuple[int, str]:
    words = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-")
    code, _, said = answer("--namespace", namespace.name, *words, text=json.dumps(jobset))
    return code, said


def test_every_field_is_known_and_of_its_type(namespace: Namespace) -> None:
    jobset = _manifest("train-0123456789abcdef", POD, 4, {"inputs": {}}, "0123456789abcdef")

    code, said = applied(namespace, jobset)

    assert code == 0, said


def test_a_misspelt_field_would_be_found(namespace: Namespace) -> None:
    jobset = _manifest("train-0123456789abcdef", POD, 4, {"inputs": {}}, "0123456789abcdef")
    jobset["spec"]["failurePolicy"]["maxRestart"] = 0

    code, said = applied(namespace, jobset)

    assert code != 0
    assert "maxRestart" in said
