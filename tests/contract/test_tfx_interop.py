# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False
"""Headrace reads artifacts of TFX, and TFX reads artifacts of Headrace.

The artifacts in tests/fixtures/tfx_artifacts are from a run of TFX 1.16. Each of our components
reads them as inputs, and its results must equal those of TFX's own component. In the other
direction, the same rows go through our components, and files and properties must equal TFX's. If
TFX_PYTHON names a Python with TFX, TFX's components also read them.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
import tensorflow_transform as tft
from kfp import dsl
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tensorflow_serving.apis import prediction_log_pb2

import headrace
from headrace.compilation.passes.modules import pack_module
from headrace.contract.target import target_named
from headrace_components import catalog
from headrace_components.library.data import schemas, statistics
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.data.tfrecord import read_records
from headrace_components.library.user_code.module_pack import pack
from support.launcher.entry_points import Launcher, Stored
from support.oracles.statistics import LOOSE, differences

TFX = Path(__file__).parents[1] / "fixtures/tfx_artifacts"
RECORDS: dict[str, Any] = json.loads((TFX / "artifacts.json").read_text("utf-8"))
SPLITS = ("train", "eval")
SPAN = 3

# Outputs that the run of Headrace does not make.
NOT_WRITTEN = {"rejected_blessing", "sequence_statistics", "sequences", "strict_schema"}

_TWIN = {f"Columnar-{split}/part-00000-of-00001.parquet" for split in SPLITS} | {"columnar.json"}
# Files that Headrace writes in addition to TFX's.
BESIDE_TFX = {"examples": _TWIN | {"examples.json"}, "transformed_examples": _TWIN}
# Files with one record without information.
EMPTY_OF_TFX = {f"{name}-00000-of-00001.tfrecord" for name in ("attributions", "plots")}

NOT_RECORDED = {"is_external", "stats_dashboard_link"}
# Objects are JSON text here: not every backend supports objects.
TEXT_FOR = {"struct_value": "string_value"}
MODULE = pack_module("module.py", "test", target_named("local"), TFX)

# With NumPy 2, TFDV computes the buckets of 32-bit floats in 32 bits; these files were computed in
# 64.
BUCKETS_OF_TFX = (
    {}
    if np.lib.NumpyVersion(np.__version__) < "2.0.0"
    else dict.fromkeys(("low_value", "high_value", "sample_count"), 1e-5)
)

pytestmark = pytest.mark.slow


def of_tfx(launcher: Launcher, name: str) -> Stored:
    """Puts an artifact of TFX into the store, with the metadata from an importer."""
    record = RECORDS[name]
    typed = {**record["properties"], **record["custom_properties"]}
    metadata = {key: value for key, values in typed.items() for value in values.values()}
    return launcher.store(TFX / name, metadata)


def eval_config(least_auc: float) -> dict[str, Any]:
    text = (TFX / "eval_config.json").read_text("utf-8")
    config: dict[str, Any] = json.loads(text.replace('"LEAST"', str(least_auc)))
    return config


def rows(path: Path, split: str) -> list[str]:
    """The rows of a split in any order: TFX shuffles them."""
    reader = ExamplesReader(path, "test")
    return sorted(
        repr(sorted(row.items()))
        for batch in reader.record_batches(split)
        for row in batch.to_pylist()
    )


def values(path: Path, split: str) -> list[list[float]]:
    """The values of rows with one number for each feature, in any order."""
    reader = ExamplesReader(path, "test")
    return sorted(
        [value for _, (value,) in sorted(row.items())]
        for batch in reader.record_batches(split)
        for row in batch.to_pylist()
    )


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def metrics(evaluation: Path) -> dict[Any, Any]:
    result = tfma.load_eval_result(str(evaluation))
    return {
        slice_key: {name: value["doubleValue"] for name, value in found[""][""].items()}
        for slice_key, found in result.slicing_metrics
    }


@pytest.mark.parametrize("beam_pipeline_args", [[], ["--runner=DirectRunner"]])
@pytest.mark.parametrize(
    ("examples", "expected"),
    [("examples", "statistics"), ("sequences", "sequence_statistics")],
)
def test_statistics_of_tfx_s_examples_are_tfx_s(
    launcher: Launcher, examples: str, expected: str, beam_pipeline_args: list[str]
) -> None:
    parameters = {"beam_pipeline_args": beam_pipeline_args}
    outcome = launcher.run("statistics_gen", parameters, examples=of_tfx(launcher, examples))

    written = outcome["statistics"]
    for split in SPLITS:
        theirs = statistics.read(TFX / expected / f"Split-{split}")
        ours = statistics.read(written.path / f"Split-{split}")
        assert differences(theirs, ours, LOOSE | BUCKETS_OF_TFX) == []
    assert written.metadata["split_names"] == '["train", "eval"]'


def test_the_schema_of_tfx_s_statistics_is_tfx_s(launcher: Launcher) -> None:
    outcome = launcher.run("schema_gen", statistics=of_tfx(launcher, "statistics"))

    assert schemas.read(outcome["schema"].path) == schemas.read(TFX / "schema")


def test_the_anomalies_of_tfx_s_statistics_are_tfx_s(launcher: Launcher) -> None:
    outcome = launcher.run(
        "example_validator",
        statistics=of_tfx(launcher, "statistics"),
        schema=of_tfx(launcher, "strict_schema"),
    )

    written = outcome["anomalies"]
    for split in SPLITS:
        theirs, ours = (
            anomalies_pb2.Anomalies.FromString(
                (folder / f"Split-{split}/SchemaDiff.pb").read_bytes()
            )
            for folder in (TFX / "anomalies", written.path)
        )
        assert set(theirs.anomaly_info) == {"island", "species"}
        assert ours == theirs
    blessed = RECORDS["anomalies"]["custom_properties"]["blessed"]["struct_value"]
    assert json.loads(written.metadata["blessed"]) == blessed


@pytest.mark.parametrize("cache", [False, True])
def test_the_transform_of_tfx_s_examples_is_tfx_s(launcher: Launcher, cache: bool) -> None:
    inputs = {"examples": of_tfx(launcher, "examples"), "schema": of_tfx(launcher, "schema")}
    if cache:
        inputs["analyzer_cache"] = of_tfx(launcher, "analyzer_cache")

    outcome = launcher.run("transform", {"module_file": MODULE}, None, **inputs)

    for split in SPLITS:
        written, theirs = (
            values(path, split)
            for path in (outcome["transformed_examples"].path, TFX / "transformed_examples")
        )
        # Sums of float32, in the order of the rows in the file or in Beam.
        np.testing.assert_allclose(written, theirs, rtol=1e-5, atol=1e-6)
    theirs, ours = (
        tft.TFTransformOutput(str(path))
        for path in (TFX / "transform_graph", outcome["transform_graph"].path)
    )
    assert ours.transformed_metadata.schema == theirs.transformed_metadata.schema
    assert ours.raw_metadata.schema == theirs.raw_metadata.schema
    assert ours.vocabulary_by_name("species") == theirs.vocabulary_by_name("species")


def test_a_trainer_reads_what_tfx_transformed(launcher: Launcher) -> None:
    outcome = launcher.run(
        "trainer",
        {"module_file": pack({"m.py": READING}, "m.py")},
        examples=of_tfx(launcher, "transformed_examples"),
        transform_graph=of_tfx(launcher, "transform_graph"),
        schema=of_tfx(launcher, "schema"),
        statistics=of_tfx(launcher, "statistics"),
        base_model=of_tfx(launcher, "model"),
    )

    found = json.loads((outcome["model"].path / "Format-Serving/found.json").read_text("utf-8"))
    numbers = {split: len(rows(TFX / "examples", split)) for split in SPLITS}
    assert found == {
        "rows": numbers["eval"],
        "num_examples": numbers,
        "features": ["late", "species", "weight", "wing"],
        "species": 3,
        "answer": [1],
    }


READING = """
import json
import tensorflow as tf
import tensorflow_transform as tft
from tfx.utils import io_utils
from tfx_bsl.public import tfxio

def run_fn(fn_args):
    graph = tft.TFTransformOutput(fn_args.transform_graph_path)
    options = tfxio.TensorFlowDatasetOptions(batch_size=7, num_epochs=1)
    schema = graph.transformed_metadata.schema
    dataset = fn_args.data_accessor.tf_dataset_factory(fn_args.eval_files, options, schema)
    example = tf.train.Example()
    example.features.feature["wing"].float_list.value.append(120.0)
    serve = tf.saved_model.load(fn_args.base_model).signatures["serving_default"]
    found = {
        "rows": sum(len(batch["late"]) for batch in dataset),
        "num_examples": fn_args.num_examples,
        "features": sorted(graph.raw_feature_spec()),
        "species": graph.vocabulary_size_by_name("species"),
        "answer": list(serve(tf.constant([example.SerializeToString()]))["probability"].shape[1:]),
    }
    io_utils.write_string_file(fn_args.serving_model_dir + "/found.json", json.dumps(found))
"""


def test_a_trainer_reads_tfx_s_sequence_examples(launcher: Launcher) -> None:
    outcome = launcher.run(
        "trainer",
        {"module_file": pack({"m.py": READING_SEQUENCES}, "m.py")},
        examples=of_tfx(launcher, "sequences"),
    )

    found = json.loads((outcome["model"].path / "Format-Serving/found.json").read_text("utf-8"))
    for split in SPLITS:
        theirs = statistics.read(TFX / f"sequence_statistics/Split-{split}").datasets[0]
        (pitch,) = (f for f in theirs.features if f.path.step[-1] == "pitch")
        assert found[split] == [theirs.num_examples, pytest.approx(pitch.num_stats.max)]


READING_SEQUENCES = """
import json
import tensorflow as tf
from tfx.utils import io_utils

def run_fn(fn_args):
    found = {}
    for split, patterns in (("train", fn_args.train_files), ("eval", fn_args.eval_files)):
        files = tf.data.Dataset.list_files(patterns)
        rows = tf.data.TFRecordDataset(files, "GZIP").batch(100)
        spec = {"pitch": tf.io.RaggedFeature(tf.float32)}
        _, sequences, _ = tf.io.parse_sequence_example(rows.get_single_element(), {}, spec)
        pitches = sequences["pitch"]
        found[split] = [int(pitches.nrows()), float(tf.reduce_max(pitches.flat_values))]
    io_utils.write_string_file(fn_args.serving_model_dir + "/found.json", json.dumps(found))
"""


@pytest.mark.parametrize(
    ("least_auc", "expected"), [(0.6, "blessing"), (0.9999, "rejected_blessing")]
)
def test_the_evaluation_of_tfx_s_model_is_tfx_s(
    launcher: Launcher, least_auc: float, expected: str
) -> None:
    outcome = launcher.run(
        "evaluator",
        {"eval_config": eval_config(least_auc)},
        examples=of_tfx(launcher, "examples"),
        model=of_tfx(launcher, "model"),
        schema=of_tfx(launcher, "schema"),
    )

    theirs, ours = metrics(TFX / "evaluation"), metrics(outcome["evaluation"].path)
    assert ours.keys() == theirs.keys()
    for slice_key, values in theirs.items():
        assert ours[slice_key] == pytest.approx(values, rel=1e-6)
    assert files(outcome["blessing"].path) == files(TFX / expected)
    blessed = RECORDS[expected]["custom_properties"]["blessed"]["int_value"]
    assert outcome["blessing"].metadata["blessed"] == blessed


def test_the_predictions_of_tfx_s_model_are_tfx_s(launcher: Launcher) -> None:
    outcome = launcher.run(
        "bulk_inferrer",
        {"data_spec": {"example_splits": ["eval"]}},
        examples=of_tfx(launcher, "examples"),
        model=of_tfx(launcher, "model"),
        model_blessing=of_tfx(launcher, "blessing"),
    )
    rejected = launcher.run(
        "bulk_inferrer",
        examples=of_tfx(launcher, "examples"),
        model=of_tfx(launcher, "model"),
        model_blessing=of_tfx(launcher, "rejected_blessing"),
    )

    assert predictions(outcome["inference_result"].path) == pytest.approx(
        predictions(TFX / "inference_result"), rel=1e-6
    )
    assert files(outcome["inference_result"].path) == files(TFX / "inference_result")
    assert not rejected["inference_result"].path.exists()


def predictions(folder: Path) -> dict[bytes, float]:
    found = {}
    for file in folder.iterdir():
        for record in read_records(file):
            log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
            (row,) = log.request.inputs["examples"].string_val
            (found[row],) = log.response.outputs["probability"].float_val
    return found


def test_a_server_loads_tfx_s_model_and_answers_about_tfx_s_examples(launcher: Launcher) -> None:
    outcome = launcher.run(
        "infra_validator",
        {"request_spec": {"split_name": "eval", "num_examples": 3}},
        model=of_tfx(launcher, "model"),
        examples=of_tfx(launcher, "examples"),
    )

    assert files(outcome["blessing"].path) == files(TFX / "infra_blessing")
    recorded = RECORDS["infra_blessing"]["custom_properties"]
    assert outcome["blessing"].metadata["blessed"] == recorded["blessed"]["int_value"]


def test_tfx_s_blessings_decide_what_is_pushed(launcher: Launcher, tmp_path: Path) -> None:
    def push(blessing: str) -> tuple[set[str], int]:
        outcome = launcher.run(
            "pusher",
            {"base_directory": str(tmp_path / blessing)},
            model=of_tfx(launcher, "model"),
            model_blessing=of_tfx(launcher, blessing),
            infra_blessing=of_tfx(launcher, "infra_blessing"),
        )
        return files(tmp_path / blessing), outcome["pushed_model"].metadata["pushed"]

    pushed, is_pushed = push("blessing")
    assert {name.partition("/")[2] for name in pushed} == files(TFX / "pushed_model")
    assert is_pushed == 1
    assert push("rejected_blessing") == (set(), 0)


def write_root_of_tfx(folder: Path) -> Path:
    """Puts artifacts where TFX had them, below `root` in `folder`, and returns this directory."""
    for name in ("blessing", "evaluation", "examples", "model", "rejected_blessing"):
        shutil.copytree(TFX / name, RECORDS[name]["uri"].replace("ROOT", str(folder)))
    for file in folder.rglob("eval_config.json"):
        file.write_text(file.read_text("utf-8").replace("ROOT", str(folder)), "utf-8")
    return folder / "root"


def test_the_latest_blessed_model_of_a_pipeline_root_of_tfx_is_found(
    launcher: Launcher, tmp_path: Path
) -> None:
    root = write_root_of_tfx(tmp_path)

    outcome = launcher.run("latest_blessed_model", {"search_root": str(root)})

    found = outcome["model_blessing"].metadata["current_model"]
    recorded = RECORDS["blessing"]["custom_properties"]["current_model"]["string_value"]
    assert found == recorded.replace("ROOT", str(tmp_path))
    assert files(outcome["model"].path) == files(TFX / "model")


def test_a_blessing_of_tfx_without_its_evaluation_is_passed_over(
    launcher: Launcher, tmp_path: Path
) -> None:
    root = write_root_of_tfx(tmp_path)
    shutil.rmtree(root / "Evaluator/evaluation")

    outcome = launcher.run("latest_blessed_model", {"search_root": str(root)})

    assert outcome["model"].metadata["found"] == 0


def test_the_pipeline_of_the_manual_serves_a_model_of_tfx(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs/from-tfx.md").read_text("utf-8")
    pipeline = tmp_path / "pipeline.py"
    blocks = re.findall(r"```python\n(.*?)```", manual, re.DOTALL)
    (text,) = (block for block in blocks if "def from_tfx(" in block)
    pipeline.write_text(text, "utf-8")
    root = write_root_of_tfx(tmp_path)
    parameters = {
        "tfx_root": str(root),
        "examples": RECORDS["examples"]["uri"].replace("ROOT", str(tmp_path)),
        "serving_dir": str(tmp_path / "serving"),
    }

    result = headrace.run(pipeline, parameters=parameters, root=tmp_path / "ours")

    assert result.state == "succeeded", result.failures
    pushed = {file.partition("/")[2] for file in files(tmp_path / "serving")}
    assert pushed == files(TFX / "pushed_model")


@dsl.pipeline(name="birds")
def birds(data: str, serving_dir: str):
    """The pipeline of tests/fixtures/tfx_artifacts/generate.py, on its own span."""
    module_file = str(TFX / "module.py")
    spans = {"splits": [{"name": "single_split", "pattern": "span-{SPAN}/*"}]}
    examples = catalog.csv_example_gen(input_base=data, input_config=spans).outputs["examples"]
    statistics = catalog.statistics_gen(examples=examples).outputs["statistics"]
    schema = catalog.schema_gen(statistics=statistics).outputs["schema"]
    catalog.example_validator(statistics=statistics, schema=schema)
    catalog.transform(examples=examples, schema=schema, module_file=module_file)
    model = catalog.trainer(examples=examples, schema=schema, module_file=module_file).outputs[
        "model"
    ]
    blessing = catalog.evaluator(
        examples=examples, model=model, schema=schema, eval_config=eval_config(0.6)
    ).outputs["blessing"]
    infra_blessing = catalog.infra_validator(model=model).outputs["blessing"]
    catalog.pusher(
        model=model,
        model_blessing=blessing,
        infra_blessing=infra_blessing,
        base_directory=serving_dir,
    )
    catalog.bulk_inferrer(
        examples=examples,
        model=model,
        model_blessing=blessing,
        data_spec={"example_splits": ["eval"]},
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a run of the same pipeline with Headrace."""
    folder = tmp_path_factory.mktemp("ours")
    shutil.copytree(TFX / "csv", folder / f"data/span-{SPAN}")
    parameters = {"data": str(folder / "data"), "serving_dir": str(folder / "serving")}
    result = headrace.run(birds, parameters=parameters, root=folder / "root")
    assert result.state == "succeeded", result.failures
    return folder / "root"


@pytest.fixture(scope="module")
def ours(root: Path) -> dict[str, Any]:
    """The artifacts in the lineage of that run, by TFX's names in the fixture."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(root / "metadata.sqlite")
    names = {"updated_analyzer_cache": "analyzer_cache"}
    found = {}
    for artifact in metadata_store.MetadataStore(config).get_artifacts():
        name = Path(artifact.uri).name
        if artifact.type == "InfraBlessing":
            name = "infra_blessing"
        found[names.get(name, name)] = artifact
    return found


@pytest.mark.parametrize("name", sorted(set(RECORDS) - NOT_WRITTEN))
def test_files_types_and_properties_are_those_of_tfx(name: str, ours: Mapping[str, Any]) -> None:
    record, artifact = RECORDS[name], ours[name]

    assert artifact.type == record["type"]
    written = files(Path(artifact.uri))
    if name == "analyzer_cache":  # its only directory is named after the location of the examples
        written = {file.partition("/")[2] for file in written}
        expected = {file.partition("/")[2] for file in files(TFX / name)}
        assert written == expected
    else:
        assert written - BESIDE_TFX.get(name, set()) == files(TFX / name) - EMPTY_OF_TFX
    for kind in ("properties", "custom_properties"):
        found = {key: value.WhichOneof("value") for key, value in getattr(artifact, kind).items()}
        for key, value in record[kind].items():
            assert key in NOT_RECORDED or found[key] == TEXT_FOR.get(*value, *value)


def test_contents_are_those_of_tfx(ours: Mapping[str, Any]) -> None:
    for file in (
        "schema/schema.pbtxt",
        "transform_graph/metadata/schema.pbtxt",
        "transform_graph/transform_fn/assets/species",
        "transform_graph/transformed_metadata/asset_map",
        "transform_graph/transformed_metadata/schema.pbtxt",
    ):
        name, _, path = file.partition("/")
        assert Path(ours[name].uri, path).read_bytes() == (TFX / file).read_bytes(), file
    for split in SPLITS:
        assert rows(Path(ours["examples"].uri), split) == rows(TFX / "examples", split)


def test_tfx_reads_what_was_written(root: Path, ours: Mapping[str, Any], tmp_path: Path) -> None:
    # Without a Python with TFX, its own names and types are tested above.
    assert ours["blessing"].custom_properties["current_model_id"].int_value == ours["model"].id
    assert ours["examples"].custom_properties["span"].int_value == SPAN
    if "TFX_PYTHON" in os.environ:
        command = [os.environ["TFX_PYTHON"], str(TFX / "read.py"), str(root / "metadata.sqlite")]
        command += [json.dumps(eval_config(0.6)), str(tmp_path / "of-tfx")]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        check_report(json.loads(result.stdout.splitlines()[-1]), Path(ours["examples"].uri))


def check_report(report: dict[str, Any], examples: Path) -> None:
    """Compares TFX's report on the artifacts with their contents."""
    numbers = {split: len(rows(examples, split)) for split in SPLITS}
    for name in ("rows", "num_examples", "statistics"):
        assert report[name] == numbers
    assert report["transformed_rows"] == report["predictions"] == numbers["eval"]
    assert report["anomalies"] == report["blessed_splits"] == {"train": 1, "eval": 1}
    assert report["features"] == ["late", "species", "weight", "wing"]
    assert len(report["transformed"]) == 3
    assert report["metrics"]["blessed"] == 1
    assert report["metrics"]["recorded"] == pytest.approx(report["metrics"]["of_tfx"], rel=1e-6)
    assert "saved_model.pb" in report["pushed"]
    assert report["spans"] == [0, 1]
    assert report["latest_blessed_model"]
