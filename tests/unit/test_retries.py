"""Retries on Kubeflow: the compiled policy, and the effect of the cluster's workflow controller."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import contextlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kfp import dsl

from headrace.cli.main import main
from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.profile import read_profile
from headrace.targets.kubeflow.doctor import checks, retries
from headrace.targets.kubeflow.passes.retries import apply_retries
from headrace.targets.kubeflow.retry_policy import CONFIG_MAP, patch_command, retry_policy
from support.fakes.kubernetes_api import write_kubeconfig
from support.fakes.local_http import JsonHandler, serving
from support.oracles.kubernetes_manifests import MANIFESTS

# The settings of Kubeflow Pipelines 2.17.
AS_INSTALLED = """\
spec:
  templateDefaults:
    retryStrategy:
      limit: '2'
      retryPolicy: OnError
"""
WANTED: dict[str, str] = yaml.safe_load((MANIFESTS / "retries.yaml").read_text("utf-8"))["data"]


@dsl.container_component
def train() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="mine/trainer", command=["train"])


@dsl.pipeline(name="inner")
def inner() -> None:
    train().set_retry(3, backoff_duration="10s", backoff_max_duration="600s")


@dsl.pipeline(name="retried")
def retried() -> None:
    train()
    train().set_retry(2)
    inner().set_retry(1)


def longest(target: str, directory: Path, text: str = "") -> dict[str, Any]:
    path = directory / "headrace.toml"
    path.write_text(text, "utf-8")
    document = compile_for(load(retried), target, read_profile(path)).document
    return {
        node.label: node.task["retryPolicy"]["backoffMaxDuration"]
        for node in specs.tasks(document)
        if "retryPolicy" in node.task
    }


def test_a_task_that_failed_after_hours_is_tried_again(tmp_path: Path) -> None:
    text = "[kubeflow.tasks.train]\nretries = 5\n"

    assert longest("kubeflow", tmp_path) == {
        "train-2": "31536000s",
        "inner": "31536000s",
        "inner/train": "600s",  # the author's
    }
    assert longest("kubeflow", tmp_path, text)["train"] == "31536000s"
    assert set(longest("local", tmp_path).values()) == {"3600s", "600s"}


def test_a_policy_of_another_compiler_gets_what_the_backend_would_take_as_none() -> None:
    spec = {
        "pipelineInfo": {"name": "p"},
        "root": {
            "dag": {
                "tasks": {"a": {"componentRef": {"name": "c"}, "retryPolicy": {"maxRetryCount": 2}}}
            }
        },
        "components": {"c": {"executorLabel": "e"}},
        "deploymentSpec": {"executors": {"e": {"container": {"image": "i"}}}},
    }

    (node,) = specs.tasks(apply_retries(spec))

    assert node.task["retryPolicy"] == {
        "maxRetryCount": 2,
        "backoffDuration": "0s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "31536000s",
    }


@pytest.mark.parametrize(
    ("data", "state", "found"),
    [
        (
            {},
            "ok",
            "retryPolicy OnFailure in kubeflow/workflow-controller-configmap; not one whose",
        ),
        (WANTED, "ok", "retryPolicy Always in kubeflow/workflow-controller-configmap"),
        (
            {"workflowDefaults": AS_INSTALLED},
            "missing",
            "retryPolicy OnError in kubeflow/workflow-controller-configmap: a task whose container "
            "ends with an error is not tried again",
        ),
        (
            {"workflowDefaults": AS_INSTALLED.replace("OnError", "Always")},
            "missing",
            "a task that failed is tried 2 times more, also without `retries`, and so is each sub-",
        ),
        (
            {"workflowDefaults": "spec: {retryStrategy: {retryPolicy: OnTransientError}}"},
            "missing",
            "retryPolicy OnTransientError",
        ),
        (
            {"config": yaml.safe_dump({"workflowDefaults": yaml.safe_load(AS_INSTALLED)})},
            "missing",
            "retryPolicy OnError",
        ),
        ({"workflowDefaults": "spec: ["}, "missing", "`workflowDefaults` of workflow-controller-c"),
        ({"workflowDefaults": "spec: text"}, "missing", "has no valid settings of Argo"),
    ],
)
def test_the_policy_of_a_cluster_is_told(data: dict[str, str], state: str, found: str) -> None:
    check = retries(data, "kubeflow")

    assert check.state == state
    assert found in check.found
    if state == "ok":
        assert check.advice == ""
    else:
        assert check.advice.startswith(("kubectl -n kubeflow patch", "Correct it: `kubectl"))


def test_the_advice_keeps_what_else_the_cluster_has() -> None:
    text = f"{AS_INSTALLED}  ttlStrategy: {{secondsAfterCompletion: 3600}}\n  parallelism: 3\n"

    words = shlex.split(patch_command({"workflowDefaults": text, "executor": "x"}, "ml"))

    assert words[:7] == ["kubectl", "-n", "ml", "patch", "configmap", CONFIG_MAP, "--type"]
    patched = json.loads(words[-1])["data"]
    assert set(patched) == {"workflowDefaults"}
    spec = yaml.safe_load(patched["workflowDefaults"])["spec"]
    assert spec == {
        "templateDefaults": {"retryStrategy": {"limit": "0", "retryPolicy": "Always"}},
        "ttlStrategy": {"secondsAfterCompletion": 3600},
        "parallelism": 3,
    }
    assert retries(patched, "ml").state == "ok"
    # For an empty installation it equals the file in the manifests.
    words = shlex.split(patch_command({}, "ml"))
    assert retry_policy(json.loads(words[-1])["data"]) == retry_policy(WANTED)


@contextlib.contextmanager
def cluster(folder: Path, answer: tuple[int, dict[str, Any]]) -> Iterator[Path]:
    """Serves one ConfigMap, or a refusal, in the namespace kubeflow."""

    class Handler(JsonHandler):
        def do_GET(self) -> None:  # noqa: N802  http.server's name
            path = f"/api/v1/namespaces/kubeflow/configmaps/{CONFIG_MAP}"
            if urlsplit(self.path).path == path:
                self.answer(*answer)
            else:
                self.answer(404, {"kind": "Status", "message": "not found"})

    with serving(Handler) as port:
        write_kubeconfig(folder / "kubeconfig", f"http://127.0.0.1:{port}")
        yield folder / "kubeconfig"


def test_the_doctor_looks_at_the_cluster_that_the_profile_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "headrace.toml"
    # On a shared installation every user has a namespace.
    config.write_text('[kubeflow]\nnamespace = "team"\n')
    installed = {"kind": "ConfigMap", "data": {"workflowDefaults": AS_INSTALLED}}

    with cluster(tmp_path, (200, installed)) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        main(["doctor", "--json", "--target", "kubeflow", "--config", str(config)])

    (check,) = (
        each for each in json.loads(capsys.readouterr().out)["checks"] if each["name"] == "Retries"
    )
    assert check["state"] == "missing"
    assert "retryPolicy OnError in kubeflow/" in check["found"]
    assert check["advice"].startswith("kubectl -n kubeflow patch configmap workflow-controller-c")


@pytest.mark.parametrize(
    ("answer", "found", "advice"),
    [
        ((403, {"kind": "Status"}), "answered 403 Forbidden", "let you get the ConfigMap"),
        ((404, {"kind": "Status"}), "there is no ConfigMap workflow-controller-", "`namespace`"),
    ],
)
def test_a_cluster_that_does_not_tell_says_why(
    answer: tuple[int, dict[str, Any]],
    found: str,
    advice: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with cluster(tmp_path, answer) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        (check,) = checks(None)

    assert check.state == "missing"
    assert found in check.found
    assert advice in check.advice


def test_without_a_cluster_or_with_one_that_is_gone_the_doctor_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    (check,) = checks(None)
    assert "there is no cluster" in check.found

    write_kubeconfig(tmp_path / "gone", "http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "gone"))
    (check,) = checks(None)
    assert "http://127.0.0.1:1 cannot be reached" in check.found
