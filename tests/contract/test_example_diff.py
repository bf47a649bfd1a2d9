"""Contract of example_diff: the same results as TFDV, its files, and what it refuses."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_data_validation.skew import feature_skew_detector
from tensorflow_data_validation.skew.protos import feature_skew_results_pb2

from headrace_components.example_diff import found as found_module
from headrace_components.library.data.examples import (
    BYTES_LIST,
    FLOAT_LIST,
    INT_LIST,
    ExamplesReader,
    ExamplesWriter,
    examples_metadata,
)
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

Found = dict[str, list[Any]]
"""Messages by kind of file, sorted."""


def batch(**columns: tuple[pa.DataType, Sequence[Any]]) -> pa.RecordBatch:
    arrays = [pa.array(values, kind) for kind, values in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


BASE = batch(
    id=(INT_LIST, [[0], [1], [2], [3], [4], [4], None, []]),
    day=(BYTES_LIST, [[b"mon"], [b"mon"], [b"tue"], [b"tue"], *[[b"wed"]] * 4]),
    fare=(FLOAT_LIST, [[1.0], [2.004], [float("nan")], [0.0], [5.0], [6.0], [7.0], [8.0]]),
    legs=(INT_LIST, [[1, 2], [1, 2], [], None, [3], [4], [5], [6]]),
    area=(BYTES_LIST, [[b"north"], [b"south"], None, [], [b"west"], [b"east"], None, None]),
    odd=(INT_LIST, [[1], [], None, None, None, None, None, None]),
    only_base=(INT_LIST, [[1], None, None, None, None, None, None, None]),
    only_test=(pa.null(), [None] * 8),
)
TEST = batch(
    id=(INT_LIST, [[4], [3], [2], [1], [0], [9], None, [4]]),
    day=(BYTES_LIST, [[b"wed"], [b"tue"], [b"tue"], [b"mon"], [b"mon"], *[[b"wed"]] * 3]),
    fare=(FLOAT_LIST, [[5.0], [-0.0], [float("nan")], [2.0], [1.5], [9.0], [7.0], [4.0]]),
    legs=(INT_LIST, [[3], [], [], [1, 3], [1, 2], [4], [5], [6, 7]]),
    area=(BYTES_LIST, [[b"west"], [b"mars"], None, [b"south"], [b"south"], None, None, None]),
    odd=(FLOAT_LIST, [None, None, None, None, [1.0], None, None, None]),
    only_base=(pa.null(), [None] * 8),
    only_test=(BYTES_LIST, [None, [b"x"], None, None, None, None, None, None]),
)


def random_rows(seed: int, num_rows: int = 2_000) -> pa.RecordBatch:
    """Returns rows; those of two seeds share many identifiers and values."""
    random = np.random.default_rng(seed)

    def lists(make: Callable[[int], Any], most: int) -> list[Any]:
        sizes = random.integers(-1, most + 1, num_rows)
        return [None if size < 0 else list(make(size)) for size in sizes]

    return batch(
        id=(INT_LIST, [[value] for value in random.integers(0, num_rows, num_rows)]),
        route=(BYTES_LIST, [[b"a"] * size for size in random.integers(0, 3, num_rows)]),
        fare=(FLOAT_LIST, lists(lambda size: random.integers(0, 3, size) / 8, 1)),
        legs=(INT_LIST, lists(lambda size: random.integers(0, 2, size), 3)),
        area=(BYTES_LIST, lists(lambda size: random.choice([b"n", b"s"], size).tolist(), 1)),
    )


RANDOM = random_rows(1), random_rows(2)


def store(launcher: Launcher, scratch: Path, **splits: pa.RecordBatch) -> Stored:
    for name, rows in splits.items():
        with ExamplesWriter(scratch, name, rows_per_shard=700) as writer:
            for start in range(0, rows.num_rows, 350):
                writer.write(rows.slice(start, 350))
    return launcher.store(scratch, examples_metadata(list(splits)))


def skew(identifiers: Sequence[str], **fields: Any) -> dict[str, Any]:
    return {"paired_example_skew": {"identifier_features": list(identifiers), **fields}}


def diff(
    launcher: Launcher,
    scratch: Path,
    config: Mapping[str, Any],
    test: pa.RecordBatch = TEST,
    base: pa.RecordBatch = BASE,
) -> Outcome:
    """Compares the split `train` of two artifacts."""
    return launcher.run(
        "example_diff",
        {"config": config},
        examples=store(launcher, scratch / "test", train=test),
        baseline_examples=store(launcher, scratch / "base", train=base),
    )


def pair_directory(outcome: Outcome, pair: str = "train_train") -> Path:
    return outcome["example_diff_result"].path / f"SplitPair-{pair}"


def found(directory: Path) -> Found:
    """Reads all files with TFDV's own readers."""
    readers: Mapping[str, Callable[[str], Iterator[Any]]] = {
        "skew_stats": feature_skew_detector.skew_results_iterator,
        "match_stats": feature_skew_detector.match_stats_iterator,
        "sample_pairs": feature_skew_detector.skew_pair_iterator,
        "confusion": feature_skew_detector.confusion_count_iterator,
    }
    return ordered({name: list(read(str(directory / name))) for name, read in readers.items()})


def ordered(messages: Found) -> Found:
    """Sorts the unsorted results of TFDV, and makes records comparable."""
    for pair in messages["sample_pairs"]:
        for names in ("matched_features", "mismatched_features", "base_only_features"):
            getattr(pair, names).sort()
        pair.test_only_features.sort()
        pair.base, pair.test = _canonical(pair.base), _canonical(pair.test)
    return {name: sorted(each, key=str) for name, each in messages.items()}


def _canonical(record: bytes) -> bytes:
    canonical: bytes = tf.train.Example.FromString(record).SerializeToString(deterministic=True)
    return canonical


def tfdv(
    scratch: Path, identifiers: Sequence[str], confused: Sequence[str] = (), **options: Any
) -> Found:
    """Runs TFDV's own pipeline on the inputs that `diff` stored."""

    def examples(name: str) -> list[Any]:
        reader = ExamplesReader(scratch / name, "test")
        records = [record for batch in reader.serialized("train") for record in batch]
        return [tf.train.Example.FromString(record) for record in records]

    detect = feature_skew_detector.DetectFeatureSkewImpl(
        list(identifiers),
        confusion_configs=[feature_skew_detector.ConfusionConfig(name) for name in confused],
        **options,
    )
    sinks = {
        "skew_stats": (feature_skew_detector.SKEW_RESULTS_KEY, "skew_results_sink"),
        "match_stats": (feature_skew_detector.MATCH_STATS_KEY, "match_stats_sink"),
        "sample_pairs": (feature_skew_detector.SKEW_PAIRS_KEY, "skew_pair_sink"),
        "confusion": (feature_skew_detector.CONFUSION_KEY, "confusion_count_sink"),
    }
    directory = scratch / "tfdv"
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        base, test = (
            pipeline | name >> beam.Create(examples(name), reshuffle=False)
            for name in ("base", "test")
        )
        results = (base, test) | detect
        for name, (key, sink) in sinks.items():
            if key in results:
                write = getattr(feature_skew_detector, sink)(str(directory / name))
                _ = results[key] | f"Write {name}" >> write
    return found(directory)


@pytest.mark.parametrize("allow_duplicates", [False, True])
@pytest.mark.parametrize("digits", [None, 2])
def test_each_kind_of_difference_is_that_of_tfdv(
    digits: int | None, allow_duplicates: bool, launcher: Launcher, tmp_path: Path
) -> None:
    fields: dict[str, Any] = {"allow_duplicate_identifiers": allow_duplicates}
    if digits is not None:
        fields["float_round_ndigits"] = digits
    confused = {"confusion_config": [{"feature_name": "area"}], "skew_sample_size": 100}

    outcome = diff(launcher, tmp_path, skew(["id", "day"], **fields, **confused))

    assert found(pair_directory(outcome)) == tfdv(
        tmp_path,
        ["id", "day"],
        ["area"],
        sample_size=100,
        float_round_ndigits=digits,
        allow_duplicate_identifiers=allow_duplicates,
    )


def test_many_rows_with_lists_of_any_length_differ_as_tfdv_says(
    launcher: Launcher, tmp_path: Path
) -> None:
    config = skew(
        ["id", "route"],
        ignore_features=["fare"],
        allow_duplicate_identifiers=True,
        skew_sample_size=10_000,
        confusion_config=[{"feature_name": "area"}],
    )

    outcome = diff(launcher, tmp_path, config, *RANDOM)

    expected = tfdv(
        tmp_path,
        ["id", "route"],
        ["area"],
        features_to_ignore=["fare"],
        sample_size=10_000,
        allow_duplicate_identifiers=True,
    )
    assert len(expected["sample_pairs"]) > 300
    assert found(pair_directory(outcome)) == expected


def test_pairs_are_compared_some_at_a_time(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    confused = {"confusion_config": [{"feature_name": "area"}], "skew_sample_size": 10_000}
    config = skew(["id"], allow_duplicate_identifiers=True, **confused)
    at_once = found(pair_directory(diff(launcher, tmp_path / "at_once", config, *RANDOM)))

    monkeypatch.setattr(found_module, "_MAX_PAIRS", 37)
    in_parts = found(pair_directory(diff(launcher, tmp_path / "in_parts", config, *RANDOM)))

    assert at_once["match_stats"][0].matching_pairs_count > 37
    assert in_parts == at_once


def test_base_is_the_baseline_and_test_is_the_data_under_test(
    launcher: Launcher, tmp_path: Path
) -> None:
    config = skew(["id", "day"], skew_sample_size=100)

    everything = found(pair_directory(diff(launcher, tmp_path, config)))

    by_name = {message.feature_name: message for message in everything["skew_stats"]}
    assert (by_name["only_base"].base_only, by_name["only_base"].test_only) == (1, 0)
    assert (by_name["only_test"].base_only, by_name["only_test"].test_only) == (0, 1)
    (pair,) = [
        item for item in everything["sample_pairs"] if "only_base" in item.base_only_features
    ]
    assert tf.train.Example.FromString(pair.base).features.feature["fare"].float_list.value == [1.0]
    assert tf.train.Example.FromString(pair.test).features.feature["fare"].float_list.value == [1.5]


def test_a_row_without_a_feature_is_like_one_whose_feature_is_empty(
    launcher: Launcher, tmp_path: Path
) -> None:
    base = batch(id=(INT_LIST, [[1], [2], [3]]))
    test = batch(id=(INT_LIST, [[1], [2], [3]]), tip=(FLOAT_LIST, [[], None, [1.0]]))

    everything = found(pair_directory(diff(launcher, tmp_path, skew(["id"]), test, base)))

    assert everything["skew_stats"] == [
        feature_skew_results_pb2.FeatureSkew(
            feature_name="tip", test_count=1, match_count=2, test_only=1, diff_count=1
        )
    ]


def test_floats_are_compared_bit_by_bit_unless_digits_are_given(
    launcher: Launcher, tmp_path: Path
) -> None:
    base = batch(id=(INT_LIST, [[1], [2]]), fare=(FLOAT_LIST, [[2.004], [0.1]]))
    test = batch(id=(INT_LIST, [[1], [2]]), fare=(FLOAT_LIST, [[2.0], [0.4]]))

    def mismatches(name: str, **fields: int) -> int:
        outcome = diff(launcher, tmp_path / name, skew(["id"], **fields), test, base)
        (message,) = found(pair_directory(outcome))["skew_stats"]
        count: int = message.mismatch_count
        return count

    assert mismatches("exact") == 2
    assert mismatches("hundredths", float_round_ndigits=2) == 1
    assert mismatches("whole", float_round_ndigits=0) == 0


def test_a_sample_has_the_size_asked_for_and_is_the_same_in_each_run(
    launcher: Launcher, tmp_path: Path
) -> None:
    config = skew(["id"], skew_sample_size=7)

    first, second = (
        found(
            pair_directory(diff(launcher, tmp_path / run, config, random_rows(1), random_rows(2)))
        )
        for run in ("first", "second")
    )

    assert len(first["sample_pairs"]) == 7
    assert first == second


def test_every_split_is_compared_with_every_other_unless_pairs_are_named(
    launcher: Launcher, tmp_path: Path
) -> None:
    test = store(launcher, tmp_path / "test", train=TEST, eval=TEST)
    base = store(launcher, tmp_path / "base", train=BASE)

    def pairs(**parameters: Any) -> list[str]:
        outcome = launcher.run(
            "example_diff",
            {"config": skew(["id"]), **parameters},
            examples=test,
            baseline_examples=base,
        )
        return sorted(path.name for path in outcome["example_diff_result"].path.iterdir())

    assert pairs() == ["SplitPair-eval_train", "SplitPair-train_train"]
    assert pairs(include_split_pairs=[["eval", "train"]]) == ["SplitPair-eval_train"]


def test_files_have_the_names_that_tfx_gives_them(launcher: Launcher, tmp_path: Path) -> None:
    outcome = diff(launcher, tmp_path, skew(["id"]))

    names = sorted(path.name for path in pair_directory(outcome).iterdir())
    assert names == [
        "match_stats-00000-of-00001",
        "sample_pairs-00000-of-00001",
        "skew_stats-00000-of-00001",
    ]


def test_a_split_without_rows_has_no_pair_and_is_no_error(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = diff(launcher, tmp_path, skew(["id", "day"]), test=TEST.slice(0, 0))

    everything = found(pair_directory(outcome))
    assert everything["skew_stats"] == []
    assert everything["match_stats"] == [
        feature_skew_results_pb2.MatchStats(
            base_with_id_count=6,
            identifiers_count=5,
            ids_missing_in_test_count=5,
            duplicate_id_count=1,
            base_missing_id_count=2,
        )
    ]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "names no `identifier_features`, so rows cannot be paired"),
        ({"paired_skew": {}}, r"config has \['paired_skew'\], expected fields of"),
        ({"paired_example_skew": []}, r"config.paired_example_skew is \[\], expected an object"),
        (skew([]), "names no `identifier_features`"),
        (skew(["id"], identifier=["id"]), r"paired_example_skew has \['identifier'\], expected"),
        (skew(["id"], ignore_features="fare"), "ignore_features is 'fare', expected a list of"),
        (skew(["id"], skew_sample_size=-1), r"skew_sample_size is -1, expected a whole number"),
        (skew(["id"], float_round_ndigits=1.5), "float_round_ndigits is 1.5, expected a whole"),
        (skew(["id"], allow_duplicate_identifiers=1), "allow_duplicate_identifiers is 1, expect"),
        (skew(["id"], confusion_config=["area"]), "confusion_config is 'area', expected an object"),
        (skew(["id"], confusion_config=[{}]), r"confusion_config is \[None\], expected a list"),
        (skew(["idd"]), r"`identifier_features` names 'idd', which no row .* Did you mean 'id'\?"),
        (
            skew(["only_base"]),
            r"identifier 'only_base' holds int64 in `baseline_examples` and no value in `examples`",
        ),
        (skew(["odd"]), "holds int64 in `baseline_examples` and float in `examples`"),
        (
            skew(["id"], confusion_config=[{"feature_name": "fare"}]),
            "names 'fare', which holds float in `baseline_examples`, expected strings",
        ),
        (
            skew(["id"], confusion_config=[{"feature_name": "zone"}]),
            "`confusion_config` names 'zone', which no row",
        ),
    ],
)
def test_a_config_that_compares_nothing_is_refused(
    config: Mapping[str, Any], message: str, launcher: Launcher, tmp_path: Path
) -> None:
    with pytest.raises(TaskFailedError, match=f"example_diff: .*{message}"):
        diff(launcher, tmp_path, config)


def test_a_confused_feature_has_one_value_a_row(launcher: Launcher, tmp_path: Path) -> None:
    rows = batch(id=(INT_LIST, [[1]]), tags=(BYTES_LIST, [[b"a", b"b"]]))

    config = skew(["id"], confusion_config=[{"feature_name": "tags"}])
    with pytest.raises(TaskFailedError, match="names 'tags', which has 2 values in some row"):
        diff(launcher, tmp_path, config, rows, rows)


def test_records_that_are_no_examples_are_refused(launcher: Launcher, tmp_path: Path) -> None:
    examples = store(launcher, tmp_path / "test", train=TEST)
    metadata = {**examples.metadata, "payload_format": "FORMAT_PROTO"}
    other = Stored(uri=examples.uri, path=examples.path, metadata=metadata)

    with pytest.raises(TaskFailedError, match="`examples` has payload format 'FORMAT_PROTO'"):
        launcher.run(
            "example_diff", {"config": skew(["id"])}, examples=other, baseline_examples=examples
        )


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = diff(launcher, tmp_path, skew(["id", "day"]))

    (stats,) = found(pair_directory(outcome))["match_stats"]
    assert json.loads(outcome["example_diff_result"].metadata.get("split_names", "[]")) == []
    assert stats.matching_pairs_count == 8
    return outcome
