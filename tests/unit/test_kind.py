"""The cluster on this machine: what its scripts do and refuse, and the agreement of its files."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.profiles.profile import read_profile
from support.oracles.kubernetes_manifests import MANIFESTS, built, of_kind, program

ROOT = MANIFESTS.parent
SCRIPTS = sorted(MANIFESTS.rglob("*.sh"))
UP, DOWN = MANIFESTS / "kind/up.sh", MANIFESTS / "kind/down.sh"
PENGUINS = ROOT / "examples/penguins/pipeline.py"

# Programs that the scripts call without looking for them first.
COMMON = ("bash", "cat", "dirname", "awk", "sleep", "tee")

# The answers on a machine without a cluster.
DOCKER = """
case "$*" in
  info*) echo 16000000000 ;;
  "container inspect headrace-registry") exit 1 ;;
  *json*) echo null ;;
  *tee*) cat >>{log} ;;
esac
"""
KIND = '[ "$1" != get ]'
KUBECTL = """
case "$*" in
  *"get deployments"*) printf '1/1\\n2/2\\n' ;;
esac
"""


def run(
    script: Path,
    directory: Path,
    programs: dict[str, str],
    root: Path = ROOT,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, str, list[str]]:
    """Runs a script with only `programs` on the PATH.

    Returns its exit code, its output, and the commands that it calls.

    Args:
        script: The script.
        directory: An empty directory.
        programs: Names of programs, and what they do, as shell scripts.
        root: The tree of this repository, or of a part of it.
        environment: More variables.
    """
    directory.mkdir(exist_ok=True)
    log = directory / "calls"
    log.touch()
    for name in COMMON:
        (directory / name).symlink_to(shutil.which(name) or "")
    for name, text in programs.items():
        note = f'echo "{name} $*" >>{log}'
        (directory / name).write_text(f"#!/bin/sh\n{note}\n{text.replace('{log}', str(log))}\n")
        (directory / name).chmod(0o755)
    result = subprocess.run(
        [str(directory / "bash"), str(root / script.relative_to(ROOT))],
        env={"PATH": str(directory), "HEADRACE": "headrace", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return result.returncode, result.stdout, log.read_text("utf-8").splitlines()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files of this repository that the scripts read, with penguins."""
    shutil.copytree(MANIFESTS, tmp_path / "tree/manifests")
    (tmp_path / "tree/examples/penguins/data").mkdir(parents=True)
    (tmp_path / "tree/examples/penguins/data/penguins.csv").touch()
    return tmp_path / "tree"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    words = [program("shellcheck"), "--external-sources", str(script.relative_to(ROOT))]
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (result.returncode, result.stdout) == (0, "")
    assert os.access(script, os.X_OK) == script.read_text("utf-8").startswith("#!")


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    code, printed, called = run(UP, tmp_path / "bin", {"kubectl": ""})

    assert (code, called) == (2, [])
    lines = printed.splitlines()
    assert [line.partition(" is not")[0] for line in lines] == [
        "kind-up: docker", "kind-up: kind", "kind-up: git", "kind-up: headrace",
    ]  # fmt: skip
    assert lines[0].endswith("It runs the cluster: https://docs.docker.com/engine/install")
    assert all("http" in line or "make setup" in line for line in lines)


def test_without_docker_there_is_nothing_to_remove(tmp_path: Path) -> None:
    code, printed, _ = run(DOWN, tmp_path / "bin", {"kind": ""})

    assert code == 2
    assert printed.startswith("kind-down: docker is not installed. It runs the cluster: https://")


@pytest.mark.parametrize(
    ("docker", "expected"),
    [
        ("exit 1", "kind-up: docker is installed, but its daemon does not answer. Start it,"),
        ("echo 0", "kind-up: docker is installed, but its daemon does not answer. Start it,"),
        ("echo 4000000000", "kind-up: docker has 4 GB of memory, expected 8 or more. Give it"),
    ],
)
def test_a_docker_that_cannot_run_it_is_told_apart(
    docker: str, expected: str, tmp_path: Path, tree: Path
) -> None:
    programs = {"docker": docker, "kind": "", "kubectl": "", "git": "", "headrace": ""}

    code, printed, called = run(UP, tmp_path / "bin", programs, tree)

    assert (code, called) == (2, ["docker info --format {{.MemTotal}}"])
    assert printed.startswith(expected)
    assert printed.count("\n") == 1


def test_without_the_penguins_nothing_is_begun(tmp_path: Path, tree: Path) -> None:
    (tree / "examples/penguins/data/penguins.csv").unlink()
    programs = {"docker": DOCKER, "kind": KIND, "kubectl": KUBECTL, "git": "", "headrace": ""}

    code, printed, called = run(UP, tmp_path / "bin", programs, tree)

    assert (code, called) == (2, [])
    assert "Run `make examples/penguins/data`" in printed


def test_from_an_empty_machine_to_the_address_of_the_pages(tmp_path: Path, tree: Path) -> None:
    programs = {"docker": DOCKER, "kind": KIND, "kubectl": KUBECTL, "git": "", "headrace": ""}

    code, printed, called = run(UP, tmp_path / "bin", programs, tree)

    assert code == 0, printed
    order = [
        "docker run --detach --restart=always --name headrace-registry",
        "kind create cluster --config manifests/kind/cluster.yaml",
        "docker network connect kind headrace-registry",
        '[host."http://headrace-registry:5000"]',
        "headrace images build csv_example_gen evaluator",
        "headrace images push csv_example_gen evaluator",
        "kubectl --context kind-headrace apply --server-side --force-conflicts --kustomize "
        "manifests/kind/kubeflow-pipelines/definitions",
        "kubectl --context kind-headrace apply --server-side --force-conflicts --kustomize "
        "manifests/kind/kubeflow-pipelines",
        "kubectl --context kind-headrace --namespace kubeflow patch configmap "
        "workflow-controller-configmap --type merge --patch-file manifests/retries.yaml",
        "kubectl --context kind-headrace --namespace kubeflow get deployments",
        "docker cp --quiet examples/penguins/data/. headrace-control-plane:/var/lib/headrace/data",
        "kubectl --context kind-headrace apply --server-side --force-conflicts --kustomize "
        "manifests/kind",
    ]
    places = [next(i for i, call in enumerate(called) if call.startswith(each)) for each in order]
    assert places[:-1] == sorted(places[:-1])
    assert called[-1] == order[-1]
    assert "2 of 2 parts of Kubeflow Pipelines are ready" in printed
    assert "\nKubeflow Pipelines: http://localhost:8080\n" in printed


def test_what_is_there_is_left_as_it_is(tmp_path: Path, tree: Path) -> None:
    docker = 'case "$*" in info*) echo 16000000000 ;; *json*) echo {} ;; esac'
    programs = {"docker": docker, "kind": "", "kubectl": KUBECTL, "git": "", "headrace": ""}

    code, printed, called = run(UP, tmp_path / "bin", programs, tree)

    assert code == 0, printed
    begun = ("docker run", "docker network connect", "kind create")
    assert not [call for call in called if call.startswith(begun)]
    assert {"docker start headrace-registry", "docker start headrace-control-plane"} <= set(called)


def test_what_does_not_come_up_ends_with_its_pods(tmp_path: Path, tree: Path) -> None:
    kubectl = """
case "$*" in
  *"get deployments"*) printf '/1\\n2/2\\n' ;;
  *"get pods"*) echo "mysql 0/1 ImagePullBackOff" ;;
esac
"""
    programs = {"docker": DOCKER, "kind": KIND, "kubectl": kubectl, "git": "", "headrace": ""}

    code, printed, _ = run(UP, tmp_path / "bin", programs, tree, {"KUBEFLOW_SECONDS": "-1"})

    assert code == 1
    assert "1 of 2 parts of Kubeflow Pipelines are ready" in printed
    assert "mysql 0/1 ImagePullBackOff\nkind-up: Kubeflow Pipelines is not ready after" in printed


def test_the_images_are_those_that_the_penguins_run_in() -> None:
    settings = (MANIFESTS / "kind/settings.sh").read_text("utf-8")
    images = re.search(r"IMAGES=\((.+)\)", settings)
    assert images is not None
    assert set(images[1].split()) == used_images()


def used_images() -> set[str]:
    spec = compile_for(load(PENGUINS), "local", read_profile(None)).document
    executors = spec["deploymentSpec"]["executors"].values()
    return {each["container"]["image"].rpartition("/")[2] for each in executors}


def test_the_profile_mounts_the_clusters_claims(tmp_path: Path) -> None:
    text = (MANIFESTS / "kind/headrace.toml").read_text("utf-8")
    digests = "".join(f'{each} = "sha256:{"0" * 64}"\n' for each in sorted(used_images()))
    file = tmp_path / "headrace.toml"
    file.write_text(
        text.replace('digests_file = "../../images/digests.json"', f"[images.digests]\n{digests}"),
        "utf-8",
    )
    assert (MANIFESTS / "kind" / "../../images").resolve() == ROOT / "images"

    text = compile_for(load(PENGUINS), "kubeflow", read_profile(file)).text

    spec, platform = yaml.safe_load_all(text)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    mounted = {
        name: [(each["mountPath"], each["constant"]) for each in executor["pvcMount"]]
        for name, executor in executors.items()
        if "pvcMount" in executor
    }
    assert mounted == {
        "exec-csv-example-gen": [("/mnt/data", "headrace-data")],
        "exec-csv-example-gen-fingerprint": [("/mnt/data", "headrace-data")],
        "exec-pusher": [("/mnt/models", "headrace-models")],
    }
    claims = {
        each["metadata"]["name"]
        for each in of_kind(built(MANIFESTS / "kind"), "PersistentVolumeClaim")
        if each["metadata"]["namespace"] == "kubeflow"
    }
    assert claims == {"headrace-data", "headrace-models"}
    image = spec["deploymentSpec"]["executors"]["exec-pusher"]["container"]["image"]
    assert image.startswith("localhost:5001/headrace/pusher@sha256:")


def test_the_ports_of_this_machine_lead_to_the_services() -> None:
    cluster = yaml.safe_load((MANIFESTS / "kind/cluster.yaml").read_text("utf-8"))
    (node,) = cluster["nodes"]
    opened = {each["containerPort"]: each["hostPort"] for each in node["extraPortMappings"]}
    led = {
        port["nodePort"]: each["metadata"]["name"]
        for each in of_kind(built(MANIFESTS / "kind"), "Service")
        for port in each["spec"]["ports"]
        if "nodePort" in port
    }

    assert set(opened) == set(led)
    assert {led[port]: opened[port] for port in led} == {
        "headrace-pages": 8080,
        "tf-serving-port": 8501,
    }
    assert {each["listenAddress"] for each in node["extraPortMappings"]} == {"127.0.0.1"}


def test_kubeflow_pipelines_is_of_one_release() -> None:
    folder = MANIFESTS / "kind/kubeflow-pipelines"
    texts = [file.read_text("utf-8") for file in folder.rglob("kustomization.yaml")]
    releases = [re.findall(r"^  - https://\S+\?ref=(\d+\.\d+\.\d+)&", text, re.M) for text in texts]

    assert len(texts) == 2
    assert releases[0] == releases[1] == ["2.17.0"]


def test_google_cloud_is_not_asked_about_the_examples_names(tmp_path: Path) -> None:
    code, printed, called = run(MANIFESTS / "gke/create.sh", tmp_path / "bin", {"gcloud": ""})

    assert (code, called) == (2, [])
    assert printed == (
        "gke/create.sh: PROJECT is my-project in manifests/gke/cluster.env, an example. "
        "Write yours.\n"
    )


def test_accounts_get_the_bucket_and_not_the_project(tmp_path: Path, tree: Path) -> None:
    settings = tree / "manifests/gke/cluster.env"
    settings.write_text(settings.read_text("utf-8").replace("=my-", "=our-"), "utf-8")
    gcloud = 'case "$*" in *projects\\ describe*) echo 42 ;; *describe*) exit 1 ;; esac'

    code, printed, called = run(
        MANIFESTS / "gke/create.sh", tmp_path / "bin", {"gcloud": gcloud}, tree
    )

    assert code == 0, printed
    pool = "projects/42/locations/global/workloadIdentityPools/our-project.svc.id.goog"
    bound = [call for call in called if "iam-policy-binding" in call]
    assert [call.split(" --role ")[1] for call in bound] == [
        f"roles/storage.{role} --member principal://iam.googleapis.com/{pool}/subject/ns/{account}"
        for role, account in (
            ("objectUser", "kubeflow/sa/headrace-pipeline"),
            ("objectViewer", "headrace-serving/sa/headrace-server"),
        )
    ]
    assert all("storage buckets add-iam-policy-binding gs://our-bucket " in each for each in bound)
    assert sum(" create " in call for call in called) == 3
