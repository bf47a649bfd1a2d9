"""The manifests on a real cluster: it accepts them, and accounts have exactly these rights."""

import json

import pytest
import yaml

from support.oracles.kubernetes_manifests import MANIFESTS, built
from support.programs.cluster_kubectl import Namespace, Object, answer, kubectl, moved

# Verb, resource, and a name if the role has one: rights of each account, and some that it lacks.
TASK = {
    True: [
        ("create", "workflowtaskresults.argoproj.io", ""),
        ("patch", "workflowtaskresults.argoproj.io", ""),
        ("get", "configmaps", "kfp-launcher"),
        ("get", "secrets", "mlpipeline-minio-artifact"),
        ("get", "pods", "its-own"),
        ("create", "jobsets.jobset.x-k8s.io", ""),
        ("delete", "jobsets.jobset.x-k8s.io", ""),
        ("get", "pods/log", ""),
        ("patch", "deployments.apps", ""),
        ("watch", "inferenceservices.serving.kserve.io", ""),
    ],
    False: [
        ("get", "secrets", "another"),
        ("list", "secrets", ""),
        ("get", "configmaps", "workflow-controller-configmap"),
        ("create", "pods", ""),
        ("delete", "pods", ""),
        ("create", "pods/exec", ""),
        ("delete", "deployments.apps", ""),
        ("create", "rolebindings.rbac.authorization.k8s.io", ""),
        ("get", "workflows.argoproj.io", ""),
    ],
}
AUTHOR = {
    True: [
        ("get", "services", "ml-pipeline"),
        ("get", "services", "metadata-grpc-service"),
        ("list", "pods", ""),
        ("create", "pods/portforward", ""),
        ("get", "configmaps", "workflow-controller-configmap"),
    ],
    False: [
        ("get", "configmaps", "another"),
        ("get", "secrets", "mlpipeline-minio-artifact"),
        ("create", "pods", ""),
        ("patch", "configmaps", "workflow-controller-configmap"),
    ],
}


@pytest.fixture(scope="module")
def base(namespace: Namespace) -> Namespace:
    """Both namespaces of manifests/base in one."""
    both = {"headrace-serving": namespace.name, "kubeflow": namespace.name}
    objects = moved(built(MANIFESTS / "base"), both)
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(set(names)) == len(names)
    namespace.apply(objects)
    return namespace


def test_it_takes_all_that_is_there_twice(base: Namespace) -> None:
    both = {"headrace-serving": base.name, "kubeflow": base.name}
    for folder in ("base", "kind"):
        objects = [
            each
            for each in moved(built(MANIFESTS / folder), both)
            if each["metadata"].get("namespace") == base.name
            # Ports belong to the whole cluster, and both namespaces have a claim with the same
            # name.
            and each.get("spec", {}).get("type") != "NodePort"
            and each["kind"] != "PersistentVolumeClaim"
        ]
        base.apply(objects)
        assert "serverside-applied" in base.apply(objects)


def test_the_namespace_of_models_and_cluster_wide_objects_are_taken() -> None:
    for folder in ("base", "kind", "gke"):
        code, _, said = answer(
            "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", "-",
            text="\n---\n".join(yaml.safe_dump(each) for each in built(MANIFESTS / folder)
                                if each["kind"] in ("Namespace", "PersistentVolume")),
        )  # fmt: skip
        assert code == 0, said


def may(namespace: Namespace, verb: str, resource: str, name: str, who: Object) -> bool:
    """Asks the cluster's authorizer, which also answers for missing kinds."""
    plural, _, group = resource.partition(".")
    plural, _, part = plural.partition("/")
    what = {"namespace": namespace.name, "verb": verb, "group": group, "resource": plural}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {**who, "resourceAttributes": {**what, "subresource": part, "name": name}},
    }
    words = ("create", "--output", "json", "--filename", "-")
    status = json.loads(kubectl(*words, text=json.dumps(review)))["status"]
    return bool(status["allowed"])


def account(namespace: Namespace, name: str) -> Object:
    return {"user": f"system:serviceaccount:{namespace.name}:{name}"}


@pytest.mark.parametrize("allowed", [True, False])
def test_a_task_may_do_what_its_roles_say(base: Namespace, allowed: bool) -> None:
    task = account(base, "headrace-pipeline")

    for verb, resource, name in TASK[allowed]:
        assert may(base, verb, resource, name, task) is allowed, (verb, resource, name)


@pytest.mark.parametrize("allowed", [True, False])
def test_an_author_may_do_what_the_role_says(base: Namespace, allowed: bool) -> None:
    author = {"user": "somebody", "groups": ["headrace-authors"]}

    for verb, resource, name in AUTHOR[allowed]:
        assert may(base, verb, resource, name, author) is allowed, (verb, resource, name)


def test_a_model_server_may_do_nothing(base: Namespace) -> None:
    server = account(base, "headrace-server")

    for verb, resource, name in (*TASK[True], *TASK[False], *AUTHOR[True]):
        assert not may(base, verb, resource, name, server), (verb, resource, name)
