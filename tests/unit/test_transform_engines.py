"""The embedded engine and TensorFlow Transform on Beam write the same transform graph."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from headrace_components.transform import analysis, analyzer_cache
from headrace_components.transform.application import GraphApplication
from headrace_components.transform.raw_data import RawColumns, RawData
from headrace_components.transform.requests import AnalysisRequest, AnalysisResult

SCHEMA = """
feature { name: "fare" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "tip" type: FLOAT value_count { max: 1 } }
feature { name: "miles" type: FLOAT presence { min_fraction: 1 } shape {} }
feature { name: "hour" type: INT presence { min_fraction: 1 } shape {} }
feature { name: "company" type: BYTES presence { min_fraction: 1 } shape {} }
feature { name: "words" type: BYTES }
feature { name: "unused" type: BYTES }
"""
NUM_ROWS = 500


@pytest.mark.slow
def test_scaling_and_buckets(tmp_path: Path) -> None:
    def preprocessing_fn(inputs: Any) -> Any:
        fare, miles = inputs["fare"], inputs["miles"]
        tip = inputs["tip"]
        one_wide = tf.SparseTensor(tip.indices, tip.values, [tip.dense_shape[0], 1])
        return {
            "z": tft.scale_to_z_score(fare),
            "unit": tft.scale_to_0_1(miles),
            "minmax": tft.scale_by_min_max(miles, -1.0, 1.0),
            "centered": miles - tft.mean(miles) + tft.var(miles) + tft.max(miles) - tft.min(miles),
            "hours": inputs["hour"] - tft.min(inputs["hour"]) + tft.size(inputs["hour"]),
            "bucket": tft.bucketize(miles, 7),
            "tip_bucket": tft.bucketize(inputs["tip"], 4),
            "interpolated": tft.apply_buckets_with_interpolation(
                miles, tft.quantiles(miles, 5, epsilon=0.01)
            ),
            "sparse_z": tft.scale_to_z_score(inputs["tip"]),
            "elementwise": tft.scale_to_z_score(tf.concat([fare, fare * 2], 1), elementwise=True),
            "gauss": tft.scale_to_gaussian(miles),
            "missing": tf.cast(tf.equal(tf.sparse.to_dense(one_wide), 0), tf.float32),
        }

    check_engines_agree(tmp_path, preprocessing_fn)


@pytest.mark.slow
def test_vocabularies(tmp_path: Path) -> None:
    def preprocessing_fn(inputs: Any) -> Any:
        company, words = inputs["company"], inputs["words"]
        outputs = {
            "all": tft.compute_and_apply_vocabulary(company, vocab_filename="all"),
            "top": tft.compute_and_apply_vocabulary(
                company, top_k=3, num_oov_buckets=2, vocab_filename="top"
            ),
            "frequent": tft.compute_and_apply_vocabulary(
                words, frequency_threshold=20, default_value=-7, vocab_filename="frequent"
            ),
            "hours": tft.compute_and_apply_vocabulary(inputs["hour"], vocab_filename="hours"),
            "top_hours": tft.compute_and_apply_vocabulary(
                inputs["hour"], top_k=4, vocab_filename="top_hours"
            ),
            "shuffled": tft.compute_and_apply_vocabulary(
                words, fingerprint_shuffle=True, vocab_filename="shuffled"
            ),
            "none": tft.compute_and_apply_vocabulary(
                company, frequency_threshold=10_000, vocab_filename="none"
            ),
            "reserved": tft.compute_and_apply_vocabulary(
                company, reserved_tokens=["<pad>", "b"], vocab_filename="reserved"
            ),
            "records": tft.compute_and_apply_vocabulary(
                company, file_format="tfrecord_gzip", vocab_filename="records"
            ),
            "one_by_key": tft.apply_vocabulary(
                company,
                tft.vocabulary(
                    company,
                    top_k=1,
                    coverage_top_k=1,
                    key_fn=lambda token: token[:1],
                    vocab_filename="one_by_key",
                ),
            ),
        }
        tft.vocabulary(company, store_frequency=True, vocab_filename="counted")
        tft.vocabulary(
            company, weights=inputs["hour"], store_frequency=True, vocab_filename="weighted"
        )
        return outputs

    check_engines_agree(tmp_path, preprocessing_fn)


@pytest.mark.slow
def test_analyzers_per_key_and_matrices(tmp_path: Path) -> None:
    def preprocessing_fn(inputs: Any) -> Any:
        company, miles = inputs["company"], inputs["miles"]
        pair = tf.stack([miles, tf.cast(inputs["hour"], tf.float32)], axis=1)
        keys, counts = tft.count_per_key(company)
        return {
            "z_per_key": tft.scale_to_z_score_per_key(miles, company),
            "unit_per_key": tft.scale_to_0_1_per_key(miles, company),
            "bucket_per_key": tft.bucketize_per_key(miles, company, 3),
            "stored": tft.scale_to_z_score_per_key(
                miles, company, key_vocabulary_filename="keys_of_miles"
            ),
            "covariance": pair @ tft.covariance(pair, tf.float32),
            "pca": pair @ tft.pca(pair, 1, tf.float32),
            "num_keys": tf.zeros_like(miles) + tf.cast(tf.size(keys), tf.float32),
            "num_rows": tf.zeros_like(inputs["hour"]) + tf.reduce_sum(counts),
        }

    check_engines_agree(tmp_path, preprocessing_fn)


@pytest.mark.slow
def test_analyzers_that_read_what_others_made(tmp_path: Path) -> None:
    def preprocessing_fn(inputs: Any) -> Any:
        index = tft.compute_and_apply_vocabulary(inputs["company"], vocab_filename="company")
        scaled = tft.scale_to_0_1(tf.cast(index, tf.float32))
        return {
            "index": index,
            "three_phases": tft.bucketize(scaled, 3),
            "tfidf": tft.tfidf(
                tft.compute_and_apply_vocabulary(inputs["words"], vocab_filename="words"), 20
            )[1],
            "table": tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(["a", "b"], [5.0, 6.0]), 0.0
            ).lookup(inputs["company"]),
        }

    check_engines_agree(tmp_path, preprocessing_fn)


@pytest.mark.slow
def test_ragged_and_sparse_features(tmp_path: Path) -> None:
    def preprocessing_fn(inputs: Any) -> Any:
        tokens = tf.RaggedTensor.from_sparse(inputs["words"])
        return {
            "words": inputs["words"],
            "ragged": tokens,
            "characters": tf.strings.unicode_split(tokens, "UTF-8"),
            "bigrams": tft.ngrams(inputs["words"], (1, 2), " "),
            "hashed": tft.hash_strings(inputs["company"], 10),
        }

    check_engines_agree(tmp_path, preprocessing_fn)


@pytest.mark.slow
def test_features_that_a_nan_does_not_let_scale_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def preprocessing_fn(inputs: Any) -> Any:
        holed = tf.where(inputs["hour"] == 3, np.float32(np.nan), inputs["miles"])
        return {
            "unit": tft.scale_to_0_1(holed),
            "ragged": tft.scale_by_min_max(tf.RaggedTensor.from_tensor(holed[:, tf.newaxis])),
            "per_key": tft.scale_to_0_1_per_key(holed, inputs["company"]),
            "z": tft.scale_to_z_score(holed),
            "whole": tft.scale_to_0_1(inputs["miles"]),
        }

    data = make_data(tmp_path)
    for engine in (analysis.analyze, analysis.analyze_on_beam):
        caplog.clear()
        engine(request(tmp_path / engine.__name__, data, preprocessing_fn))
        (warning,) = [text for text in caplog.messages if "hold NaN" in text]
        assert "features ['per_key', 'ragged', 'unit'] is NaN" in warning


@pytest.mark.slow
def test_shapes_that_analyzers_fix(tmp_path: Path) -> None:
    def preprocessing_fn(inputs: Any) -> Any:
        index = tft.compute_and_apply_vocabulary(inputs["company"], vocab_filename="company")
        depth = tf.cast(tft.experimental.get_vocabulary_size_by_name("company") + 1, tf.int32)
        one_hot = tf.reshape(tf.one_hot(index, depth), [-1, depth])
        words = tf.RaggedTensor.from_sparse(inputs["words"])
        lengths = tf.reshape(tf.strings.length(words.flat_values), [-1, 1])
        tiled = tf.tile(tf.cast(lengths, tf.int64), [1, depth])
        return {
            "one_hot": one_hot,
            "squares": one_hot[:, :, tf.newaxis] * one_hot[:, tf.newaxis, :],
            "ragged": words.with_flat_values(tiled),
            "index": index,
        }

    check_engines_agree(tmp_path, preprocessing_fn)

    spec = tft.TFTransformOutput(str(tmp_path / "embedded")).transformed_feature_spec()
    assert spec["one_hot"] == tf.io.FixedLenFeature([6], tf.float32)
    assert spec["squares"].shape == [6, 6]
    assert [partition.length for partition in spec["ragged"].partitions] == [6]


@pytest.mark.slow
def test_a_shape_that_no_analyzer_fixes_is_refused_alike(tmp_path: Path) -> None:
    def unknown_at_once(inputs: Any) -> Any:
        return {"wide": tf.sparse.to_dense(inputs["words"])}

    def unknown_for_ever(inputs: Any) -> Any:
        index = tft.compute_and_apply_vocabulary(inputs["words"])
        return {"wide": tf.sparse.to_dense(index)}

    data = make_data(tmp_path)
    for name, function in {"early": unknown_at_once, "late": unknown_for_ever}.items():
        for engine in (analysis.analyze, analysis.analyze_on_beam):
            graph = tmp_path / f"{name}_{engine.__name__}"
            with pytest.raises(InputError, match=r"feature 'wide' of shape .*tf\.ensure_shape"):
                engine(request(graph, data, function))


@pytest.mark.slow
@pytest.mark.parametrize("num_buckets", [2, 4])
def test_quantiles_by_column_refuse_a_column_of_nan_alike(tmp_path: Path, num_buckets: int) -> None:
    def preprocessing_fn(inputs: Any) -> Any:
        miles = inputs["miles"]
        pair = tf.stack([miles, miles * np.float32(np.nan)], axis=1)
        found = tft.quantiles(pair, num_buckets, 0.1, reduce_instance_dims=False)
        return {"sum": tf.zeros_like(miles) + tf.reduce_sum(found), "b": tft.bucketize(miles, 3)}

    data = make_data(tmp_path)
    for engine in (analysis.analyze, analysis.analyze_on_beam):
        with pytest.raises(InputError, match=r"in split 'train': all values there are NaN\."):
            engine(request(tmp_path / engine.__name__, data, preprocessing_fn))


@pytest.mark.slow
def test_what_the_interpreter_does_not_know_runs_on_beam(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def preprocessing_fn(inputs: Any) -> Any:
        return {
            "informative": tft.compute_and_apply_vocabulary(
                inputs["company"],
                labels=tf.cast(inputs["hour"] > 11, tf.int64),
                top_k=2,
                vocab_filename="informative",
            )
        }

    caplog.set_level("INFO")
    data = make_data(tmp_path)

    result = analysis.analyze(request(tmp_path / "graph", data, preprocessing_fn))

    assert "analyzing on Beam's in-memory runner: it needs" in caplog.text
    assert result.asset_map == {"informative": "informative"}
    assert outputs_of(tmp_path / "graph", result, data)["informative"].dtype == np.int64


def test_a_cache_is_named_after_the_rows_and_not_after_their_place(tmp_path: Path) -> None:
    data = make_data(tmp_path / "one")
    same = make_data(tmp_path / "two")
    other = make_data(tmp_path / "three", seed=8)

    key = analysis.dataset_key(data, "train")
    assert key.key.startswith("Split-train-")
    assert analysis.dataset_key(same, "train") == key
    assert analysis.dataset_key(other, "train") != key
    assert analysis.dataset_key(data.project(["fare"]), "train") != key
    # Without a twin the bytes of the files count, and not their sizes.
    (tmp_path / "two/examples/columnar.json").unlink()
    (file,) = (tmp_path / "two/examples/Split-train").iterdir()
    plain = make_data(tmp_path / "two", write=False)
    before = analysis.dataset_key(plain, "train")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert analysis.dataset_key(make_data(tmp_path / "two", write=False), "train") != before


def check_engines_agree(tmp_path: Path, preprocessing_fn: Any) -> None:
    """Compares all files of both engines, and the graphs' outputs for the same rows."""
    data = make_data(tmp_path)
    ours = analysis.analyze(request(tmp_path / "embedded", data, preprocessing_fn))
    theirs = analysis.analyze_on_beam(request(tmp_path / "beam", data, preprocessing_fn))

    assert ours.schema == theirs.schema
    assert ours.asset_map == theirs.asset_map
    assert ours.analyzed_columns == theirs.analyzed_columns
    assert ours.transformed_columns == theirs.transformed_columns
    for directory in ("transformed_metadata", "transform_fn/assets"):
        assert files(tmp_path / "embedded" / directory) == files(tmp_path / "beam" / directory)
    assert files(tmp_path / "embedded").keys() == files(tmp_path / "beam").keys()
    ours_rows = outputs_of(tmp_path / "embedded", ours, data)
    theirs_rows = outputs_of(tmp_path / "beam", theirs, data)
    assert ours_rows.keys() == theirs_rows.keys()
    for name, column in ours_rows.items():
        if column.dtype.kind == "f":
            np.testing.assert_allclose(column, theirs_rows[name], rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(column, theirs_rows[name], err_msg=name)
    key = analysis.dataset_key(data, "train")
    check_caches_agree(tmp_path / "embedded_cache", tmp_path / "beam_cache", key)


def check_caches_agree(ours: Path, theirs: Path, key: Any) -> None:
    ours_entries = analyzer_cache.read(ours, key)
    theirs_entries = analyzer_cache.read(theirs, key)
    assert ours_entries.keys() == theirs_entries.keys()
    for name, entries in ours_entries.items():
        if b"Quantiles" not in name and b"quantiles" not in name:  # a sketch's bytes vary
            assert sorted(entries) == sorted(theirs_entries[name]), name


def request(graph: Path, data: RawData, preprocessing_fn: Any) -> AnalysisRequest:
    cache = graph.with_name(graph.name + "_cache")
    temp_dir = graph.with_name(graph.name + "_temp")
    temp_dir.mkdir()
    return AnalysisRequest(
        component="transform",
        function=preprocessing_fn,
        data=data,
        examples=artifact(graph.parent / "examples"),
        splits=["train"],
        graph=artifact(graph),
        cache_input=None,
        cache_output=artifact(cache),
        force_tf_compat_v1=False,
        temp_dir=str(temp_dir),
    )


def artifact(path: Path) -> Artifact:
    return Artifact(key=path.name, name="", uri=str(path), path=path)


def make_data(tmp_path: Path, *, seed: int = 7, write: bool = True) -> RawData:
    if write:
        write_data(tmp_path, seed)
    schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
    reader = ExamplesReader(tmp_path / "examples", "transform")
    return RawData(reader, RawColumns(schema, "transform"))


def write_data(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    companies = random.choice(
        [b"a", b"b", b"bb", b"c", b"cc"], NUM_ROWS, p=[0.4, 0.2, 0.2, 0.1, 0.1]
    )
    words = [
        random.choice([b"to", b"be", b"or", b"not"], size).tolist()
        for size in random.integers(0, 4, NUM_ROWS)
    ]
    tips = [[tip] if tip > 0.3 else None for tip in random.random(NUM_ROWS).tolist()]
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([[name] for name in companies.tolist()], pa.large_list(pa.large_binary())),
            floats(random.lognormal(2, 1, NUM_ROWS)),
            pa.array(
                [[hour] for hour in random.integers(0, 24, NUM_ROWS)], pa.large_list(pa.int64())
            ),
            floats(random.lognormal(1, 1, NUM_ROWS)),
            pa.array(tips, pa.large_list(pa.float32())),
            pa.array(words, pa.large_list(pa.large_binary())),
        ],
        ["company", "fare", "hour", "miles", "tip", "words"],
    )
    with ExamplesWriter(tmp_path / "examples", "train") as writer:
        writer.write(batch)


def floats(values: Any) -> pa.Array:
    return pa.array([[value] for value in values.tolist()], pa.large_list(pa.float32()))


def outputs_of(graph: Path, result: AnalysisResult, data: RawData) -> Mapping[str, Any]:
    used = data.project(result.transformed_columns)
    application = GraphApplication(
        f"{graph}/transform_fn", result.schema, used.columns, "transform"
    )
    (raw,) = used.record_batches("train")
    batch = application.transformed(raw, "train")
    return {name: flat(batch.column(index)) for index, name in enumerate(batch.schema.names)}


def flat(column: pa.Array) -> Any:
    while pa.types.is_large_list(column.type) or pa.types.is_list(column.type):
        column = column.flatten()
    return np.array(column.to_pylist())


def files(directory: Path) -> Mapping[str, bytes]:
    """Contents by relative path; gzip files without their header, which contains a time."""
    return {
        str(path.relative_to(directory)): gzip.decompress(path.read_bytes())
        if path.suffix == ".gz"
        else path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
