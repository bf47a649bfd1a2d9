"""Contract of transform: its files, and what it refuses."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from headrace_components.library.data import statistics
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from headrace_components.span_range.joining import join
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError

SCHEMA = """
# From the data team.
feature { name: "fare" type: FLOAT presence { min_fraction: 1 } shape {} }
feature { name: "company" type: BYTES value_count { min: 0 max: 1 } }
feature { name: "unused" type: INT value_count { min: 0 max: 1 } }
"""

GIVEN_UP = """
feature {
  name: "tips" type: BYTES lifecycle_stage: DEPRECATED
  annotation { tag: "splits_differ" comment: "nothing in 'train', whole numbers in 'eval'" }
}
feature { name: "old" type: BYTES lifecycle_stage: DEPRECATED }
"""

MODULE = """
import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    company = tft.compute_and_apply_vocabulary(
        inputs["company"], num_oov_buckets=1, vocab_filename="company"
    )
    return {"fare_z": tft.scale_to_z_score(inputs["fare"]), "company_index": company}
"""

Rows = Mapping[str, Sequence[tuple[float | None, str | None]]]

ROWS: Rows = {
    "train": [(2.0, "a"), (4.0, "b"), (6.0, "a"), (8.0, None)],
    "eval": [(5.0, "b"), (8.0, "new")],
}


def test_the_graph_and_the_rows_are_where_tfx_puts_them(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(launcher, tmp_path, MODULE)

    graph = outcome["transform_graph"].path
    assert top_level(graph) == ["metadata", "transform_fn", "transformed_metadata"]
    assert (graph / "transform_fn/saved_model.pb").is_file()
    assert (graph / "transform_fn/assets/company").read_text("utf-8") == "a\nb\n"
    assert json.loads((graph / "transformed_metadata/asset_map").read_text("utf-8")) == {
        "company": "company"
    }
    transformed = outcome["transformed_examples"]
    assert json.loads(transformed.metadata["split_names"]) == ["eval", "train"]
    (file,) = (transformed.path / "Split-eval").iterdir()
    assert file.name == "transformed_examples-00000-of-00001.gz"
    for port in ("pre_transform_stats", "post_transform_stats"):
        assert top_level(outcome[port].path) == ["FeatureStats.pb"]
    for port in ("pre_transform_schema", "post_transform_schema"):
        assert top_level(outcome[port].path) == ["schema.pbtxt"]
    assert top_level(outcome["post_transform_anomalies"].path) == ["SchemaDiff.pb"]


def test_a_feature_that_the_schema_gave_up_is_named(
    launcher: Launcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(launcher, tmp_path, MODULE, {"disable_statistics": True}, schema=SCHEMA + GIVEN_UP)

    assert "feature 'tips' is not among the inputs: it has nothing in 'train', whole" in caplog.text
    assert "'old'" not in caplog.text


def test_a_function_that_asks_for_a_feature_that_the_schema_gave_up_is_told_why(
    launcher: Launcher, tmp_path: Path
) -> None:
    module = MODULE.replace('inputs["fare"]', 'inputs["tips"]')
    reason = r"'tips', which is not among .* it has nothing in 'train', whole numbers in 'e"

    with pytest.raises(TaskFailedError, match=reason):
        run(launcher, tmp_path, module, schema=SCHEMA + GIVEN_UP)


def test_rows_are_transformed_with_what_the_analyzed_split_says(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = run(launcher, tmp_path, MODULE)

    # Mean 5 and standard deviation sqrt(5), of `train` alone.
    records = tf.data.TFRecordDataset(
        ExamplesReader(outcome["transformed_examples"].path, "test")
        .tfrecord_files("eval")[0]
        .as_posix(),
        "GZIP",
    )
    first, second = (tf.train.Example.FromString(record.numpy()) for record in records)
    assert first.features.feature["fare_z"].float_list.value[:] == [0.0]
    assert first.features.feature["company_index"].int64_list.value[:] == [1]
    np.testing.assert_allclose(
        second.features.feature["fare_z"].float_list.value[:], [3 / 5**0.5], rtol=1e-6
    )
    assert second.features.feature["company_index"].int64_list.value[:] == [2]


def test_the_columnar_twin_holds_what_the_records_hold(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(launcher, tmp_path, MODULE)

    reader = ExamplesReader(outcome["transformed_examples"].path, "test")
    assert reader.has_columnar("train")
    (batch,) = reader.record_batches("train")
    (outcome["transformed_examples"].path / "columnar.json").unlink()
    (decoded,) = ExamplesReader(outcome["transformed_examples"].path, "test").record_batches(
        "train"
    )
    assert batch.equals(decoded)
    assert batch.column(batch.schema.names.index("company_index")).to_pylist()[3] == []


def test_the_graph_serves_raw_features(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(launcher, tmp_path, MODULE)

    transform = tft.TFTransformOutput(str(outcome["transform_graph"].path))
    layer = transform.transform_features_layer()
    served = layer(
        {
            "fare": tf.constant([5.0]),
            "company": tf.sparse.from_dense([["b"]]),
            "unused": tf.sparse.from_dense(tf.constant([[1]], tf.int64)),
        }
    )
    assert served["fare_z"].numpy().tolist() == [0.0]
    assert set(transform.raw_feature_spec()) == {"fare", "company", "unused"}
    assert transform.vocabulary_size_by_name("company") == 2


def test_statistics_before_are_of_the_features_that_are_used(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = run(launcher, tmp_path, MODULE)

    before = statistics.read(outcome["pre_transform_stats"].path).datasets[0]
    after = statistics.read(outcome["post_transform_stats"].path).datasets[0]
    assert (before.num_examples, after.num_examples) == (4, 6)
    assert sorted(feature.path.step[0] for feature in before.features) == ["company", "fare"]
    assert sorted(feature.path.step[0] for feature in after.features) == ["company_index", "fare_z"]
    anomalies = anomalies_pb2.Anomalies.FromString(
        (outcome["post_transform_anomalies"].path / "SchemaDiff.pb").read_bytes()
    )
    assert not anomalies.anomaly_info


VARIES = {"transform_graph/transform_fn/*.pb": "TensorFlow numbers the functions of a process."}
VARIES_ON_BEAM = {
    "updated_analyzer_cache/*": "Beam has an accumulator a bundle.",
    "post_transform_stats/*": "The last digits of sums; test_transform_beam.py compares them.",
}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = run(launcher, tmp_path, MODULE)

    assert (outcome["transform_graph"].path / "transform_fn/saved_model.pb").is_file()
    return outcome


def test_without_materialize_no_rows_are_written(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(launcher, tmp_path, MODULE, {"materialize": False, "disable_statistics": True})

    assert not list(outcome["transformed_examples"].path.glob("Split-*"))
    assert not list(outcome["post_transform_stats"].path.glob("*"))
    assert (outcome["transform_graph"].path / "transform_fn/saved_model.pb").is_file()


def test_a_function_without_analyzers_needs_no_rows(launcher: Launcher, tmp_path: Path) -> None:
    module = "def preprocessing_fn(inputs):\n    return {'double': inputs['fare'] * 2}\n"

    outcome = run(launcher, tmp_path, module, rows={"train": [], "eval": ROWS["eval"]})

    (batch,) = ExamplesReader(outcome["transformed_examples"].path, "test").record_batches("eval")
    assert batch.column(0).to_pylist() == [[10.0], [16.0]]


def test_splits_are_those_of_the_config(launcher: Launcher, tmp_path: Path) -> None:
    config = {"analyze": ["train", "eval"], "transform": ["eval"]}

    outcome = run(launcher, tmp_path, MODULE, {"splits_config": config})

    assert json.loads(outcome["transformed_examples"].metadata["split_names"]) == ["eval"]
    vocabulary = outcome["transform_graph"].path / "transform_fn/assets/company"
    assert vocabulary.read_text("utf-8") == "b\na\nnew\n"


def test_custom_config_reaches_a_function_that_asks_for_it(
    launcher: Launcher, tmp_path: Path
) -> None:
    module = (
        "def preprocessing_fn(inputs, custom_config):\n"
        "    return {'scaled': inputs['fare'] * custom_config['factor']}\n"
    )

    outcome = run(launcher, tmp_path, module, {"custom_config": {"factor": 3.0}})

    (batch,) = ExamplesReader(outcome["transformed_examples"].path, "test").record_batches("eval")
    assert batch.column(0).to_pylist() == [[15.0], [24.0]]


def test_the_module_may_adapt_the_statistics(launcher: Launcher, tmp_path: Path) -> None:
    module = MODULE + (
        "\n\ndef stats_options_updater_fn(stats_type, stats_options):\n"
        "    if stats_type == 1:\n"
        "        stats_options.num_top_values = 1\n"
        "    return stats_options\n"
    )

    outcome = run(launcher, tmp_path, module)

    before = statistics.read(outcome["pre_transform_stats"].path).datasets[0]
    (company,) = (f for f in before.features if f.path.step[0] == "company")
    assert [value.value for value in company.string_stats.top_values] == ["a"]


def test_a_cache_answers_for_the_rows_it_was_made_of_and_not_for_their_place(
    launcher: Launcher, tmp_path: Path
) -> None:
    wired = inputs(launcher, tmp_path, {**ROWS, "train": [(1.0, "z")]})
    cache = run(launcher, tmp_path, MODULE, wired=wired)["updated_analyzer_cache"]
    (folder,) = cache.path.iterdir()
    write_rows(wired["examples"].path, ROWS)

    fresh = run(launcher, tmp_path, MODULE, wired={**wired, "analyzer_cache": cache})
    (own,) = fresh["updated_analyzer_cache"].path.iterdir()
    assert vocabulary(fresh) == "a\nb\n"
    # The cached results of other rows, under the name of these rows, show that the cache is used.
    folder.rename(folder.with_name(own.name))
    again = run(launcher, tmp_path, MODULE, wired={**wired, "analyzer_cache": cache})

    assert vocabulary(again) == "z\n"
    kept = again["updated_analyzer_cache"].path / own.name
    assert (kept / "MANIFEST").read_bytes() == (
        folder.with_name(own.name) / "MANIFEST"
    ).read_bytes()


@pytest.mark.parametrize("columnar", [True, False])
def test_a_cache_answers_for_single_spans_of_another_range(
    columnar: bool, launcher: Launcher, tmp_path: Path
) -> None:
    for number, word in enumerate(("one", "two", "three"), start=1):
        write_rows(tmp_path / f"{number}", {"train": [(float(number), word), (2.0, "all")]})
        if not columnar:
            (tmp_path / f"{number}/columnar.json").unlink()
            shutil.rmtree(tmp_path / f"{number}/Columnar-train")
    wired = inputs(launcher, tmp_path)

    def transformed(name: str, *spans: int, **more: Any) -> Outcome:
        joined = tmp_path / name
        join([tmp_path / str(span) for span in spans], joined)
        return run(
            launcher, tmp_path, MODULE, wired={**wired, "examples": launcher.store(joined), **more}
        )

    alone = transformed("a", 1)["updated_analyzer_cache"].path
    cache = transformed("b", 1, 2)["updated_analyzer_cache"]
    fresh = transformed("c", 2, 3, analyzer_cache=cache)

    assert vocabulary(fresh) == "all\ntwo\nthree\n"
    first, second, third = (
        {*top_level(path)} for path in (alone, cache.path, fresh["updated_analyzer_cache"].path)
    )
    (two,) = second & third
    (one,) = first & second
    assert len(second) == len(third) == 2
    # The cached results of another span, under the name of this one, show that they are used.
    shutil.rmtree(cache.path / two)
    (cache.path / one).rename(cache.path / two)
    again = transformed("d", 2, 3, analyzer_cache=cache)
    assert vocabulary(again) == "all\nthree\none\n"


def test_spans_with_the_same_rows_both_count(launcher: Launcher, tmp_path: Path) -> None:
    for number in (1, 2):
        write_rows(tmp_path / f"{number}", {"train": [(1.0, "b"), (2.0, "b")]})
    write_rows(tmp_path / "3", {"train": [(3.0, "a"), (4.0, "a"), (5.0, "a")]})
    join([tmp_path / str(span) for span in (1, 2, 3)], tmp_path / "joined")
    wired = {**inputs(launcher, tmp_path), "examples": launcher.store(tmp_path / "joined")}

    assert vocabulary(run(launcher, tmp_path, MODULE, wired=wired)) == "b\na\n"


def vocabulary(outcome: Outcome) -> str:
    return (outcome["transform_graph"].path / "transform_fn/assets/company").read_text("utf-8")


def test_without_the_analyzer_cache_none_is_written(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(launcher, tmp_path, MODULE, {"disable_analyzer_cache": True})

    assert not list(outcome["updated_analyzer_cache"].path.rglob("*"))


def test_a_cache_that_would_run_code_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    wired = inputs(launcher, tmp_path)
    first = run(launcher, tmp_path, MODULE, wired=wired)
    (folder,) = first["updated_analyzer_cache"].path.iterdir()
    (folder / "MANIFEST").write_bytes(b"cos\nsystem\n(S'echo'\ntR.")

    wired["analyzer_cache"] = first["updated_analyzer_cache"]
    with pytest.raises(TaskFailedError, match=r"which is not a cache .*it names os\.system"):
        run(launcher, tmp_path, MODULE, wired=wired)


@pytest.mark.slow
def test_tensorflow_1_code_runs_when_it_is_forced(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(launcher, tmp_path, MODULE, {"force_tf_compat_v1": True})

    vocabulary = outcome["transform_graph"].path / "transform_fn/assets/company"
    assert vocabulary.read_text("utf-8") == "a\nb\n"
    assert outcome["transformed_examples"].path.joinpath("Split-eval").is_dir()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("def preprocess(inputs):\n    return inputs\n", r"has no function 'preprocessing_fn'"),
        ("def preprocessing_fn(inputs:\n", r"module\.py, line 1 is not Python"),
        (
            "def preprocessing_fn(inputs):\n    x = 1\n    return {'x': inputs['far']}\n",
            r"preprocessing_fn raised KeyError at module\.py, line 3: 'far'",
        ),
        ("def preprocessing_fn(inputs):\n    return None\n", r"returned NoneType, expected a dict"),
        ("def preprocessing_fn(inputs):\n    return {}\n", r"returned no feature"),
        (
            "def preprocessing_fn(inputs):\n    return {'x': 1.0}\n",
            r"returned \w+ as feature 'x', expected a tensor|feature 'x' of shape \(\)",
        ),
        (
            "import tensorflow as tf\n\n\n"
            "def preprocessing_fn(inputs):\n"
            "    return {'x': tf.cast(inputs['fare'], tf.float64)}\n",
            r"feature 'x' of type float64, but a tf\.Example holds int64, float32 or string",
        ),
        (
            "import tensorflow as tf\n\n\n"
            "def preprocessing_fn(inputs):\n"
            "    return {'x': tf.sparse.to_dense(inputs['company'])}\n",
            r"feature 'x' of shape \(None, None\), in which only the first dimension",
        ),
        (
            "import tensorflow_transform as tft\n\n\n"
            "def preprocessing_fn(inputs):\n    return {'mean': tft.mean(inputs['fare'])}\n",
            r"feature 'mean' of shape \(\), expected the rows as first dimension",
        ),
        (
            "def preprocessing_fn(inputs):\n    return {'x': inputs['fare'][:1]}\n",
            r"made 1 rows of 2, expected one for each",
        ),
        (
            "import tensorflow as tf\nimport tensorflow_transform as tft\n\n\n"
            "def preprocessing_fn(inputs):\n"
            "    two = tf.ensure_shape(inputs['fare'][:3], [2])\n"
            "    return {'x': inputs['fare'] - tft.mean(two)}\n",
            r"the graph of preprocessing_fn does not run on split 'train': .*[Ss]hape",
        ),
    ],
)
def test_a_mistake_in_the_module_is_told(
    launcher: Launcher, tmp_path: Path, module: str, message: str
) -> None:
    with pytest.raises(TaskFailedError, match=r"transform: .*" + message):
        run(launcher, tmp_path, module)


def test_both_or_neither_way_to_give_the_function_is_refused(
    launcher: Launcher, tmp_path: Path
) -> None:
    wired = inputs(launcher, tmp_path)
    with pytest.raises(TaskFailedError, match=r"neither `module_file` nor `preprocessing_fn`"):
        launcher.run("transform", {}, **wired)
    both = {"module_file": "module.py", "preprocessing_fn": "a.b"}
    with pytest.raises(TaskFailedError, match=r"both `module_file` and `preprocessing_fn`"):
        launcher.run("transform", both, **wired)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"analyze": ["trian"]},
            r"split 'trian' is not in `examples`, which has \['eval', 'train'",
        ),
        ({"analyze": ["train"], "transform": ["test"]}, r"split 'test' is not in `examples`"),
        ({"analyze": []}, r"names no split to analyze"),
        ({"analyse": ["train"]}, r"has \['analyse'\], expected 'analyze' and 'transform'"),
        ({"analyze": [1]}, r"sets 'analyze' to \[1\], expected a list of split names"),
    ],
)
def test_a_wrong_splits_config_is_refused(
    launcher: Launcher, tmp_path: Path, config: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        run(launcher, tmp_path, MODULE, {"splits_config": config})


def test_examples_of_another_payload_are_refused(launcher: Launcher, tmp_path: Path) -> None:
    wired = inputs(launcher, tmp_path)
    protos = {"payload_format": "FORMAT_PROTO"}
    wired["examples"] = launcher.store(tmp_path / "examples", protos)

    with pytest.raises(TaskFailedError, match=r"is FORMAT_PROTO, expected FORMAT_TF_EXAMPLE or FO"):
        run(launcher, tmp_path, MODULE, wired=wired)


def test_an_empty_split_cannot_be_analyzed(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(TaskFailedError, match=r"the splits to analyze, \['train'\], hold no row"):
        run(launcher, tmp_path, MODULE, rows={**ROWS, "train": []})


def test_a_feature_of_another_type_than_the_schemas_is_refused(
    launcher: Launcher, tmp_path: Path
) -> None:
    schema = SCHEMA.replace('"fare" type: FLOAT', '"fare" type: INT')

    message = r"the schema says feature 'fare' is INT, but split 'train' holds FLOAT"
    with pytest.raises(TaskFailedError, match=message):
        run(launcher, tmp_path, MODULE, schema=schema)


def test_a_feature_that_the_data_lack_is_refused_where_the_schema_fixes_its_shape(
    launcher: Launcher, tmp_path: Path
) -> None:
    schema = SCHEMA.replace('"fare"', '"price"')
    module = MODULE.replace('inputs["fare"]', 'inputs["price"]')

    message = r"feature 'price' holds 0 values in a row of split 'train', but the schema fixes 1"
    with pytest.raises(TaskFailedError, match=message):
        run(launcher, tmp_path, module, schema=schema)


@pytest.mark.slow
def test_the_same_is_told_where_beam_analyzes(launcher: Launcher, tmp_path: Path) -> None:
    rows = {**ROWS, "train": [(1.0, "a"), (None, "b")]}

    with pytest.raises(TaskFailedError, match=r"split 'train', .*; 1 of 2 rows differ"):
        run(launcher, tmp_path, MODULE, {"force_tf_compat_v1": True}, rows=rows)


def test_rows_without_a_value_are_counted(launcher: Launcher, tmp_path: Path) -> None:
    rows = {**ROWS, "eval": [(1.0, "a"), (None, "b")]}

    with pytest.raises(TaskFailedError, match=r"split 'eval', .*; 1 of 2 rows differ"):
        run(launcher, tmp_path, MODULE, rows=rows)


def test_the_written_schemas_describe_both_sides(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(launcher, tmp_path, MODULE)

    before = tfdv.load_schema_text(str(outcome["pre_transform_schema"].path / "schema.pbtxt"))
    assert before == text_format.Parse(SCHEMA, schema_pb2.Schema())
    after = tfdv.load_schema_text(str(outcome["post_transform_schema"].path / "schema.pbtxt"))
    index = next(feature for feature in after.feature if feature.name == "company_index")
    assert index.int_domain.is_categorical


def run(
    launcher: Launcher,
    tmp_path: Path,
    module: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    rows: Rows = ROWS,
    schema: str = SCHEMA,
    wired: Mapping[str, Any] | None = None,
) -> Outcome:
    """Runs transform with `module` as module file."""
    path = tmp_path / "module.py"
    path.write_text(module, "utf-8")
    if wired is None:
        wired = inputs(launcher, tmp_path, rows, schema)
    return launcher.run("transform", {"module_file": str(path), **(parameters or {})}, **wired)


def inputs(
    launcher: Launcher,
    tmp_path: Path,
    rows: Rows = ROWS,
    schema: str = SCHEMA,
) -> dict[str, Any]:
    write_rows(tmp_path / "examples", rows)
    directory = tmp_path / "schema"
    directory.mkdir(exist_ok=True)
    (directory / "schema.pbtxt").write_text(schema, "utf-8")
    return {
        "examples": launcher.store(tmp_path / "examples"),
        "schema": launcher.store(directory),
    }


def write_rows(directory: Path, rows: Rows) -> None:
    for split, pairs in rows.items():
        fares = [None if fare is None else [fare] for fare, _ in pairs]
        companies = [None if name is None else [name.encode()] for _, name in pairs]
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(companies, pa.large_list(pa.large_binary())),
                pa.array(fares, pa.large_list(pa.float32())),
            ],
            ["company", "fare"],
        )
        with ExamplesWriter(directory, split) as writer:
            writer.write(batch)


def top_level(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())
