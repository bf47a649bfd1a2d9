"""A task on several machines on Kubeflow: compiled, started as a JobSet, watched, collected."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.profiles.profile import read_profile
from headrace_components import catalog
from headrace_components.contract.task import EXIT_INPUT_ERROR, EXIT_PLATFORM_ERROR
from headrace_components.training_job import executor
from support.fakes.jobset_api import JobSetApi, jobset_api
from support.launcher.entry_points import Launcher, Outcome

# A component that reports its machine, without the import of TensorFlow.
WORK = """
import os, sys
from headrace_components.contract.machines import read_cluster
from headrace_components.contract.errors import InputError
from headrace_components.contract.task import main

def execute(task):
    cluster = read_cluster()
    print("I am", cluster.name, flush=True)
    TROUBLE
    if cluster.is_chief:
        rows = (task.input("examples").path / "Split-train/rows.txt").read_text()
        (task.output("model").path / "model.txt").write_text(rows + task.params["run_fn"])
        task.output("model").metadata["steps"] = 7
        (task.output("model_run").path / "log.txt").write_text("loss")
        task.output("report").path.write_text("a page")

sys.exit(main("trainer", execute))
"""

# A typical function of a TFX user: run_fn makes the strategy, and all machines save.
SUMMING = """
import os
import tensorflow as tf


def run_fn(fn_args):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()

    @tf.function
    def total():
        context = tf.distribute.get_replica_context
        return strategy.run(lambda: context().all_reduce("SUM", tf.constant(21)))

    os.makedirs(fn_args.serving_model_dir)
    with open(os.path.join(fn_args.serving_model_dir, "sum.txt"), "w") as file:
        file.write(str(strategy.experimental_local_results(total())[0].numpy()))
"""

PROFILE = """
[images]
registry = "registry.example.com/headrace"
digests_file = "digests.json"

[kubeflow]
service_account = "runner"
image_pull_secrets = ["registry"]

[tasks.trainer]
workers = 2
cpu = 4
memory = "8G"
accelerator = "nvidia-l4"
environment = { TF_USE_LEGACY_KERAS = "1" }

[kubeflow.tasks.trainer]
volumes = { "/mnt/shared" = "training" }
shm = "2Gi"
secret_environment = { TOKEN = "my-secret/token" }
tolerations = [{ key = "team", operator = "Exists", toleration_seconds = 60 }]
timeout = "2h"
"""


@dsl.pipeline(name="flights")
def flights() -> None:
    rows = catalog.csv_example_gen(input_base="gs://bucket/flights")
    catalog.trainer(examples=rows.outputs["examples"], module_file="gs://bucket/train.py")


def compiled(
    text: str, directory: Path, launchers: tuple[str, ...] = ("kubernetes_pusher",)
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the trainer's container and its KubernetesExecutorConfig."""
    (directory / "headrace.toml").write_text(text, "utf-8")
    images = ["trainer", "trainer_cuda", "csv_example_gen", *launchers]
    digests = dict.fromkeys(images, f"sha256:{'a' * 64}")
    (directory / "digests.json").write_text(json.dumps(digests), "utf-8")
    profile = read_profile(directory / "headrace.toml")
    documents = list(yaml.safe_load_all(compile_for(load(flights), "kubeflow", profile).text))
    executors = documents[0]["deploymentSpec"]["executors"]
    pods = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return executors["exec-trainer"]["container"], pods["exec-trainer"]


@dataclass(frozen=True, kw_only=True)
class Started:
    """A launcher's command line and environment."""

    launcher: Launcher
    message: dict[str, Any]
    pod: Path
    arguments: list[str]

    def outcome(self) -> Outcome:
        return self.launcher._collect("trainer", self.message, self.pod, "")

    def error(self) -> str:
        file = Path(self.message["outputs"]["outputFile"]).with_name("executor_error.json")
        text: str = json.loads(file.read_text("utf-8"))["message"]
        return text


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobSetApi]:
    monkeypatch.setattr(executor, "_POLL_SECONDS", 0.1)
    with jobset_api(tmp_path) as api:
        monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))
        yield api


def prepared(
    tmp_path: Path, trouble: str | None, monkeypatch: pytest.MonkeyPatch, **parameters: Any
) -> Started:
    """Compiles the pipeline; its pods run WORK with `trouble` in it, or for None trainer itself."""
    shared = tmp_path / "shared"
    shared.mkdir()
    container, _ = compiled(PROFILE.replace("/mnt/shared", str(shared)), tmp_path)
    (tmp_path / "work.py").write_text(WORK.replace("TROUBLE", trouble or ""), "utf-8")
    launcher = Launcher(root=tmp_path / "launcher", rules="kfp-next")
    for split in ("train", "eval"):
        (tmp_path / f"examples/Split-{split}").mkdir(parents=True)
        (tmp_path / f"examples/Split-{split}/rows.txt").write_text("$rows $(HOME) ", "utf-8")
    inputs = {"examples": [launcher.store(tmp_path / "examples")]}
    pod = tmp_path / "pod"
    pod.mkdir()
    message = launcher._executor_input(
        catalog.trainer.component_spec,  # type: ignore[attr-defined]  # shown as a function
        parameters or {"run_fn": "$$(X) 'y'"},
        inputs,
        "artifacts/pipeline/run-1/trainer",
        pod,
    )
    launcher._provide(pod, inputs)
    # kfp's launcher makes the parent directories of outputs, like for any container.
    arguments = [json.dumps(message) if word == "{{$}}" else word for word in container["args"]]
    template = json.loads(arguments[arguments.index("--pod") + 1])
    main = template["spec"]["containers"][0]
    assert main["command"] == ["python", "-m", "headrace_components.trainer"]
    if trouble is not None:
        main["command"] = ["python", str(tmp_path / "work.py")]
    # The local processes do not need secrets.
    main["env"] = [each for each in main["env"] if "value" in each]
    arguments[arguments.index("--pod") + 1] = json.dumps(template)
    monkeypatch.setenv("HEADRACE_MOUNT_ROOT", str(pod))
    return Started(launcher=launcher, message=message, pod=pod, arguments=arguments)


def test_pods_share_a_task_and_its_outputs_are_taken_over(
    cluster: JobSetApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KFP_POD_NAME", "flights-abc-123")
    monkeypatch.setenv("KFP_POD_UID", "0f5b1c2d-0000")
    started = prepared(tmp_path, "", monkeypatch)

    assert executor.main(started.arguments) == 0, started.error()

    outcome = started.outcome()
    assert (outcome["model"].path / "model.txt").read_text() == "$rows $(HOME) $$(X) 'y'"
    assert outcome["model"].metadata["steps"] == 7
    assert (outcome["model_run"].path / "log.txt").read_text() == "loss"
    assert outcome["report"].path.read_text() == "a page"
    (made,) = cluster.created
    assert made["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Pod", "name": "flights-abc-123", "uid": "0f5b1c2d-0000"}
    ]
    assert made["metadata"]["name"].endswith("-0f5b1c2d")
    logs = "".join(file.read_text() for file in tmp_path.glob("*.log"))
    assert "I am worker 0 of 2" in logs and "I am worker 1 of 2" in logs
    assert not cluster.jobsets
    assert not list((tmp_path / "shared").iterdir())


@pytest.mark.slow
def test_trainer_trains_on_the_pods(
    cluster: JobSetApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module.py").write_text(SUMMING, "utf-8")
    module_file = str(tmp_path / "module.py")
    started = prepared(tmp_path, None, monkeypatch, module_file=module_file)

    assert executor.main(started.arguments) == 0, started.error()

    model = started.outcome()["model"].path
    assert (model / "Format-Serving/sum.txt").read_text() == "42"
    assert not cluster.jobsets


@pytest.mark.parametrize(
    ("trouble", "code", "message"),
    [
        (
            "if not cluster.is_chief: raise InputError('trainer: no such column: fare.')",
            EXIT_INPUT_ERROR,
            "trainer: no such column: fare.",
        ),
        (
            "if not cluster.is_chief: print('allocating', flush=True); os.kill(os.getpid(), 9)",
            EXIT_PLATFORM_ERROR,
            "ended with exit code 137 (OOMKilled); its last line was 'allocating'",
        ),
    ],
)
def test_a_pod_that_fails_fails_the_task_with_its_reason(
    trouble: str,
    code: int,
    message: str,
    cluster: JobSetApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = f"{trouble}\n    import time; time.sleep(60)"
    started = prepared(tmp_path, waits, monkeypatch)

    assert executor.main(started.arguments) == code

    assert message in started.error()
    assert not cluster.jobsets
    assert not list((tmp_path / "shared").iterdir())


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        ((404, "the server could not find the requested resource"), "has no jobsets of jobset.x-"),
        ((403, "jobsets is forbidden"), "may not create: jobsets is forbidden. Give it the role"),
        ((422, "spec.replicatedJobs: too long"), "HTTP 422: spec.replicatedJobs: too long."),
    ],
)
def test_a_cluster_that_refuses_is_explained(
    refusal: tuple[int, str],
    message: str,
    cluster: JobSetApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = prepared(tmp_path, "", monkeypatch)
    cluster.refuse = refusal

    assert executor.main(started.arguments) != 0

    assert message in started.error()


def test_a_task_that_is_cancelled_takes_its_pods_along(
    cluster: JobSetApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = prepared(tmp_path, "import time; time.sleep(60)", monkeypatch)
    process = subprocess.Popen(
        [sys.executable, "-m", "headrace_components.training_job", *started.arguments],
        env={**os.environ},
    )
    deadline = time.monotonic() + 60
    while not cluster.jobsets and time.monotonic() < deadline:
        time.sleep(0.05)
    assert cluster.jobsets

    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 128 + signal.SIGTERM
    assert not cluster.jobsets


def test_the_pods_get_what_the_profile_gives_the_task(tmp_path: Path) -> None:
    container, config = compiled(PROFILE, tmp_path)

    assert container["image"].startswith("registry.example.com/headrace/kubernetes_pusher@sha256:")
    assert container["resources"]["resourceMemoryRequest"] == "128Mi"
    assert set(config) == {
        "activeDeadlineSeconds", "imagePullSecret", "pvcMount", "securityContext",
    }  # fmt: skip
    assert config["securityContext"] == {"runAsNonRoot": True}
    arguments = container["args"]
    assert arguments[arguments.index("--workers") + 1] == "2"
    spec = json.loads(arguments[arguments.index("--pod") + 1])["spec"]
    (main,) = spec["containers"]
    assert main["image"].startswith("registry.example.com/headrace/trainer_cuda@sha256:")
    assert main["args"] == ["--executor_input", "HEADRACE_EXECUTOR_INPUT"]
    assert main["resources"] == {"limits": {"cpu": "4", "memory": "8G", "nvidia.com/gpu": "1"}}
    assert {"name": "TF_USE_LEGACY_KERAS", "value": "1"} in main["env"]
    assert main["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    secret = {"secretKeyRef": {"name": "my-secret", "key": "token"}}
    assert {"name": "TOKEN", "valueFrom": secret} in main["env"]
    mounted = {each["mountPath"]: each["name"] for each in main["volumeMounts"]}
    sources = {each.pop("name"): each for each in spec["volumes"]}
    assert sources[mounted["/mnt/shared"]] == {"persistentVolumeClaim": {"claimName": "training"}}
    assert sources[mounted["/dev/shm"]] == {"emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}
    team = {"key": "team", "operator": "Exists", "tolerationSeconds": 60}
    assert team in spec["tolerations"]
    assert spec["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    assert spec["serviceAccountName"] == "runner"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_what_no_jobset_can_run_is_refused(tmp_path: Path) -> None:
    alone = PROFILE.replace('volumes = { "/mnt/shared" = "training" }\n', "")

    with pytest.raises(
        CompileError,
        match=r"task `trainer`: target kubeflow runs it as a JobSet, whose pods meet on a volume, "
        r"but the task has no `volumes`. Write volumes = { '/mnt/shared' = 'CLAIM' } in \[kubeflow",
    ):
        compiled(alone, tmp_path)
    with pytest.raises(
        CompileError, match="which the image kubernetes_pusher starts, but there is no digest of it"
    ):
        compiled(PROFILE, tmp_path, launchers=())
