"""Large artifacts: the variables with which components keep rows away from the launcher."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from typing import Any

import pytest
import yaml
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskSettings, TaskTables
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.vertex.settings import Vertex
from headrace_components.catalog import (
    csv_example_gen,
    example_validator,
    latest_artifact,
    latest_blessed_model,
    statistics_gen,
)

VARIABLE = {"name": "HEADRACE_LARGE_ARTIFACTS", "value": "reference"}
IMAGES = (
    "csv_example_gen",
    "statistics_gen",
    "latest_artifact",
    "latest_blessed_model",
    "example_validator",
)
DIGESTS = dict.fromkeys(IMAGES, f"sha256:{'0' * 64}")


@dsl.container_component
def mine(examples: dsl.Input[dsl.Artifact]) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.13", command=["true"])


@dsl.pipeline(name="rows")
def rows() -> None:
    examples = csv_example_gen(input_base="gs://bucket/csv").outputs["examples"]
    statistics_gen(examples=examples)
    mine(examples=examples)


def documents(
    kubeflow: Kubeflow, pipeline: Any = rows, **tables: TaskTables
) -> list[dict[str, Any]]:
    """Returns the documents for Kubeflow."""
    profile = Profile(
        images=Images(registry="registry.example.com/headrace", digests=DIGESTS),
        targets=(kubeflow,),
        target_tasks={"kubeflow": tables["tasks"]} if tables else {},
    )
    text = compile_for(load(pipeline), "kubeflow", profile).text
    return list(yaml.safe_load_all(text))


def variables(spec: dict[str, Any], executor: str) -> list[dict[str, str]]:
    container = spec["deploymentSpec"]["executors"][f"exec-{executor}"]["container"]
    found: list[dict[str, str]] = container.get("env", [])
    return found


def secret_variables(platform: dict[str, Any], executor: str) -> dict[str, str]:
    """Returns secret and key by variable."""
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return {
        entry["keyToEnv"][0]["envVar"]: f"{entry['secretName']}/{entry['keyToEnv'][0]['secretKey']}"
        for entry in executors.get(f"exec-{executor}", {}).get("secretAsEnv", [])
    }


@pytest.mark.parametrize("root", ["", "minio://mlpipeline/v2/artifacts"])
def test_components_of_headrace_are_told_and_get_the_account_of_kfps_store(root: str) -> None:
    spec, platform = documents(Kubeflow(pipeline_root=root, large_artifacts="reference"))

    for component in ("csv-example-gen", "statistics-gen"):
        assert variables(spec, component) == [VARIABLE]
        assert secret_variables(platform, component) == {
            "AWS_ACCESS_KEY_ID": "mlpipeline-minio-artifact/accesskey",
            "AWS_SECRET_ACCESS_KEY": "mlpipeline-minio-artifact/secretkey",
        }
    assert variables(spec, "mine") == []
    assert secret_variables(platform, "mine") == {}


@pytest.mark.parametrize("large_artifacts", ["copy", "reference"])
@pytest.mark.parametrize("root", ["", "s3://bucket/root"])
def test_a_component_that_opens_the_store_itself_gets_the_account_of_kfps_store(
    root: str, large_artifacts: str
) -> None:
    @dsl.pipeline(name="search")
    def search() -> None:
        latest_blessed_model()
        found = latest_artifact(producer="trainer", output="model").outputs["artifact"]
        example_validator(statistics=found, schema=found)

    _, *rest = documents(
        Kubeflow(pipeline_root=root, large_artifacts=large_artifacts), pipeline=search
    )

    found = [
        secret_variables(platform, executor)
        for platform in rest
        for executor in ("latest-blessed-model", "latest-artifact", "example-validator")
    ]
    keys = {
        "AWS_ACCESS_KEY_ID": "mlpipeline-minio-artifact/accesskey",
        "AWS_SECRET_ACCESS_KEY": "mlpipeline-minio-artifact/secretkey",
    }
    assert [each for each in found if each] == ([] if root else [keys, keys, keys])


def test_an_installation_without_that_secret_starts_the_pods_all_the_same() -> None:
    _, platform = documents(Kubeflow(large_artifacts="reference"))

    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert all(entry["optional"] for each in executors.values() for entry in each["secretAsEnv"])


@pytest.mark.parametrize("root", ["s3://bucket/root", "gs://bucket/root"])
def test_the_account_of_another_store_is_the_authors(root: str) -> None:
    spec, platform = documents(Kubeflow(pipeline_root=root, large_artifacts="reference"))

    assert variables(spec, "statistics-gen") == [VARIABLE]
    assert secret_variables(platform, "statistics-gen") == {}


def test_an_account_that_the_author_names_goes_first() -> None:
    settings = TaskSettings(
        environment={"AWS_ENDPOINT_URL": "http://minio.example.com"},
        secret_environment={"AWS_ACCESS_KEY_ID": "mine/id", "AWS_SECRET_ACCESS_KEY": "mine/key"},
    )

    spec, platform = documents(
        Kubeflow(large_artifacts="reference"), tasks=TaskTables(defaults=settings)
    )

    assert secret_variables(platform, "statistics-gen") == {
        "AWS_ACCESS_KEY_ID": "mine/id",
        "AWS_SECRET_ACCESS_KEY": "mine/key",
    }
    assert VARIABLE in variables(spec, "statistics-gen")
    assert len(variables(spec, "statistics-gen")) == 2


def test_without_it_nothing_is_told() -> None:
    spec, _ = documents(Kubeflow())

    assert variables(spec, "statistics-gen") == []


@pytest.mark.parametrize("target", ["local", "vertex"])
def test_other_targets_are_told_nothing(target: Any) -> None:
    profile = Profile(
        images=Images(registry="registry.example.com/headrace", digests=DIGESTS),
        targets=(
            Vertex(pipeline_root="gs://bucket", project="p", region="europe-west1"),
            Kubeflow(large_artifacts="reference"),
        ),
    )

    assert "HEADRACE_LARGE_ARTIFACTS" not in compile_for(load(rows), target, profile).text
