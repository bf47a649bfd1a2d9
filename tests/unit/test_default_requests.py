"""The default requests of tasks on Kubeflow."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.profile import read_profile
from headrace.profiles.quantities import size_in_bytes
from headrace.targets.kubeflow.passes.default_requests import _BY_FOOTPRINT, request_of
from headrace_components import catalog
from headrace_components.artifacts import Model
from headrace_components.contract.declaration import find, names

DIGEST = f"sha256:{'0' * 64}"


@dsl.container_component
def mine() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="mine/fit", command=["fit"])


@dsl.pipeline(name="asked")
def asked() -> None:
    rows = catalog.csv_example_gen(input_base="gs://bucket/rows")
    limited = catalog.statistics_gen(examples=rows.outputs["examples"])
    limited.set_cpu_limit("100m").set_memory_request("300Mi").set_memory_limit("1G")
    model = dsl.importer(artifact_uri="gs://bucket/model", artifact_class=Model)
    with dsl.ParallelFor([1, 2]) as _:
        catalog.pusher(model=model.output, base_directory="/models")
    mine()


def resources(text: str, directory: Path, target: str = "kubeflow") -> dict[str, Any]:
    path = directory / "headrace.toml"
    root = '[vertex]\npipeline_root = "gs://bucket/root"\n'
    digests = "".join(f'{name} = "{DIGEST}"\n' for name in catalog.__all__)
    images = f'[images]\nregistry = "ghcr.io/mine"\n[images.digests]\n{digests}'
    path.write_text(root + images + text, "utf-8")
    document = compile_for(load(asked), target, read_profile(path)).document
    found = document.get("pipelineSpec", document)
    return {
        node.name: node.container.get("resources", {})
        for node in specs.tasks(found)
        if node.container
    }


def test_a_component_asks_for_what_it_needs_and_nobodys_limit_is_passed(tmp_path: Path) -> None:
    found = resources("", tmp_path)

    assert found["csv-example-gen"] == {
        "cpuRequest": 0.25,
        "resourceCpuRequest": "0.25",
        "memoryRequest": 256 * 2**20 / 1e9,
        "resourceMemoryRequest": "256Mi",
    }
    # Without a request, the limit becomes the request; the author's request is kept.
    assert "resourceCpuRequest" not in found["statistics-gen"]
    assert found["statistics-gen"]["resourceCpuLimit"] == "100m"
    assert found["statistics-gen"]["resourceMemoryRequest"] == "300Mi"
    assert found["pusher"]["resourceMemoryRequest"] == "128Mi"
    assert found["mine"] == {}


def test_what_the_profile_says_goes_before(tmp_path: Path) -> None:
    text = '[kubeflow.components.csv_example_gen]\ncpu_request = 2\nmemory = "4G"\n'

    found = resources(text, tmp_path)["csv-example-gen"]

    assert found["resourceCpuRequest"] == "2"
    assert found["resourceMemoryLimit"] == "4G"
    assert "resourceMemoryRequest" not in found


@pytest.mark.parametrize("target", ["vertex", "local"])
def test_no_other_target_is_asked(target: str, tmp_path: Path) -> None:
    found = resources("", tmp_path, target)

    assert found["csv-example-gen"] == {}


def test_what_is_asked_for_is_of_components_that_there_are_and_fits_a_small_node() -> None:
    assert {found.footprint for name in names() if (found := find(name))} == set(_BY_FOOTPRINT)
    for name in catalog.__all__:
        assert 0 < request_of(name).cpu <= 0.5
        assert 2**26 <= (size_in_bytes(request_of(name).memory) or 0) <= 2**30
