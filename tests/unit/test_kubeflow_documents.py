"""docs/kubeflow.md: its profiles compile the example, and its commands work as described."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from headrace.cli.main import main
from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.profiles.profile import read_profile
from headrace_components import catalog
from support.cases.declared import CUDA_VARIANTS
from support.fakes.kubeflow_api import KubeflowApi, kubeflow_api
from support.fakes.kubeflow_native import NativeLineage
from support.fakes.port_forwarding import forwarding

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "kubeflow.md").read_text("utf-8")
PROFILES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
SCRIPTS = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the page's commands, with its first profile."""
    for name in ("HEADRACE_KFP_TOKEN", "KF_PIPELINES_ENDPOINT", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "headrace.toml").write_text(PROFILES[0], "utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "images").mkdir()
    names = [*catalog.__all__, *CUDA_VARIANTS.values()]
    digests = dict.fromkeys(names, f"sha256:{'0a' * 32}")
    (tmp_path / "images/digests.json").write_text(json.dumps(digests), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kubeflow(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeflowApi]:
    """A cluster in the kubeconfig, as after the first step."""
    with kubeflow_api() as api:
        services = {"ml-pipeline": int(api.address.rpartition(":")[2])}
        with forwarding(project, services) as cluster:
            monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
            yield api


def commands(group: str) -> list[list[str]]:
    """Returns the page's commands of a group, without `headrace`."""
    lines = [line for line in SCRIPTS.splitlines() if line.startswith(f"headrace {group} ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_the_commands_of_the_page_run_a_pipeline_and_keep_its_record(
    kubeflow: KubeflowApi, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.cached = {"statistics-gen"}
    submit, on_a_schedule = commands("submit")

    assert main([*submit, "--poll", "0.1"]) == 0

    (run,) = kubeflow.runs.values()
    assert run["runtime_config"]["parameters"] == {
        "data": "/mnt/data",
        "serving_dir": "/mnt/models/penguins",
        "train_steps": 400,
    }
    captured = capsys.readouterr()
    run_id = captured.out.splitlines()[0].removeprefix("Run: ")
    assert f"Run {run_id}: 10 tasks" in captured.err
    kubeflow.logs["trainer"] = "INFO trainer: begins.\n"
    for line in commands("runs"):
        if "logs" in line:
            assert main([run_id if word == "RUN" else word for word in line]) == 0
            assert "INFO trainer: begins.\n" in capsys.readouterr().out
    kubeflow.native = NativeLineage()
    rows = kubeflow.native.artifact("minio://b/rows", "tfx.Examples")
    kubeflow.native.task(run_id, "csv-example-gen", outputs={"examples": rows})
    words = {"RUN": run_id, "URI": "minio://b/rows"}
    for line in commands("lineage") + commands("runs"):
        if "logs" in line:
            continue
        # It has ended, so there is nothing to cancel.
        assert main([words.get(word, word) for word in line]) == 2 * ("cancel" in line)
    assert main(on_a_schedule) == 0
    (schedule,) = kubeflow.recurring_runs
    for line in commands("schedules"):
        assert main([schedule if word == "SCHEDULE" else word for word in line]) == 0
    assert (kubeflow.runs, kubeflow.recurring_runs) == ({}, {})


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("profile", PROFILES)
def test_the_profiles_of_the_page_give_tasks_what_they_say(profile: str) -> None:
    Path("headrace.toml").write_text(profile, "utf-8")

    compiled = compile_for(load("examples/penguins/pipeline.py"), "kubeflow", read_profile())

    if "cpu_request" in profile:
        executors = compiled.document["deploymentSpec"]["executors"]
        asked = executors["exec-transform"]["container"]["resources"]
        assert (asked["resourceCpuLimit"], asked["resourceCpuRequest"]) == ("4", "0.5")
        assert (asked["resourceMemoryLimit"], asked["resourceMemoryRequest"]) == ("8Gi", "2Gi")
        return
    _, platform = yaml.safe_load_all(compiled.text)
    if "run_as_non_root" in profile:
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert {str(each["securityContext"]) for each in executors.values()} == {
            "{'runAsNonRoot': True}"
        }
        return
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    if "image_pull_secrets" in profile:
        (claim,) = executors["exec-pusher"]["pvcMount"]
        assert (claim["constant"], claim["mountPath"]) == ("headrace-models", "/mnt/models")
        assert executors["exec-trainer"]["imagePullSecret"][0]["secretName"] == "registry"
    elif "large_artifacts" in profile:
        assert "HEADRACE_LARGE_ARTIFACTS" in compiled.text
    elif "AWS_ACCESS_KEY_ID" in profile:
        secrets = {entry["secretName"] for entry in executors["exec-transform"]["secretAsEnv"]}
        assert secrets == {"my-bucket"}
    else:
        labels = executors["exec-trainer"]["nodeSelector"]["labels"]
        assert labels == {"cloud.google.com/gke-accelerator": "nvidia-l4"}


def test_the_manifests_of_the_page_are_whole() -> None:
    (text,) = re.findall(r"<<'END'\n(.*?)END\n", SCRIPTS, re.DOTALL)

    claims = [each for each in yaml.safe_load_all(text) if each["kind"] != "Pod"]

    assert {each["metadata"]["name"] for each in claims} == {"headrace-data", "headrace-models"}
    for name in (each["metadata"]["name"] for each in claims):
        assert f'"{name}"' in PROFILES[0]
