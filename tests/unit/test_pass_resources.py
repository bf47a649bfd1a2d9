"""The profile's settings for a task: machines, retries, caching, variables, and its pod."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import dsl, kubernetes

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.profile import Profile, read_profile
from support.oracles import executor_configs

BASE = '[vertex]\npipeline_root = "gs://bucket/root"\n'


@dsl.container_component
def train() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="mine/trainer", command=["train"])


@dsl.pipeline(name="plain")
def plain() -> None:
    train()


@dsl.pipeline(name="decided")
def decided() -> None:
    task = train()
    task.set_cpu_limit("4").set_memory_limit("8G").set_retry(5, "10s")
    task.set_env_variable("A", "pipeline")
    task.set_caching_options(False)


def profile(text: str, directory: Path) -> Profile:
    (directory / "headrace.toml").write_text(BASE + text, "utf-8")
    return read_profile(directory / "headrace.toml")


def compiled(pipeline: Any, target: str, text: str, directory: Path) -> specs.TaskNode:
    document = compile_for(load(pipeline), target, profile(text, directory)).document
    (node,) = specs.tasks(document.get("pipelineSpec", document))
    return node


def pod(pipeline: Any, text: str, directory: Path) -> dict[str, Any]:
    """Returns the KubernetesExecutorConfig of the one task; the real message parses it."""
    documents = compile_for(load(pipeline), "kubeflow", profile(text, directory)).text
    _, platform = yaml.safe_load_all(documents)
    (config,) = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    return executor_configs.parsed(config)


def test_resources_are_written_as_kfp_writes_them(tmp_path: Path) -> None:
    @dsl.pipeline(name="plain")
    def by_kfp() -> None:
        task = train().set_cpu_limit("8").set_memory_limit("32G").set_retry(2, "30s")
        task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(2)
        task.set_env_variable("TZ", "UTC")

    text = (
        '[tasks.train]\ncpu = 8\nmemory = "32G"\nretries = 2\nretry_delay = "30s"\n'
        'accelerator = "nvidia-l4"\naccelerator_count = 2\nenvironment = { TZ = "UTC" }\n'
    )

    expected = compiled(by_kfp, "kubeflow", "", tmp_path)
    found = compiled(plain, "kubeflow", text, tmp_path)

    assert found.container == expected.container
    assert found.task == expected.task


def test_memory_in_binary_units_is_converted_for_vertex(tmp_path: Path) -> None:
    node = compiled(plain, "vertex", '[defaults]\nmemory = "16Gi"\n', tmp_path)

    assert node.container["resources"]["memoryLimit"] == pytest.approx(17.179869184)


def test_the_pipeline_goes_before_what_is_said_of_all_tasks(tmp_path: Path) -> None:
    text = '[defaults]\ncpu = 1\nretries = 1\nenvironment = { A = "profile", B = "profile" }\n'

    node = compiled(decided, "vertex", text, tmp_path)

    assert node.container["resources"]["cpuLimit"] == 4
    assert node.task["retryPolicy"]["maxRetryCount"] == 5
    assert {each["name"]: each["value"] for each in node.container["env"]} == {
        "A": "pipeline",
        "B": "profile",
    }


def test_what_is_said_of_the_very_task_goes_before_the_pipeline(tmp_path: Path) -> None:
    text = (
        '[tasks.train]\ncpu = 1\nretries = 0\ncache = true\nenvironment = { A = "profile" }\n'
        '[defaults]\ncpu = 2\nretry_delay = "1h"\n'
    )

    node = compiled(decided, "vertex", text, tmp_path)

    assert node.container["resources"]["cpuLimit"] == 1
    assert node.container["resources"]["resourceMemoryLimit"] == "8G"
    assert "retryPolicy" not in node.task
    assert node.task["cachingOptions"] == {"enableCache": True}
    assert node.container["env"] == [{"name": "A", "value": "profile"}]


def test_the_delay_of_the_pipelines_retries_can_be_changed(tmp_path: Path) -> None:
    node = compiled(decided, "vertex", '[tasks.train]\nretry_delay = "2m"\n', tmp_path)

    assert node.task["retryPolicy"]["maxRetryCount"] == 5
    assert node.task["retryPolicy"]["backoffDuration"] == "120s"


def test_caches_are_switched_off_for_all_tasks_but_never_on(tmp_path: Path) -> None:
    off = compiled(plain, "vertex", "[defaults]\ncache = false\n", tmp_path)
    on = compiled(decided, "vertex", "[defaults]\ncache = true\n", tmp_path)

    assert off.task["cachingOptions"] == {}
    assert on.task["cachingOptions"] == {}


@pytest.mark.parametrize(
    ("target", "name"), [("kubeflow", "nvidia.com/gpu"), ("vertex", "NVIDIA_L4")]
)
def test_an_accelerator_has_one_name_for_all_targets(
    target: str, name: str, tmp_path: Path
) -> None:
    @dsl.pipeline(name="neutral")
    def neutral() -> None:
        train().set_accelerator_type("nvidia-l4").set_accelerator_limit(1)

    for node in (
        compiled(neutral, target, "", tmp_path),
        compiled(plain, target, '[tasks.train]\naccelerator = "nvidia-l4"\n', tmp_path),
    ):
        found = node.container["resources"]["accelerator"]
        assert found == {"type": name, "resourceType": name, "count": "1", "resourceCount": "1"}


def test_the_count_of_the_pipelines_accelerator_can_be_changed(tmp_path: Path) -> None:
    @dsl.pipeline(name="p")
    def accelerated() -> None:
        train().set_accelerator_type("nvidia-l4").set_accelerator_limit(1)

    node = compiled(accelerated, "vertex", "[tasks.train]\naccelerator_count = 4", tmp_path)

    assert node.container["resources"]["accelerator"] == {
        "type": "NVIDIA_L4",
        "resourceType": "NVIDIA_L4",
        "count": "4",
        "resourceCount": "4",
    }


def test_a_gpu_brings_its_nodes_label_and_toleration(tmp_path: Path) -> None:
    gpu = '[tasks.train]\naccelerator = "nvidia-l4"\n'

    assert pod(plain, gpu, tmp_path) == {
        "nodeSelector": {"labels": {"cloud.google.com/gke-accelerator": "nvidia-l4"}},
        "tolerations": [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        ],
    }
    assert "nodeSelector" not in pod(plain, gpu + '[kubeflow]\naccelerator_label = ""\n', tmp_path)


def test_pods_are_described_as_kfp_kubernetes_does(tmp_path: Path) -> None:
    @dsl.pipeline(name="plain")
    def by_kfp_kubernetes() -> None:
        task = train()
        kubernetes.set_image_pull_policy(task, "Always")
        kubernetes.set_image_pull_secrets(task, ["registry"])
        kubernetes.add_node_selector(task, "cloud.google.com/gke-nodepool", "big")
        kubernetes.add_node_selector(task, "disk", "ssd")
        kubernetes.add_toleration(
            task, key="team", operator="Equal", value="ml", effect="NoExecute", toleration_seconds=9
        )
        kubernetes.add_pod_annotation(task, "gke-gcsfuse/volumes", "true")
        kubernetes.add_pod_label(task, "team", "ml")
        kubernetes.empty_dir_mount(task, "shm", "/dev/shm", medium="Memory", size_limit="8Gi")
        kubernetes.set_timeout(task, 7200)
        kubernetes.use_secret_as_env(task, "wandb", {"key": "WANDB_API_KEY"})
        kubernetes.use_secret_as_volume(task, "certificates", "/etc/certificates")
        kubernetes.mount_pvc(task, "claim", "/mnt/data")

    text = """
        [kubeflow]
        image_pull_policy = "Always"
        image_pull_secrets = ["registry"]
        [kubeflow.tasks.train]
        node_pool = "big"
        node_selector = { disk = "ssd" }
        pod_annotations = { "gke-gcsfuse/volumes" = "true" }
        pod_labels = { team = "ml" }
        shm = "8Gi"
        timeout = "2h"
        secret_environment = { WANDB_API_KEY = "wandb/key" }
        secret_volumes = { "/etc/certificates" = "certificates" }
        volumes = { "/mnt/data" = "claim" }
        [[kubeflow.tasks.train.tolerations]]
        key = "team"
        operator = "Equal"
        value = "ml"
        effect = "NoExecute"
        toleration_seconds = 9
        """

    expected = pod(by_kfp_kubernetes, "", tmp_path)
    # False, its default. kfp-kubernetes 1.5 only writes it for volumes, 2.16 for both.
    for secret in expected["secretAsEnv"] + expected["secretAsVolume"]:
        secret.pop("optional", None)

    assert pod(plain, text, tmp_path) == expected


def test_a_pod_of_the_pipelines_own_is_joined_with_the_profiles(tmp_path: Path) -> None:
    @dsl.pipeline(name="plain")
    def own() -> None:
        task = train()
        kubernetes.mount_pvc(task, "pipeline", "/mnt/data")
        kubernetes.add_node_selector(task, "disk", "hdd")

    text = """
        [kubeflow.defaults]
        volumes = { "/mnt/data" = "profile", "/mnt/more" = "profile" }
        [kubeflow.tasks.train]
        node_selector = { disk = "ssd" }
        spot = true
        """

    found = pod(own, text, tmp_path)

    mounts = {each["mountPath"]: each["constant"] for each in found["pvcMount"]}
    assert mounts == {"/mnt/data": "pipeline", "/mnt/more": "profile"}
    assert found["nodeSelector"]["labels"] == {"disk": "ssd", "cloud.google.com/gke-spot": "true"}


@pytest.mark.parametrize(
    ("target", "text", "message"),
    [
        (
            "vertex",
            '[tasks.train]\nshm = "1G"',
            r"headrace.toml: task `train`: target vertex has no `shm`. Move it to a table of "
            r"Kubeflow, such as \[kubeflow.tasks.NAME\]",
        ),
        ("vertex", '[defaults]\nvolumes = { "/a" = "b" }', r"target vertex has no `volumes`"),
        ("vertex", '[tasks.train]\ntimeout = "1h"', r"has `timeout` for custom jobs alone"),
        ("vertex", '[tasks.train]\naccelerator = "amd.com/gpu"', r"no accelerator 'amd.com/gpu'"),
        ("vertex", "[tasks.train]\naccelerator_count = 2", r"`accelerator_count`, but no accel"),
        ("kubeflow", '[tasks.train]\nretry_delay = "9s"', r"has `retry_delay`, but no retries"),
        ("vertex", "[tasks.train]\ncpu = 128", r"up to 96 CPUs, but the task's limit is 128"),
        ("kubeflow", '[tasks.train]\nmachine_type = "n2-standard-8"', r"has no `machine_type`. Mo"),
        (
            "kubeflow",
            '[tasks.train]\naccelerator = "tpu-v3"',
            r"accelerator = 'google.com/tpu",
        ),
    ],
)
def test_what_a_target_cannot_give_is_refused(
    target: str, text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError, match=message):
        compiled(plain, target, text + "\n", tmp_path)


def test_requests_are_written_as_kfp_writes_them(tmp_path: Path) -> None:
    @dsl.pipeline(name="plain")
    def by_kfp() -> None:
        task = train().set_cpu_limit("8").set_memory_limit("32G")
        task.set_cpu_request("0.5").set_memory_request("2Gi")

    text = (
        '[kubeflow.defaults]\ncpu_request = 0.5\nmemory_request = "1Gi"\n'
        '[tasks.train]\ncpu = 8\nmemory = "32G"\n[kubeflow.tasks.train]\nmemory_request = "2Gi"\n'
    )

    expected = compiled(by_kfp, "kubeflow", "", tmp_path).container["resources"]
    found = compiled(plain, "kubeflow", text, tmp_path).container["resources"]

    assert found.pop("resourceCpuRequest") == "0.5"  # kfp keeps the author's text unchanged
    assert expected.pop("resourceCpuRequest") == "0.5"
    assert found == expected


def test_a_limit_of_the_pipeline_may_have_a_request_of_the_profile(tmp_path: Path) -> None:
    text = "[kubeflow.components.trainer]\ncpu_request = 1\n[kubeflow.defaults]\ncpu_request = 2\n"

    resources = compiled(decided, "kubeflow", text, tmp_path).container["resources"]

    assert (resources["resourceCpuLimit"], resources["resourceCpuRequest"]) == ("4", "2")
    assert "resourceMemoryRequest" not in resources


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (
            "[defaults]\ncpu_request = 2\n",
            "vertex",
            r"task `train`: target vertex chooses the machine by limits and has no `cpu_request`. "
            r"Move it to a table of Kubeflow, such as \[kubeflow.tasks.NAME\], and write `cpu` "
            r"here",
        ),
        (
            '[defaults]\nmemory_request = "2G"\n',
            "vertex",
            r"has no `memory_request`. .* and write `memory` here",
        ),
        (
            "[defaults]\ncpu_request = 6\n",
            "kubeflow",
            r"makes no pod that asks for more than its limit, but the task's request of cpu is 6 "
            r"and its limit 4. Raise `cpu` or lower `cpu_request`",
        ),
        (
            '[tasks.train]\nmemory_request = "8Gi"\n',
            "kubeflow",
            r"request of memory is 8.58993 GB and its limit 8 GB. Raise `memory`",
        ),
        ("[defaults]\ncpu_request = 0\n", "kubeflow", r"`cpu_request` is 0, expected more than 0"),
        ("[defaults]\nmemory_request = 'x'\n", "kubeflow", r"`memory_request` is 'x', expected a"),
    ],
)
def test_a_request_that_no_machine_takes_is_refused(
    text: str, target: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError, match=message):
        compiled(decided, target, text, tmp_path)


@pytest.mark.parametrize("target", ["local", "kubeflow", "vertex"])
def test_a_variable_may_be_empty(target: str, tmp_path: Path) -> None:
    @dsl.pipeline(name="empty")
    def empty() -> None:
        train().set_env_variable("E", "")

    text = BASE if target == "vertex" else ""
    (tmp_path / "headrace.toml").write_text(text + "[defaults]\nenvironment = { A = 'x' }\n")
    profile = read_profile(tmp_path / "headrace.toml")

    document = compile_for(load(empty), target, profile).document
    (executor,) = specs.executors(document.get("pipelineSpec", document)).values()
    found = {each["name"]: each.get("value", "") for each in executor["container"]["env"]}
    assert found == ({"E": ""} if target == "local" else {"A": "x", "E": ""})
