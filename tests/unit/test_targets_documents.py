"""The compiled documents for Kubeflow and Vertex AI."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud.aiplatform_v1.types import PipelineJob
from google.protobuf import json_format
from kfp import dsl
from kfp.pipeline_spec import pipeline_spec_pb2

import headrace
from headrace.errors import CompileError
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.vertex.settings import Vertex
from headrace_components.library.user_code.module_pack import unpack

ROOT = "gs://bucket/root"


@dsl.container_component
def train(module_file: str = "", steps: int = 1) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image="mine/trainer", command=["python", "-m", "headrace_components.trainer"]
    )


@dsl.pipeline(name="small")
def small(module: str = "", steps: int = 5) -> None:
    train(module_file=module, steps=steps)


@dsl.pipeline(name="placed")
def placed() -> None:
    # kfp-kubernetes records this in a task; the package is not needed.
    task = train()
    task.platform_config["kubernetes"] = {"nodeSelector": {"labels": {"pool": "gpu"}}}


def test_a_job_says_where_and_as_whom_it_runs() -> None:
    key = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
    profile = Profile(
        targets=(
            Vertex(
                pipeline_root=ROOT,
                service_account="a@b.iam.gserviceaccount.com",
                network="projects/12345/global/networks/mine",
                reserved_ip_ranges=("range-1", "range-2"),
                encryption_key=key,
                display_name="Small",
                labels={"team": "ops", "year": 2026},
                parameters={"steps": 7},
                failure_policy="fast",
            ),
        )
    )

    job = headrace.compile(small, target="vertex", config=profile)

    json_format.ParseDict(job, PipelineJob.pb(PipelineJob()))
    assert job.pop("pipelineSpec")["pipelineInfo"]["name"] == "small"
    assert job == {
        "displayName": "Small",
        "labels": {"team": "ops", "year": "2026"},
        "runtimeConfig": {
            "gcsOutputDirectory": ROOT,
            "parameterValues": {"steps": 7},
            "failurePolicy": "PIPELINE_FAILURE_POLICY_FAIL_FAST",
        },
        "serviceAccount": "a@b.iam.gserviceaccount.com",
        "network": "projects/12345/global/networks/mine",
        "reservedIpRanges": ["range-1", "range-2"],
        "encryptionSpec": {"kmsKeyName": key},
    }


def test_a_job_is_named_after_its_pipeline_and_leaves_out_what_is_not_set() -> None:
    profile = Profile(targets=(Vertex(pipeline_root=ROOT),))

    job = headrace.compile(small, target="vertex", config=profile)

    assert job["displayName"] == "small"
    assert set(job) == {"displayName", "pipelineSpec", "runtimeConfig"}


def test_a_module_among_the_parameters_of_a_job_is_packed() -> None:
    profile = Profile(targets=(Vertex(pipeline_root=ROOT, parameters={"module": "test_ir.py"}),))

    job = headrace.compile(small, target="vertex", config=profile)

    entry, files = unpack(job["runtimeConfig"]["parameterValues"]["module"])
    assert files == {entry: Path(__file__).with_name("test_ir.py").read_text("utf-8")}


def test_a_job_without_a_root_is_refused() -> None:
    with pytest.raises(CompileError, match=r"the pipeline root is '', expected .*gs://my-bucket"):
        headrace.compile(small, target="vertex", config=Profile())


def test_an_unknown_parameter_of_a_job_is_refused() -> None:
    profile = Profile(targets=(Vertex(pipeline_root=ROOT, parameters={"stpes": 7}),))

    with pytest.raises(CompileError, match=r"has `stpes`, but the parameters of .*`steps`\?"):
        headrace.compile(small, target="vertex", config=profile)


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(CompileError, match=r"target 'airflow' is unknown, expected one of"):
        headrace.compile(small, target="airflow")  # type: ignore[arg-type]


def documents(pipeline: Any, profile: Profile, path: Path) -> list[dict[str, Any]]:
    headrace.compile(pipeline, target="kubeflow", config=profile, output=path)
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def test_kubeflow_gets_one_document_and_its_root(tmp_path: Path) -> None:
    profile = Profile(targets=(Kubeflow(pipeline_root="minio://mlpipeline/root"),))

    (spec,) = documents(small, profile, tmp_path / "small.yaml")

    assert spec["defaultPipelineRoot"] == "minio://mlpipeline/root"
    assert spec["schemaVersion"] == "2.1.0"


def test_kubernetes_settings_are_a_second_document(tmp_path: Path) -> None:
    spec, platform = documents(placed, Profile(), tmp_path / "placed.yaml")

    settings = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-train"]
    assert settings == {"nodeSelector": {"labels": {"pool": "gpu"}}}
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())


def test_a_local_run_gets_the_pipeline_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "small.json"

    document = headrace.compile(placed, target="local", config=Profile(), output=path)

    assert json.loads(path.read_text("utf-8")) == document
    assert document["pipelineInfo"]["name"] == "placed"
