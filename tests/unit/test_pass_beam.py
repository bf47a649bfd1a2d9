"""Beam: tasks get the options of the runner that the profile names for them."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.input_fingerprints import tasks_before
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.beam import BeamRunner
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile, read_profile
from headrace.profiles.tasks import TaskSettings, TaskTables
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.vertex.settings import Vertex
from headrace_components import catalog
from headrace_components.library.beam.options import BeamOptions

DIGEST = "sha256:" + "0123456789abcdef" * 4
REGISTRY = "europe-docker.pkg.dev/my-project/headrace"
OWN = f"ghcr.io/mine/flights@{DIGEST}"

DIRECT = BeamRunner(runner="direct", processes=4)
ON_DIRECT = [
    "--runner=DirectRunner",
    "--direct_running_mode=multi_processing",
    "--direct_num_workers=4",
]


@dsl.pipeline(name="Flights.v2")
def flights(args: list = ["--runner=DirectRunner"]) -> None:  # type: ignore[type-arg]
    rows = catalog.csv_example_gen(input_base="gs://b/in").outputs["examples"]
    said = catalog.statistics_gen(examples=rows, beam_pipeline_args=["--runner=FlinkRunner"])
    catalog.statistics_gen(examples=rows, beam_pipeline_args=[])
    catalog.statistics_gen(examples=rows, beam_pipeline_args=args)
    catalog.schema_gen(statistics=said.outputs["statistics"])


def profile(
    *,
    beam: Mapping[str, BeamRunner],
    defaults: str | None = None,
    components: Mapping[str, str] | None = None,
    tasks: Mapping[str, str] | None = None,
    vertex: Vertex | None = None,
    kubeflow: Kubeflow | None = None,
) -> Profile:
    def settings(names: Mapping[str, str] | None) -> dict[str, TaskSettings]:
        return {key: TaskSettings(beam=name) for key, name in (names or {}).items()}

    return Profile(
        images=Images(registry=REGISTRY, digests=dict.fromkeys(catalog.__all__, DIGEST)),
        beam=beam,
        tasks=TaskTables(
            defaults=TaskSettings(beam=defaults),
            components=settings(components),
            tasks=settings(tasks),
        ),
        targets=(
            vertex or Vertex(pipeline_root="gs://bucket/root/"),
            kubeflow or Kubeflow(),
        ),
    )


def args_of(used: Profile, target: str = "vertex") -> dict[str, list[str] | None]:
    """Returns the argument of each task; None if it is not a constant."""
    document = compile_for(load(flights), target, used).document
    spec = document["pipelineSpec"] if target == "vertex" else document
    return {
        node.label: specs.constant(specs.parameter_inputs(node.task)["beam_pipeline_args"])
        for node in specs.tasks(spec)
        if "beam_pipeline_args" in specs.parameters(node.component)
        and "beam_pipeline_args" in specs.parameter_inputs(node.task)
        and node.label not in tasks_before(spec).values()  # these get the same as the readers
    }


def test_a_default_reaches_all_that_have_rows_and_say_nothing_themselves() -> None:
    assert args_of(profile(beam={"local": DIRECT}, defaults="local")) == {
        "csv-example-gen": ON_DIRECT,
        "statistics-gen": ["--runner=FlinkRunner"],
        "statistics-gen-2": [],
        "statistics-gen-3": None,
    }


def test_a_task_that_the_profile_names_gets_its_own_whatever_the_pipeline_says() -> None:
    tasks = {"statistics-gen": "local", "statistics-gen-3": "", "csv-example-gen": ""}

    found = args_of(profile(beam={"local": DIRECT}, defaults="local", tasks=tasks))

    assert found == {
        "csv-example-gen": [],
        "statistics-gen": ON_DIRECT,
        "statistics-gen-2": [],
        "statistics-gen-3": [],
    }


def test_a_component_goes_before_the_defaults() -> None:
    other = BeamRunner(runner="direct")
    beam = {"local": DIRECT, "memory": other}

    found = args_of(
        profile(beam=beam, defaults="local", components={"csv_example_gen": "memory"}), "kubeflow"
    )

    assert found["csv-example-gen"] == ["--runner=DirectRunner"]


def test_local_runs_stay_as_they_are() -> None:
    found = args_of(profile(beam={"local": DIRECT}, defaults="local"), "local")

    assert found["csv-example-gen"] == []


def test_dataflow_gets_all_that_the_profile_says_and_the_image_of_the_task(
    tmp_path: Path,
) -> None:
    path = tmp_path / "headrace.toml"
    path.write_text(
        f"""
[images]
registry = "{REGISTRY}"
digests = {{ csv_example_gen = "{DIGEST}", schema_gen = "{DIGEST}" }}
components = {{ statistics_gen = "{OWN}" }}

[vertex]
pipeline_root = "gs://bucket/root"

[beam.flow]
runner = "dataflow"
project = "p"
region = "europe-west1"
temp_location = "gs://bucket/temp"
staging_location = "gs://bucket/staging"
network = "default"
subnetwork = "regions/europe-west1/subnetworks/beam"
service_account = "beam@p.iam.gserviceaccount.com"
machine_type = "n2-standard-8"
num_workers = 2
max_workers = 50
disk_size_gb = 100
autoscaling = "THROUGHPUT_BASED"
flexrs = "COST_OPTIMIZED"
labels = {{ team = "ops" }}
encryption_key = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
options = ["--number_of_worker_harness_threads=4"]

[defaults]
beam = "flow"

[tasks.statistics-gen]
beam = "flow"
""",
        "utf-8",
    )

    found = args_of(read_profile(path))

    assert found["csv-example-gen"] == [
        "--runner=DataflowRunner",
        "--project=p",
        "--region=europe-west1",
        "--temp_location=gs://bucket/temp",
        "--staging_location=gs://bucket/staging",
        f"--sdk_container_image={REGISTRY}/csv_example_gen@{DIGEST}",
        "--sdk_location=container",
        "--service_account_email=beam@p.iam.gserviceaccount.com",
        "--network=default",
        "--subnetwork=regions/europe-west1/subnetworks/beam",
        "--machine_type=n2-standard-8",
        "--disk_size_gb=100",
        "--num_workers=2",
        "--max_num_workers=50",
        "--autoscaling_algorithm=THROUGHPUT_BASED",
        "--flexrs_goal=COST_OPTIMIZED",
        "--no_use_public_ips",
        "--dataflow_kms_key=projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k",
        "--labels=headrace-pipeline=flights-v2",
        "--labels=headrace-task=csv-example-gen",
        "--labels=team=ops",
        "--number_of_worker_harness_threads=4",
    ]
    assert BeamOptions(found["csv-example-gen"]).is_remote
    assert f"--sdk_container_image={OWN}" in (found["statistics-gen"] or [])


def test_dataflow_takes_from_vertex_what_its_table_leaves_out() -> None:
    key = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    vertex = Vertex(
        pipeline_root="gs://bucket/root/", project="mine", region="r1", encryption_key=key
    )
    flow = BeamRunner(runner="dataflow", public_ips=True)

    found = args_of(profile(beam={"flow": flow}, defaults="flow", vertex=vertex))

    assert found["csv-example-gen"] == [
        "--runner=DataflowRunner",
        "--project=mine",
        "--region=r1",
        "--temp_location=gs://bucket/root/beam",
        f"--sdk_container_image={REGISTRY}/csv_example_gen@{DIGEST}",
        "--sdk_location=container",
        "--use_public_ips",
        f"--dataflow_kms_key={key}",
        "--labels=headrace-pipeline=flights-v2",
        "--labels=headrace-task=csv-example-gen",
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {},
            ["--environment_type=DOCKER", f"--environment_config={REGISTRY}/csv_example_gen@"],
        ),
        (
            {"environment": "EXTERNAL", "environment_config": "localhost:50000"},
            ["--environment_type=EXTERNAL", "--environment_config=localhost:50000"],
        ),
        (
            {"artifact_endpoint": "jobs:8098", "environment": "LOOPBACK", "parallelism": 64},
            ["--artifact_endpoint=jobs:8098", "--environment_type=LOOPBACK", "--parallelism=64"],
        ),
        (
            {"environment": "LOOPBACK", "rest": "http://flink:8081"},
            ["--environment_type=LOOPBACK", "--flink_rest=http://flink:8081"],
        ),
    ],
)
def test_flink_gets_its_job_server_and_how_workers_start(
    settings: Mapping[str, Any], expected: list[str]
) -> None:
    flink = BeamRunner(runner="flink", job_endpoint="jobs:8099", **settings)

    found = args_of(profile(beam={"flink": flink}, defaults="flink"))["csv-example-gen"] or []

    assert found[:2] == ["--runner=PortableRunner", "--job_endpoint=jobs:8099"]
    found.remove("--environment_cache_millis=60000")
    assert [arg.partition(DIGEST)[0] for arg in found[2:]] == expected


def test_how_long_idle_workers_stay_is_for_flink_alone_and_can_be_set() -> None:
    spark = BeamRunner(runner="spark", job_endpoint="jobs:8099")
    own = "--environment_cache_millis=0"
    flink = BeamRunner(runner="flink", job_endpoint="jobs:8099", options=(own,))

    of_spark = args_of(profile(beam={"spark": spark}, defaults="spark"))["csv-example-gen"] or []
    of_flink = args_of(profile(beam={"flink": flink}, defaults="flink"))["csv-example-gen"] or []

    assert not [arg for arg in of_spark if "environment_cache_millis" in arg]
    assert of_flink[-1] == own  # Beam uses the last one


FLOW = BeamRunner(runner="dataflow", project="p", region="r")
FLINK = BeamRunner(runner="flink", job_endpoint="jobs:8099")


@pytest.mark.parametrize(
    ("used", "target", "expected"),
    [
        (
            profile(beam={"local": DIRECT}, tasks={"schema-gen": "local"}),
            "vertex",
            r"`beam` is 'local' for task `schema-gen`, but schema_gen has nothing to run on Beam. "
            r"These have: \['avro_example_gen', .*'transform'\]. Remove the setting.",
        ),
        (
            profile(beam={"local": DIRECT}, components={"schema_gen": "local"}),
            "kubeflow",
            r"`beam` is 'local' for task `schema-gen`, but schema_gen has nothing to run on Beam.",
        ),
        (
            profile(beam={"flow": BeamRunner(runner="dataflow", region="r")}, defaults="flow"),
            "vertex",
            r"headrace.toml: \[beam.flow\] lacks `project`, which Dataflow needs. Add it there, or",
        ),
        (
            profile(beam={"flow": FLOW}, defaults="flow"),
            "kubeflow",
            r"\[beam.flow\] lacks `temp_location`, which Dataflow needs. Add it there, for example "
            r"'gs://",
        ),
        (
            profile(
                beam={"flink": FLINK},
                defaults="flink",
                kubeflow=Kubeflow(pipeline_root="minio://mlpipeline/v2"),
            ),
            "kubeflow",
            r"\[beam.flink\] is a 'flink' runner, but `pipeline_root` is 'minio://mlpipeline/v2', "
            r"which its workers cannot open, expected gs:// or s3://. Change one of them.",
        ),
    ],
    ids=["task", "component", "project", "temp_location", "minio"],
)
def test_what_cannot_run_is_told_when_the_pipeline_is_compiled(
    used: Profile, target: str, expected: str
) -> None:
    with pytest.raises(CompileError, match=expected):
        args_of(used, target)
