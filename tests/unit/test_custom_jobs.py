"""Tasks that Vertex AI runs as custom jobs."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import CustomJob, PipelineJob
from google.protobuf import json_format
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.profile import read_profile
from headrace_components import catalog
from support.launcher.entry_points import Launcher

BASE = """
[vertex]
pipeline_root = "gs://bucket/root"
project = "my-project"
region = "europe-west1"
service_account = "runner@my-project.iam.gserviceaccount.com"
network = "projects/1/global/networks/default"
encryption_key = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
labels = {{ team = "ops" }}

[images]
registry = "europe-docker.pkg.dev/my-project/headrace"
digests = {{ trainer = "sha256:{}", trainer_cuda = "sha256:{}", csv_example_gen = "sha256:{}" }}
""".format("c" * 64, "a" * 64, "b" * 64)

FOUR_MACHINES = """
[tasks.trainer]
workers = 4
accelerator = "nvidia-tesla-a100"
accelerator_count = 2
environment = { TF_USE_LEGACY_KERAS = "1" }

[vertex.tasks.trainer]
machine_type = "a2-highgpu-2g"
spot = true
timeout = "2h"
persistent_resource = "gpus"
"""


@dsl.pipeline(name="flights")
def flights() -> None:
    rows = catalog.csv_example_gen(input_base="gs://bucket/flights")
    catalog.trainer(
        examples=rows.outputs["examples"],
        module_file="gs://bucket/train.py",
        distribution="multi_worker",
    )


@dsl.container_component
def shell(text: str) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="mine/shell", command=["echo", text])


@dsl.pipeline(name="texts")
def texts() -> None:
    shell(text="hello")


def compiled(text: str, directory: Path, pipeline: Any = flights) -> dict[str, Any]:
    (directory / "headrace.toml").write_text(BASE + text, "utf-8")
    profile = read_profile(directory / "headrace.toml")
    return compile_for(load(pipeline), "vertex", profile).document


def node(document: dict[str, Any], name: str) -> specs.TaskNode:
    (found,) = (each for each in specs.tasks(document["pipelineSpec"]) if each.name == name)
    return found


def argument(container: dict[str, Any], name: str) -> str:
    value: str = container["args"][container["args"].index(f"--{name}") + 1]
    return value


def payload(container: dict[str, Any], executor_input: str = "{}") -> dict[str, Any]:
    """Returns the submitted job: Vertex AI fills in placeholders that are escaped once."""
    escaped = json.dumps(executor_input)[1:-1]
    job: dict[str, Any] = json.loads(
        argument(container, "payload").replace("{{$.json_escape[1]}}", escaped)
    )
    return job


def test_machines_that_train_together_are_a_custom_job_of_two_pools(tmp_path: Path) -> None:
    document = compiled(FOUR_MACHINES, tmp_path)

    json_format.ParseDict(document, PipelineJob.pb()())
    trainer = node(document, "trainer")
    assert trainer.container["image"].startswith("gcr.io/ml-pipeline/google-cloud-pipeline-compo")
    assert argument(trainer.container, "project") == "my-project"
    assert argument(trainer.container, "location") == "europe-west1"
    assert argument(trainer.container, "gcp_resources") == (
        "{{$.outputs.parameters['gcp_resources'].output_file}}"
    )
    assert trainer.component["outputDefinitions"]["parameters"]["gcp_resources"] == {
        "parameterType": "STRING"
    }
    # Read like by the launcher, with the service's own message: an unknown field raises.
    job = CustomJob(json_format.ParseDict(payload(trainer.container), CustomJob.pb()()))
    assert job.display_name == "flights-trainer"
    assert dict(job.labels) == {"team": "ops"}
    assert job.encryption_spec.kms_key_name.endswith("/cryptoKeys/k")
    spec = job.job_spec
    assert [pool.replica_count for pool in spec.worker_pool_specs] == [1, 3]
    for pool in spec.worker_pool_specs:
        assert pool.machine_spec.machine_type == "a2-highgpu-2g"
        assert pool.machine_spec.accelerator_type.name == "NVIDIA_TESLA_A100"
        assert pool.machine_spec.accelerator_count == 2
        image = f"europe-docker.pkg.dev/my-project/headrace/trainer_cuda@sha256:{'a' * 64}"
        assert pool.container_spec.image_uri == image
        assert [(each.name, each.value) for each in pool.container_spec.env] == [
            ("TF_USE_LEGACY_KERAS", "1")
        ]
    assert spec.scheduling.strategy.name == "SPOT"
    assert spec.scheduling.timeout.seconds == 7200
    assert spec.persistent_resource_id == "gpus"
    assert spec.service_account == "runner@my-project.iam.gserviceaccount.com"
    assert spec.network == "projects/1/global/networks/default"
    # The rest of the pipeline is unchanged.
    assert node(document, "csv-example-gen").container["command"][-1].endswith("csv_example_gen")


def test_a_machine_type_alone_is_a_job_of_one_machine(tmp_path: Path) -> None:
    text = '[vertex.tasks.csv-example-gen]\nmachine_type = "n2-highmem-16"\n'

    rows = node(compiled(text, tmp_path), "csv-example-gen")

    (pool,) = payload(rows.container)["job_spec"]["worker_pool_specs"]
    assert pool["replica_count"] == 1
    assert pool["machine_spec"] == {"machine_type": "n2-highmem-16"}


def test_the_jobs_container_runs_the_task_as_it_was(tmp_path: Path) -> None:
    text = '[vertex.components.csv_example_gen]\nmachine_type = "n2-highmem-16"\n'
    rows = node(compiled(text, tmp_path), "csv-example-gen")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text('who,n\n"O\'Hara ""x""",1\nb,2\n' * 20, "utf-8")
    launcher = Launcher(root=tmp_path / "launcher", rules="vertex")
    pod = tmp_path / "pod"
    pod.mkdir()
    message = launcher._executor_input(
        catalog.csv_example_gen.component_spec,  # type: ignore[attr-defined]  # shown as a function
        {"input_base": str(tmp_path / "data")},
        {},
        "run/rows",
        pod,
    )
    message["outputs"]["parameters"]["gcp_resources"] = {"outputFile": str(pod / "gcp_resources")}
    (launcher.root / "store").mkdir(parents=True)
    launcher._provide(pod, {})

    (pool,) = payload(rows.container, json.dumps(message))["job_spec"]["worker_pool_specs"]
    words = [*pool["container_spec"]["command"], *pool["container_spec"]["args"]]
    code, log = launcher._start(words, message, pod, {})

    assert code == 0, log
    published = json.loads((pod / "gcs/bucket/run/rows/executor_output.json").read_text("utf-8"))
    assert set(published["artifacts"]) == {"examples"}
    # The job's launcher writes it; the task would overwrite the job's name.
    assert published["parameterValues"] == {}
    assert not (pod / "gcp_resources").exists()


@pytest.mark.parametrize(
    ("text", "pipeline", "message"),
    [
        (
            "[tasks.trainer]\nworkers = 2\n",
            flights,
            r"task `trainer`: target vertex runs it as a custom job, which names its machines, but "
            r"the task has no `machine_type`. Write one, for example 'n1-standard-8', in "
            r"\[vertex.tasks.trainer\]",
        ),
        (
            "[tasks.csv-example-gen]\nworkers = 2\n",
            flights,
            r"task `csv-example-gen`: has `workers` = 2, but only trainer trains on several",
        ),
        (
            '[vertex.tasks.shell]\nmachine_type = "n1-standard-8"\n',
            texts,
            r"task `shell`: .* where \"{{\$.inputs.parameters\['text'\]}}\" cannot be filled in",
        ),
    ],
)
def test_what_no_custom_job_can_run_is_refused(
    text: str, pipeline: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError, match=message):
        compiled(text, tmp_path, pipeline)


def test_a_job_without_a_project_is_refused(tmp_path: Path) -> None:
    profile = BASE.replace('region = "europe-west1"\n', "") + FOUR_MACHINES
    (tmp_path / "headrace.toml").write_text(profile, "utf-8")

    with pytest.raises(CompileError, match=r"submitted to a project, but \[vertex\] has no \['reg"):
        compile_for(load(flights), "vertex", read_profile(tmp_path / "headrace.toml"))
