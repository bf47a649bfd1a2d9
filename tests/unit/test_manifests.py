"""The objects in manifests/: Kubernetes' schemas, their references, and their restrictions."""

import contextlib
import itertools
import json
import os
import socket
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from headrace.profiles.profile import read_profile
from headrace.targets.kubeflow.cluster_state import ClusterState
from headrace.targets.kubeflow.connection import SERVICE
from headrace.targets.kubeflow.port_forward import Purpose, forwarded
from headrace.targets.kubeflow.retry_policy import CONFIG_MAP
from headrace_components.contract.task import EXIT_PLATFORM_ERROR
from headrace_components.kubernetes_pusher.params import KubernetesPusherParams
from headrace_components.training_job import executor as training_job
from support.fakes.jobset_api import jobset_api
from support.fakes.kubeflow_cluster import kubeflow_cluster
from support.fakes.kubernetes_api import kubernetes_api
from support.fakes.port_forwarding import forwarding
from support.launcher.entry_points import Launcher
from support.oracles.kubernetes_manifests import (
    MANIFESTS,
    VERSIONS,
    Object,
    built,
    check,
    matches,
    named,
    of_kind,
    permissions,
    pods,
)

FOLDERS = sorted(file.parent.name for file in MANIFESTS.glob("*/kustomization.yaml"))

GPU_SERVING = """
resources: [{serving}]
components: [{gpu}]
"""

folders = pytest.mark.parametrize("folder", FOLDERS)


@pytest.fixture
def gpu_serving(tmp_path: Path) -> tuple[Object, ...]:
    # kustomize does not accept absolute paths.
    serving, gpu = (
        os.path.relpath(MANIFESTS / each, tmp_path) for each in ("serving", "gpu/serving")
    )
    text = GPU_SERVING.format(serving=serving, gpu=gpu)
    (tmp_path / "kustomization.yaml").write_text(text, "utf-8")
    return built(tmp_path)


def everything(folder: str) -> tuple[Object, ...]:
    """Returns the objects of a cluster after `folder` and its bases are applied."""
    objects = built(MANIFESTS / folder)
    has_base = any(each["metadata"]["name"] == "headrace-pusher" for each in objects)
    return objects if has_base else (*built(MANIFESTS / "base"), *objects)


def key(found: Object) -> tuple[str, str, str]:
    metadata = found["metadata"]
    return found["kind"], metadata.get("namespace", ""), metadata["name"]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(version: str) -> None:
    # Objects in several folders count once.
    texts = {json.dumps(each) for folder in FOLDERS for each in built(MANIFESTS / folder)}

    for text in sorted(texts):
        check(json.loads(text), version)


def test_a_misspelt_field_would_be_found() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"sessionAfinity": "None"}}

    with pytest.raises(kubernetes_validate.ValidationError, match="sessionAfinity"):
        check(service, VERSIONS[0])


@folders
def test_what_is_referred_to_is_there(folder: str) -> None:
    objects = everything(folder)
    there = {key(each) for each in objects}
    assert len(there) == len(objects)
    for found, template in pods(objects):
        namespace, spec = found["metadata"]["namespace"], template["spec"]
        wanted = {("ServiceAccount", namespace, spec["serviceAccountName"])}
        for volume in spec.get("volumes", []):
            if "configMap" in volume:
                wanted.add(("ConfigMap", namespace, volume["configMap"]["name"]))
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                wanted.add(("PersistentVolumeClaim", namespace, claim))
        assert wanted <= there
        assert matches(found["spec"]["selector"], template["metadata"]["labels"])
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["kind"], scaler["metadata"]["namespace"], target["name"]) in there
        scaled = named(objects, target["kind"], target["name"])
        assert "replicas" not in scaled["spec"], "an apply would undo what the autoscaler did"
    for binding in of_kind(objects, "RoleBinding"):
        namespace = binding["metadata"]["namespace"]
        assert ("Role", namespace, binding["roleRef"]["name"]) in there
        for subject in binding["subjects"]:
            account = ("ServiceAccount", subject.get("namespace", ""), subject["name"])
            assert subject["kind"] == "Group" or account in there


@folders
def test_selectors_find_pods(folder: str) -> None:
    objects = everything(folder)
    labels = [
        (found["metadata"]["namespace"], template["metadata"]["labels"])
        for found, template in pods(objects)
    ]
    # The pods that Kubeflow Pipelines makes.
    labels.append(("kubeflow", {"app": "ml-pipeline-ui"}))
    labels.append(("kubeflow", {"pipelines.kubeflow.org/v2_component": "true"}))
    labels.append(("kubeflow", {"jobset.sigs.k8s.io/jobset-name": "train"}))
    for found in of_kind(objects, "Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = found["spec"]
        selector = spec["podSelector"] if "podSelector" in spec else spec["selector"]
        if found["kind"] == "Service":
            selector = {"matchLabels": selector}
        namespace = found["metadata"]["namespace"]
        assert not selector or any(
            there == namespace and matches(selector, each) for there, each in labels
        ), key(found)


@folders
def test_roles_allow_no_more_than_they_name(folder: str) -> None:
    objects = built(MANIFESTS / folder)

    assert not of_kind(objects, "ClusterRole", "ClusterRoleBinding")
    for role in of_kind(objects, "Role"):
        for rule in role["rules"]:
            words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "*" not in words
            assert not {"escalate", "bind", "impersonate", "deletecollection"} & set(words)
            assert not {"pods/exec", "roles", "rolebindings"} & set(words)
            if {"secrets", "configmaps"} & set(rule["resources"]):
                assert rule["resourceNames"]
                assert rule["verbs"] == ["get"]


def test_tasks_may_change_nothing_of_kubeflow_pipelines() -> None:
    base = built(MANIFESTS / "base")
    mine = {
        binding["roleRef"]["name"]
        for binding in of_kind(base, "RoleBinding")
        if binding["metadata"]["namespace"] == "kubeflow"
        and {"kind": "ServiceAccount", "name": "headrace-pipeline"}.items()
        <= binding["subjects"][0].items()
    }
    allowed = set().union(*(permissions(named(base, "Role", name, "kubeflow")) for name in mine))

    assert "headrace-submit" not in mine
    changed = {each[:2] for each in allowed if each[2] not in ("get", "list", "watch")}
    assert changed == {
        ("argoproj.io", "workflowtaskresults"),
        ("jobset.x-k8s.io", "jobsets"),
    }


@pytest.mark.parametrize("folder", ["gpu", "kind", "gke"])
def test_containers_are_confined(folder: str) -> None:
    for found, template in pods(built(MANIFESTS / folder)):
        spec, is_plugin = template["spec"], found["metadata"]["name"] == "nvidia-device-plugin"
        security = spec["securityContext"]
        assert spec["automountServiceAccountToken"] is False
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        # The directory where a device plugin listens belongs to root.
        assert security.get("runAsNonRoot") is (None if is_plugin else True)
        assert security["runAsUser"] == 0 if is_plugin else security["runAsUser"] > 10000
        for container in spec["containers"]:
            confined = container["securityContext"]
            assert confined["readOnlyRootFilesystem"] is True
            assert confined["allowPrivilegeEscalation"] is False
            assert confined["capabilities"] == {"drop": ["ALL"]}
            for amounts in ("requests", "limits"):
                assert {"cpu", "memory"} <= set(container["resources"][amounts])
            # Only the kubelet calls a device plugin.
            probes = {"startupProbe", "readinessProbe", "livenessProbe"}
            assert probes <= set(container) or is_plugin
            assert ":" in container["image"]
            assert not container["image"].endswith(":latest")


def test_nothing_reaches_a_model_server_that_is_not_let_through() -> None:
    policies = {
        each["metadata"]["name"]: each["spec"]
        for each in of_kind(built(MANIFESTS / "base"), "NetworkPolicy")
        if each["metadata"]["namespace"] == "headrace-serving"
    }

    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    opened = [rule for each in policies.values() for rule in each.get("ingress", [])]
    assert [port["port"] for rule in opened for port in rule["ports"]] == [8500, 8501]
    assert all("from" in rule for rule in opened)
    closed = [rule for each in policies.values() for rule in each.get("egress", [])]
    assert [port["port"] for rule in closed for port in rule["ports"]] == [53, 53]


def test_nobody_reaches_a_task_but_the_machines_of_one_each_other() -> None:
    base = built(MANIFESTS / "base")
    tasks = named(base, "NetworkPolicy", "headrace-tasks")["spec"]
    training = named(base, "NetworkPolicy", "headrace-training")["spec"]

    assert tasks["policyTypes"] == training["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in tasks
    assert training["ingress"] == [{"from": [{"podSelector": training["podSelector"]}]}]
    assert training["egress"] == tasks["egress"]


def test_the_model_server_understands_its_files() -> None:
    serving = built(MANIFESTS / "serving")
    files = named(serving, "ConfigMap", "tf-serving")["data"]
    config = text_format.Parse(
        files["models.config"], model_server_config_pb2.ModelServerConfig()
    ).model_config_list.config
    ((_, template),) = pods(serving)
    (container,) = template["spec"]["containers"]
    metrics = template["metadata"]["annotations"]["prometheus.io/path"]

    mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
    assert all(each.base_path.startswith("/models/") for each in config)
    assert mounts["/models"]["readOnly"]
    assert "--model_config_file=/config/models.config" in container["args"]
    assert "--monitoring_config_file=/config/monitoring.config" in container["args"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] == metrics
    assert f'path: "{metrics}"' in files["monitoring.config"]
    ports = {str(each["containerPort"]): each["name"] for each in container["ports"]}
    assert ports == {"8500": "grpc", "8501": "rest"}
    assert {"--port=8500", "--rest_api_port=8501"} <= set(container["args"])


def test_the_model_server_is_the_one_that_a_push_deploys() -> None:
    ((_, template),) = pods(built(MANIFESTS / "serving"))
    pushed = KubernetesPusherParams(
        server="tf_serving", name="flights", base_directory="/mnt", storage_uri="pvc://models"
    )

    assert template["spec"]["containers"][0]["image"] == pushed.image


def test_the_pushers_role_is_what_a_push_asks_for(
    tmp_path: Path,
) -> None:
    asked = set()
    for server in ("kserve", "tf_serving"):
        folder = tmp_path / server
        folder.mkdir()
        with kubernetes_api(folder) as kubernetes:
            for weights in ("first", "second"):
                push(folder, str(kubernetes.kubeconfig), server, weights)
            asked |= kubernetes.asked
            applied = kubernetes.applied

    role = named(built(MANIFESTS / "base"), "Role", "headrace-pusher", "headrace-serving")
    assert permissions(role) == asked
    for each in applied:
        check(each, VERSIONS[0])


def push(folder: Path, kubeconfig: str, server: str, weights: str) -> None:
    launcher = Launcher(root=folder / "launcher")
    model = folder / weights / "model"
    (model / "Format-Serving").mkdir(parents=True)
    (model / "Format-Serving/saved_model.pb").write_text(weights, "utf-8")
    parameters = {
        "server": server,
        "name": "flights",
        "base_directory": str(folder / "volume"),
        "storage_uri": "pvc://headrace-models",
        "service_account": "headrace-server",
        "roll_back": True,
        "timeout_seconds": 20,
    }
    launcher.run(
        "kubernetes_pusher", parameters, {"KUBECONFIG": kubeconfig}, model=launcher.store(model)
    )


def test_the_role_of_several_machines_is_what_a_jobset_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_job, "_POLL_SECONDS", 0.1)
    container = {"name": "main", "command": ["python", "-c", "exit(3)"], "args": [], "env": []}
    pod = {"metadata": {}, "spec": {"containers": [container], "restartPolicy": "Never"}}
    message = {"inputs": {}, "outputs": {"outputFile": str(tmp_path / "out/metadata.json")}}
    words = ["--workers", "2", "--shared", str(tmp_path), "--pod", json.dumps(pod)]

    with jobset_api(tmp_path) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        code = training_job.main([*words, "--executor_input", json.dumps(message)])

    assert code == EXIT_PLATFORM_ERROR
    role = named(built(MANIFESTS / "base"), "Role", "headrace-train", "kubeflow")
    assert permissions(role) == cluster.asked


def test_who_submits_may_do_what_forwarding_a_port_and_explaining_a_pod_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kubeflow_cluster(tmp_path) as kubernetes:
        monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
        kubernetes.run_id = "monday"
        kubernetes.add_workflow("flights-x7k2p")
        ClusterState("kubeflow").reasons("monday")
    explaining = {(each, "list") for each in kubernetes.asked}
    assert explaining == {("workflows", "list"), ("pods", "list"), ("events", "list")}
    with (
        contextlib.closing(socket.create_server(("127.0.0.1", 0))) as api,
        forwarding(tmp_path, {SERVICE: api.getsockname()[1]}) as cluster,
    ):
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        purpose = Purpose(because="a test asks for it", otherwise="something else")
        port, _ = forwarded(SERVICE, 8888, ("kubeflow",), purpose)
        with socket.create_connection(("127.0.0.1", port), timeout=30) as near:
            near.sendall(b"hello")
            far, _ = api.accept()
            assert far.recv(5) == b"hello"
        assert far.recv(5) == b""
        far.close()
    role = named(built(MANIFESTS / "base"), "Role", "headrace-submit", "kubeflow")

    # kubectl also reads the pod, and the verb that opens the port depends on the version.
    kubectl = {("pods", "get"), ("pods/portforward", "create")}
    doctor = {("configmaps", "get")}
    assert {each[1:] for each in permissions(role)} == (
        cluster.asked | kubectl | explaining | doctor
    )
    (services,) = (rule for rule in role["rules"] if rule["resources"] == ["services"])
    # For older versions also the lineage.
    assert services["resourceNames"] == [SERVICE, "metadata-grpc-service"]
    (settings,) = (rule for rule in role["rules"] if rule["resources"] == ["configmaps"])
    assert settings["resourceNames"] == [CONFIG_MAP]


def test_on_gpus_the_server_asks_for_one_and_goes_where_they_are(
    gpu_serving: tuple[Object, ...],
) -> None:
    for found, version in itertools.product(gpu_serving, VERSIONS):
        check(found, version)
    ((_, template),) = pods(gpu_serving)
    spec = template["spec"]
    (container,) = spec["containers"]
    quota = named(built(MANIFESTS / "base"), "ResourceQuota", "headrace-serving")["spec"]["hard"]
    scaler = named(gpu_serving, "HorizontalPodAutoscaler", "tf-serving")["spec"]

    assert container["image"].endswith("-gpu")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert scaler["maxReplicas"] == int(quota["requests.nvidia.com/gpu"])
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert spec["tolerations"][0]["key"] == "nvidia.com/gpu"
    classes = [each["metadata"]["name"] for each in of_kind(gpu_serving, "PriorityClass")]
    assert spec["priorityClassName"] in classes
    # The volumes of the CPU's server are still there.
    assert {"/config", "/models", "/tmp"} < {
        each["mountPath"] for each in container["volumeMounts"]
    }


@pytest.mark.parametrize("folder", ["kind", "gke"])
def test_claims_and_volumes_are_bound_to_each_other(folder: str) -> None:
    objects = built(MANIFESTS / folder)
    volumes = of_kind(objects, "PersistentVolume")
    for volume in volumes:
        spec, claimed = volume["spec"], volume["spec"]["claimRef"]
        claim = named(objects, "PersistentVolumeClaim", claimed["name"], claimed["namespace"])
        assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
        assert claim["spec"]["storageClassName"] == spec["storageClassName"] == ""
        assert claim["spec"]["accessModes"] == spec["accessModes"]
        assert claim["spec"]["resources"]["requests"]["storage"] == spec["capacity"]["storage"]
    assert len(volumes) == len(of_kind(objects, "PersistentVolumeClaim"))


def test_tasks_and_servers_on_gke_see_the_bucket_of_the_settings() -> None:
    settings = (MANIFESTS / "gke/cluster.env").read_text("utf-8")
    gke = built(MANIFESTS / "gke")
    buckets = {each["spec"]["csi"]["volumeHandle"] for each in of_kind(gke, "PersistentVolume")}
    ((_, template),) = pods(gke)

    (bucket,) = buckets
    assert f"\nBUCKET={bucket}\n" in settings
    assert template["metadata"]["annotations"]["gke-gcsfuse/volumes"] == "true"
    assert [each["metadata"]["name"] for each in of_kind(gke, "ConfigMap")] == ["tf-serving"]


def blocks(page: Path, language: str) -> list[str]:
    found = page.read_text("utf-8").split(f"```{language}\n")[1:]
    return [each.split("```")[0] for each in found]


def test_the_yaml_of_the_pages_is_kubernetes_yaml() -> None:
    for page in (MANIFESTS / "README.md", MANIFESTS.parent / "docs/serving.md"):
        documents = [each for text in blocks(page, "yaml") for each in yaml.safe_load_all(text)]
        for document in documents:
            if not document["apiVersion"].startswith("kustomize.config.k8s.io"):
                check(document, VERSIONS[0])


def test_an_overlay_as_the_page_has_it_builds(tmp_path: Path) -> None:
    (overlay,) = (
        text for text in blocks(MANIFESTS / "README.md", "yaml") if "Kustomization" in text
    )
    folder = tmp_path / "overlay"
    folder.mkdir()
    path = os.path.relpath(MANIFESTS, folder)
    text = overlay.replace("../headrace/manifests", path)
    (folder / "kustomization.yaml").write_text(f"{text}components: [{path}/gpu/serving]\n", "utf-8")

    objects = built(folder)

    quota = named(objects, "ResourceQuota", "headrace-pipelines")["spec"]["hard"]
    assert quota["requests.nvidia.com/gpu"] == "64"
    assert of_kind(objects, "PriorityClass")


def test_the_profiles_of_the_page_are_profiles(tmp_path: Path) -> None:
    profiles = blocks(MANIFESTS / "README.md", "toml")
    file = tmp_path / "headrace.toml"

    for text in profiles:
        file.write_text(text, "utf-8")
        read_profile(file)

    assert profiles
