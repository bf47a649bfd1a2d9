"""The task before a component that reads files: when it exists, and what it gets."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import dsl, kubernetes

import headrace
from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.input_fingerprints import tasks_before
from headrace.frontend import loading
from headrace.ir import specs
from headrace.profiles.caching import Caching
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskSettings, TaskTables
from headrace.targets.remote.fingerprints import FingerprintsAtSubmit
from headrace.targets.vertex.settings import Vertex
from headrace_components import catalog
from headrace_components.catalog import (
    bigquery_example_gen,
    csv_example_gen,
    import_schema_gen,
    span_range,
)
from support.launcher.compiled_runs import Declaration, Spec
from support.launcher.entry_points import Launcher

IMAGES = Images(
    registry="registry.example.com/headrace",
    digests=dict.fromkeys(catalog.__all__, f"sha256:{'0' * 64}"),
)
PATTERN = {"splits": [{"name": "all", "pattern": "day-{SPAN}.csv"}]}


@dsl.container_component
def prepare(folder: dsl.OutputPath(str), day: int = 1) -> dsl.ContainerSpec:  # type: ignore[valid-type]
    image = f"docker.io/library/busybox@sha256:{'0' * 64}"
    return dsl.ContainerSpec(image=image, command=["prepare"], args=[folder])


@dsl.pipeline(name="inner")
def inner(root: str, day: int) -> None:
    csv_example_gen(input_base=f"{root}/rides", input_config=PATTERN, span=day)


@dsl.pipeline(name="days")
def days(root: str, deep: bool = True) -> None:
    inner(root=root, day=1)
    with dsl.ParallelFor([1, 2]) as day:
        csv_example_gen(input_base=f"{root}/rides", input_config=PATTERN, span=day)
    with dsl.If(deep == True):  # noqa: E712  a condition of kfp
        csv_example_gen(
            input_base=root, input_config={"splits": [{"name": "a", "pattern": "*.csv"}]}
        )


def compiled(pipeline: Any, target: str = "kubeflow", known: Any = None, **profile: Any) -> Any:
    source = loading.load(pipeline)
    given = Profile(images=IMAGES, targets=(Vertex(pipeline_root="gs://bucket/root"),), **profile)
    document = compile_for(source, target, given, known_fingerprints=known).document
    return document.get("pipelineSpec", document)


def node(spec: Any, label: str) -> specs.TaskNode:
    return {each.label: each for each in specs.tasks(spec)}[label]


def caching(spec: Any, label: str) -> Any:
    return node(spec, label).task["cachingOptions"]


def test_every_reader_of_files_has_a_task_before_it_in_its_own_dag() -> None:
    spec = compiled(days)

    assert tasks_before(spec) == {
        "inner/csv-example-gen": "inner/csv-example-gen-fingerprint",
        "for-loop-2/csv-example-gen": "for-loop-2/csv-example-gen-fingerprint",
        "condition-3/csv-example-gen-2": "condition-3/csv-example-gen-2-fingerprint",
    }
    for reader, before in tasks_before(spec).items():
        assert caching(spec, reader) == {"enableCache": True}
        assert caching(spec, before) == {}


def test_the_task_before_gets_what_the_reader_gets_when_the_run_is_under_way(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data/rides"
    folder.mkdir(parents=True)
    for day in (1, 2):
        (folder / f"day-{day}.csv").write_text("miles\n" + "1\n" * (day + 2), "utf-8")
    (tmp_path / "data/zones.csv").write_text("zone\n1\n2\n3\n", "utf-8")
    file = tmp_path / "days.json"
    file.write_text(json.dumps(compiled(days)), "utf-8")

    result = headrace.run(file, parameters={"root": str(tmp_path / "data")}, root=tmp_path / "root")

    assert result.state == "succeeded", result.failures
    found = {
        task.name: task.parameters["fingerprint"].splitlines()[:2]
        for task in result.tasks
        if "fingerprint" in task.parameters
    }
    assert {name: lines[0] for name, lines in found.items()} == {
        "inner/csv-example-gen-fingerprint": "span:1,version:None",
        "for-loop-2/0/csv-example-gen-fingerprint": "span:1,version:None",
        "for-loop-2/1/csv-example-gen-fingerprint": "span:2,version:None",
        "condition-3/csv-example-gen-2-fingerprint": "span:0,version:None",
    }
    for lines in found.values():
        assert "num_files:1," in lines[1]


def test_it_waits_for_what_the_reader_waits_for_and_runs_in_its_pod_and_image() -> None:
    @dsl.pipeline(name="mounted")
    def mounted(claim: str = "data") -> None:
        made = prepare()
        read = csv_example_gen(input_base=made.outputs["folder"]).after(prepare(day=2))
        read.set_retry(2).set_env_variable("AWS_REGION", "eu").set_memory_limit("16G")
        kubernetes.mount_pvc(read, claim, "/mnt/data")

    source = loading.load(mounted)
    text = compile_for(source, "kubeflow", Profile(images=IMAGES)).text
    spec, platform = yaml.safe_load_all(text)

    before, reader = (
        node(spec, label) for label in ("csv-example-gen-fingerprint", "csv-example-gen")
    )
    assert before.task["dependentTasks"] == ["prepare", "prepare-2"]
    assert reader.task["dependentTasks"] == ["csv-example-gen-fingerprint", "prepare", "prepare-2"]
    assert before.task["retryPolicy"] == reader.task["retryPolicy"]
    assert before.container["image"] == reader.container["image"]
    assert before.container["env"] == reader.container["env"]
    assert "resources" not in before.container
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert pods["exec-csv-example-gen-fingerprint"] == pods["exec-csv-example-gen"]


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_what_unknown_before_the_run_is_still_not_cached(target: str) -> None:
    @dsl.pipeline(name="live")
    def live() -> None:
        rows = bigquery_example_gen(project="p", query="SELECT 1").outputs["examples"]
        span_range(examples=rows, range_config={"rolling_range": {"num_spans": 2}})

    spec = compiled(live, target)

    assert tasks_before(spec) == {}
    for label in ("bigquery-example-gen", "span-range"):
        assert caching(spec, label) == {}


def test_a_reader_that_is_not_to_be_cached_has_none() -> None:
    @dsl.pipeline(name="uncached")
    def uncached() -> None:
        csv_example_gen(input_base="/a").set_caching_options(False)
        import_schema_gen(schema_file="/schema.pbtxt")

    tables = TaskTables(components={"import_schema_gen": TaskSettings(cache=False)})

    assert tasks_before(compiled(uncached, tasks=tables)) == {}
    assert list(tasks_before(compiled(uncached))) == ["import-schema-gen"]


def test_a_reader_that_runs_whatever_failed_is_not_cached() -> None:
    @dsl.pipeline(name="anyway")
    def anyway() -> None:
        import_schema_gen(schema_file="/a").after(prepare()).ignore_upstream_failure()

    spec = compiled(anyway)

    assert tasks_before(spec) == {}
    assert caching(spec, "import-schema-gen") == {}


def test_the_profile_may_switch_it_off() -> None:
    spec = compiled(days, caching=Caching(input_fingerprint="off"))

    assert tasks_before(spec) == {}
    assert caching(spec, "inner/csv-example-gen") == {}


def test_locally_there_is_none() -> None:
    assert tasks_before(compiled(days, "local")) == {}


def test_a_name_that_is_taken_gets_a_number() -> None:
    @dsl.pipeline(name="taken")
    def taken() -> None:
        csv_example_gen(input_base="/a")
        named = dsl.container_component(csv_example_gen_fingerprint)
        named(text="x")

    assert tasks_before(compiled(taken)) == {"csv-example-gen": "csv-example-gen-fingerprint-2"}


def csv_example_gen_fingerprint(text: str) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image=f"busybox@sha256:{'0' * 64}", command=["echo"], args=[text])


def test_at_submit_paths_and_values_of_the_run_are_left_to_a_task() -> None:
    @dsl.pipeline(name="mixed")
    def mixed(root: str, day: int = 3) -> None:
        csv_example_gen(input_base=root)
        csv_example_gen(input_base=f"s3://bucket/{day}")
        csv_example_gen(input_base=prepare().outputs["folder"])

    known = FingerprintsAtSubmit(values={"root": "/data"})
    spec = compiled(mixed, known=known)

    assert known.described(spec) == (
        "Input fingerprints: taken in the run by csv-example-gen-fingerprint ('/data' may be other "
        "files on this machine), csv-example-gen-2-fingerprint ('s3://bucket/3' may be other files "
        "on this machine), csv-example-gen-3-fingerprint (`input_base` is known in the run alone)."
    )
    assert len(tasks_before(spec)) == 3


def test_a_pipeline_without_readers_has_no_line() -> None:
    @dsl.pipeline(name="plain")
    def plain() -> None:
        prepare()

    assert FingerprintsAtSubmit(values={}).described(compiled(plain)) == ""


def test_what_cannot_be_told_is_another_text_in_each_run(tmp_path: Path) -> None:
    spec = Spec(
        inputs={name: Declaration(type="STRING") for name in ("component", "input_base")},
        outputs={"fingerprint": Declaration(type="STRING")},
    )
    command = ["python", "-m", "headrace_components.input_fingerprint"]
    command += ["--executor_input", "{{$}}"]
    parameters = {"component": "csv_example_gen", "input_base": "/no/such/directory"}

    values = [
        Launcher(root=tmp_path).run_command("before", spec, command, parameters) for _ in range(2)
    ]

    first, second = (each.parameters["fingerprint"] for each in values)
    assert first.startswith("unknown:")
    assert first != second
