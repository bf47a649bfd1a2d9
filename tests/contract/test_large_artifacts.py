"""Contract of `large_artifacts = "reference"`: the launcher copies a reference, tasks the rows."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs

from headrace_components.contract.errors import InputError, PlatformError, named
from headrace_components.contract.task import Artifact, Task
from headrace_components.library.beam.locations import location_of
from headrace_components.library.beam.options import BeamOptions
from headrace_components.library.data import references
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from headrace_components.span_range.joining import join
from support.fakes import object_stores
from support.fakes.cloud_storage import cloud_storage
from support.launcher.entry_points import Launcher, Outcome, Rules, Stored, TaskFailedError

ROWS = 20_000
# A module as its author wrote it for TFX: it opens the files itself.
MODULE = """
import json
import os

import tensorflow as tf
from tfx_bsl.public import tfxio


def run_fn(fn_args):
    files = tf.io.gfile.glob(fn_args.train_files)
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    batches = fn_args.data_accessor.record_batch_factory(
        fn_args.train_files, tfxio.RecordBatchesOptions(batch_size=1000, num_epochs=1)
    )
    counts = {
        "opened": int(records.reduce(0, lambda count, _: count + 1)),
        "accessed": sum(batch.num_rows for batch in batches),
    }
    os.makedirs(fn_args.serving_model_dir)
    with open(os.path.join(fn_args.serving_model_dir, "counts.json"), "w") as file:
        json.dump(counts, file)
"""
FILTER = """
def filter_batch_fn(batch):
    import pyarrow.compute as pc

    return pc.less(pc.list_flatten(batch["n"]), 100)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with object_stores.s3() as environment:
        yield environment


@pytest.fixture
def cluster(server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the variables that tasks get from the compiler and the cluster."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    variables = {"HEADRACE_LARGE_ARTIFACTS": "reference", "TMPDIR": str(tmp_path / "tmp")}
    for name, value in {**server, **variables}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A directory with one CSV file."""
    (tmp_path / "csv").mkdir()
    lines = [f"{n},{n / 7},{n * n % 1000003}" for n in range(ROWS)]
    (tmp_path / "csv/rows.csv").write_text("\n".join(["n,share,hash", *lines]) + "\n", "utf-8")
    return tmp_path / "csv"


def run(launcher: Launcher, component: str, mode: str = "reference", **given: Any) -> Outcome:
    """Runs a component; values that are not artifacts are parameters."""
    inputs = {key: value for key, value in given.items() if isinstance(value, Stored)}
    parameters = {key: value for key, value in given.items() if key not in inputs}
    return launcher.run(component, parameters, {"HEADRACE_LARGE_ARTIFACTS": mode}, **inputs)


def num_bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def fetched(tmp_path: Path) -> set[str]:
    """Directories of rows that tasks have fetched, such as `Split-train`."""
    return {file.parent.name for file in (tmp_path / "tmp").glob("headrace-rows-*/*-*/*")}


@pytest.mark.parametrize("rules", ["kfp-2.17", "kfp-next"])
@pytest.mark.usefixtures("cluster")
def test_the_launcher_carries_a_reference_and_tasks_fetch_the_rows_that_they_read(
    rules: Rules, rows: Path, server: dict[str, str], tmp_path: Path
) -> None:
    launcher = Launcher(root=tmp_path / "reference", rules=rules)
    copying = Launcher(root=tmp_path / "copy", rules=rules)

    examples = run(launcher, "csv_example_gen", input_base=str(rows))["examples"]
    statistics = run(launcher, "statistics_gen", examples=examples, exclude_splits=["eval"])[
        "statistics"
    ]

    assert {path.name for path in examples.path.iterdir()} == {
        "columnar.json",
        "examples.json",
        "reference.json",
    }
    content = json.loads((examples.path / "reference.json").read_text("utf-8"))
    assert content["uri"] == f"{examples.uri.removesuffix('examples')}_data/examples"
    stored = object_stores.store(server).get_file_info(
        fs.FileSelector(content["uri"].partition("://")[2], recursive=True)
    )
    sizes = {file.path: file.size for file in stored if file.is_file}
    assert sum(sizes.values()) == sum(content["files"].values())
    copied = run(copying, "csv_example_gen", "copy", input_base=str(rows))["examples"]
    assert num_bytes(copied.path) - num_bytes(examples.path) > 0.99 * sum(sizes.values())
    # The bytes that the launcher copied from one task to the other.
    carried = (launcher.root / "pods").rglob(f"csv_example_gen/*/{examples.path.name}")
    assert 0 < sum(num_bytes(path) for path in carried) < 10_000
    assert fetched(tmp_path) == {"Columnar-train"}
    expected = run(copying, "statistics_gen", "copy", examples=copied, exclude_splits=["eval"])
    file = "Split-train/FeatureStats.pb"
    assert (statistics.path / file).read_bytes() == (
        expected["statistics"].path / file
    ).read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_the_entry_points_make_and_read_references(rows: Path, tmp_path: Path) -> None:
    launcher = Launcher(root=tmp_path / "launcher", rules="kfp-next", subprocess=True)

    examples = run(launcher, "csv_example_gen", input_base=str(rows))["examples"]
    outcome = run(launcher, "statistics_gen", examples=examples)

    assert num_bytes(examples.path) < 5_000
    assert "statistics_gen: fetched" in outcome.log
    assert (outcome["statistics"].path / "Split-eval/FeatureStats.pb").is_file()


@pytest.mark.usefixtures("cluster")
def test_a_module_opens_the_files_of_its_splits(
    rows: Path, launcher: Launcher, tmp_path: Path
) -> None:
    module = tmp_path / "module.py"
    module.write_text(MODULE, "utf-8")
    examples = run(launcher, "csv_example_gen", input_base=str(rows))["examples"]

    model = run(
        launcher,
        "trainer",
        examples=examples,
        module_file=str(module),
        train_args={"num_steps": 1},
        eval_args={"num_steps": 1},
    )["model"]

    counts = json.loads((model.path / "Format-Serving/counts.json").read_text("utf-8"))
    assert counts["opened"] == counts["accessed"] > 0.6 * ROWS
    assert {"Split-train", "Split-eval"} <= fetched(tmp_path)


@pytest.mark.usefixtures("cluster")
def test_what_reads_references_makes_its_own(
    rows: Path, launcher: Launcher, tmp_path: Path
) -> None:
    module = tmp_path / "module.py"
    module.write_text(FILTER, "utf-8")
    examples = run(launcher, "csv_example_gen", input_base=str(rows))["examples"]

    kept = run(launcher, "filter_examples", examples=examples, module_file=str(module))[
        "filtered_examples"
    ]

    assert num_bytes(kept.path) < 5_000
    reader = ExamplesReader(kept.path, "a test")
    assert sum(reader.num_rows(split) for split in reader.split_names) == 100


@pytest.mark.usefixtures("cluster")
def test_a_cached_reference_is_read_where_nothing_is_referred_to_any_more(
    rows: Path, server: dict[str, str], launcher: Launcher
) -> None:
    earlier = run(launcher, "csv_example_gen", input_base=str(rows))["examples"]
    # The cache returns the artifact of an earlier run, at any location.
    cached = launcher.store(earlier.path, earlier.metadata)

    statistics = run(launcher, "statistics_gen", "copy", examples=cached)["statistics"]

    assert (statistics.path / "Split-train/FeatureStats.pb").is_file()


def written(path: Path, *splits: str) -> Path:
    for split in splits or ("train",):
        with ExamplesWriter(path, split) as writer:
            writer.write(pa.RecordBatch.from_pydict({"n": pa.array([[1], [2]])}))
    return path


def moved(path: Path, uri: str) -> Path:
    """Moves the rows of an artifact like the task that made it."""
    artifact = Artifact(key="examples", name="", uri=uri, path=path, type="system.Examples")
    references.publish(
        Task(
            component="maker",
            params={},
            inputs={},
            outputs={"examples": artifact},
            output_file=path / "unused",
        )
    )
    return path


@pytest.mark.usefixtures("cluster")
def test_examples_of_several_spans_are_joined(tmp_path: Path) -> None:
    sources = [
        moved(written(tmp_path / name), f"minio://bucket/{name}/examples") for name in ("a", "b")
    ]

    assert join(sources, tmp_path / "joined") == ["train"]

    reader = ExamplesReader(tmp_path / "joined", "a test")
    assert reader.has_columnar("train")
    assert reader.num_rows("train") == 4


@pytest.mark.usefixtures("cluster")
def test_workers_elsewhere_find_the_rows_where_they_are(tmp_path: Path) -> None:
    path = moved(written(tmp_path / "examples"), "s3://bucket/remote/examples")
    task = Task(
        component="a test",
        params={},
        inputs={"examples": (Artifact(key="examples", name="", uri="s3://given", path=path),)},
        outputs={},
        output_file=tmp_path / "unused",
    )
    options = BeamOptions(["--runner=FlinkRunner", "--flink_master=flink:8081"])

    references.resolve(task)

    location = location_of(task.input("examples"), options)
    assert location == "s3://bucket/remote/_data/examples"


@pytest.mark.usefixtures("cluster")
def test_an_image_that_reads_no_rows_sees_the_reference(tmp_path: Path) -> None:
    path = moved(written(tmp_path / "examples"), "s3://bucket/handed-on/examples")
    message = {
        "inputs": {"artifacts": {"examples": {"artifacts": [{"uri": str(path)}]}}},
        "outputs": {"outputFile": str(tmp_path / "output.json")},
    }
    program = (
        "import sys\n"
        "from headrace_components.contract import task\n"
        "show = lambda task: print(task.input('examples').path)\n"
        "sys.exit(task.main('training_job', show, sys.argv[1:]))\n"
    )

    result = subprocess.run(
        # Without site packages, as in an image without pyarrow.
        [sys.executable, "-S", "-c", program, "--executor_input", json.dumps(message)],
        env={"PYTHONPATH": str(Path(references.__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.strip() == str(path)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_beam_reads_and_writes_references(rows: Path, launcher: Launcher) -> None:
    args = ["--runner=DirectRunner"]
    examples = run(launcher, "csv_example_gen", input_base=str(rows), beam_pipeline_args=args)[
        "examples"
    ]

    statistics = run(launcher, "statistics_gen", examples=examples, beam_pipeline_args=args)[
        "statistics"
    ]

    assert (examples.path / "reference.json").is_file()
    assert not list(examples.path.glob("Split-*"))
    assert (statistics.path / "Split-eval/FeatureStats.pb").is_file()


def test_cloud_storage_holds_rows_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "store/bucket").mkdir(parents=True)
    with cloud_storage(tmp_path / "store") as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        path = moved(written(tmp_path / "examples"), "gs://bucket/run/task/examples")

        reader = ExamplesReader(path, "a test")
        (batch,) = reader.record_batches("train")
        (records,) = reader.serialized("train")

    assert batch.to_pydict() == {"n": [[1], [2]]}
    assert len(records) == 2


@pytest.mark.usefixtures("cluster")
def test_rows_that_were_removed_are_told(
    server: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = moved(written(tmp_path / "examples"), "s3://bucket/gone/examples")
    object_stores.store(server).delete_dir("bucket/gone/_data")

    with (
        pytest.raises(InputError, match=r"a test: could not read the rows at s3://bucket/gone/_"),
        named("a test"),
    ):
        list(ExamplesReader(path, "a test").record_batches("train"))
    assert not list((tmp_path / "tmp").rglob("*.parquet"))


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("change", ["flipped", "removed"])
def test_a_damaged_twin_in_the_store_is_replaced_by_the_records(
    change: str, server: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = moved(written(tmp_path / "examples"), f"s3://bucket/{change}/examples")
    name = f"bucket/{change}/_data/examples/Columnar-train/part-00000-of-00001.parquet"
    store = object_stores.store(server)
    with store.open_input_file(name) as file:
        content = bytearray(file.read())
    store.delete_file(name)
    if change == "flipped":
        content[len(content) // 3] ^= 1
        with store.open_output_stream(name, compression=None) as file:
            file.write(content)

    reader = ExamplesReader(path, "a test")
    (batch,) = reader.record_batches("train")

    assert batch.to_pydict() == {"n": [[1], [2]]}
    assert reader.num_rows("train") == 2
    assert "TFRecords" in caplog.text


@pytest.mark.usefixtures("cluster")
def test_rows_of_another_size_are_told(
    server: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = moved(written(tmp_path / "examples"), "s3://bucket/cut/examples")
    name = "bucket/cut/_data/examples/Split-train/data_tfrecord-00000-of-00001.gz"
    with object_stores.store(server).open_output_stream(name, compression=None) as file:
        file.write(b"cut")

    with pytest.raises(PlatformError, match="has 3 bytes, expected"):
        ExamplesReader(path, "a test").tfrecord_files("train")


@pytest.mark.usefixtures("cluster")
def test_a_store_that_takes_no_rows_fails_the_task(
    rows: Path, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(TaskFailedError, match=r"could not write the rows of `examples` to minio:"):
        run(launcher, "csv_example_gen", input_base=str(rows))


def referring_to(name: str) -> str:
    files = {"Split-train/1.gz": 1, name: 1}
    return json.dumps({"format_version": 1, "uri": "s3://bucket/x", "files": files})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "JSONDecodeError"),
        ('{"format_version": 2}', "its format version is 2"),
        ("[]", "TypeError"),
        (referring_to("Split-train/../../x"), "ValueError: 'Split-train/../../x' cannot be the"),
        (referring_to("/Split-train/x"), "ValueError: '/Split-train/x' cannot be the name"),
    ],
)
def test_what_is_no_reference_is_told(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "reference.json").write_text(content, "utf-8")

    with pytest.raises(InputError, match=rf"is not a reference to rows of .* \({words}"):
        ExamplesReader(tmp_path, "a test")
