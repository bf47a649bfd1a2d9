"""Data components on Beam do the same as without it: the same outputs, the same refusals."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.skew import feature_skew_detector

from headrace_components.example_diff import beam_engine as diff_on_beam
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.examples import (
    BYTES_LIST,
    FLOAT_LIST,
    INT_LIST,
    ExamplesReader,
    ExamplesWriter,
    examples_metadata,
)
from headrace_components.library.data.tfrecord import read_records
from support.cases.saved_models import save_model, set_methods
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError
from support.oracles.statistics import differences

IN_MEMORY = ["--runner=DirectRunner"]
PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]

NUM_ROWS = 6_000


def flights(seed: int, num_rows: int = NUM_ROWS) -> pa.RecordBatch:
    """Returns rows with missing features, with several values, and with no value at all."""
    random = np.random.default_rng(seed)
    hours = random.integers(0, 24, num_rows)
    delays = random.integers(-10, 60, num_rows)
    columns = {
        "id": pa.array([[row] for row in random.integers(0, num_rows, num_rows)], INT_LIST),
        "hour": pa.array([[hour] for hour in hours], FLOAT_LIST),
        "delay": pa.array([[d] if d % 7 else None for d in delays], INT_LIST),
        "origin": pa.array(
            [[b"JFK", b"LGA", b"EWR"][h % 3 : h % 3 + 1] for h in hours], BYTES_LIST
        ),
        "stops": pa.array([[1] * (d % 3) for d in delays], INT_LIST),
        "nothing": pa.nulls(num_rows),
    }
    names = sorted(columns)
    return pa.RecordBatch.from_arrays([columns[name] for name in names], names)


def store(
    launcher: Launcher, scratch: Path, *, columnar: bool = True, **splits: pa.RecordBatch
) -> Stored:
    """Puts an Examples artifact of several files into the store."""
    for name, rows in splits.items():
        with ExamplesWriter(scratch, name, columnar=columnar, rows_per_shard=2_500) as writer:
            for start in range(0, rows.num_rows, 500):
                writer.write(rows.slice(start, 500))
    return launcher.store(scratch, examples_metadata(list(splits), span=3))


def records(examples: Stored, split: str) -> list[bytes]:
    reader = ExamplesReader(examples.path, "test")
    return sorted(record for some in reader.serialized(split) for record in some)


def failure(
    launcher: Launcher, component: str, parameters: Mapping[str, Any], **inputs: Any
) -> str:
    with pytest.raises(TaskFailedError) as raised:
        launcher.run(component, parameters, **inputs)
    return str(raised.value)


BY_BATCH = """
import pyarrow.compute as pc

def filter_batch_fn(batch):
    return pc.greater(pc.fill_null(pc.list_value_length(batch["delay"]), 0), 0)
"""
BY_RECORD = """
def filter_fn(serialized):
    return b"JFK" in serialized
"""


def filtered(
    launcher: Launcher, examples: Stored, module: Path, source: str, args: list[str]
) -> Outcome:
    module.write_text(source, "utf-8")
    parameters = {"module_file": str(module), "beam_pipeline_args": args}
    return launcher.run("filter_examples", parameters, examples=examples)


@pytest.mark.parametrize(
    ("source", "columnar", "args"),
    [
        pytest.param(BY_BATCH, True, PROCESSES, marks=pytest.mark.slow),
        (BY_BATCH, False, IN_MEMORY),
        (BY_RECORD, True, IN_MEMORY),
        (BY_RECORD, False, IN_MEMORY),
    ],
    ids=["batches_of_a_twin", "batches", "records_beside_a_twin", "records"],
)
def test_the_same_rows_are_kept(
    source: str, columnar: bool, args: list[str], launcher: Launcher, tmp_path: Path
) -> None:
    rows = {"train": flights(1), "eval": flights(2, 40), "none": flights(3, 0)}
    examples = store(launcher, tmp_path / "examples", columnar=columnar, **rows)

    expected, found = (
        filtered(launcher, examples, tmp_path / "module.py", source, each)["filtered_examples"]
        for each in ([], args)
    )

    assert found.metadata == expected.metadata
    reader = ExamplesReader(found.path, "test")
    for split in rows:
        assert records(found, split) == records(expected, split)
        has_columnar = ExamplesReader(expected.path, "test").has_columnar(split)
        assert reader.has_columnar(split) == has_columnar
        if has_columnar:
            twin = [r for batch in reader.record_batches(split) for r in encode_examples(batch)]
            assert sorted(twin) == records(found, split)


@pytest.mark.parametrize(
    "source",
    [
        "def filter_fn(x):\n    raise KeyError('fare')",
        "def filter_fn(x): return False",
        "def filter_batch_fn(x): return [True]",
        "def keep(x): ...",
    ],
    ids=["raises", "keeps_none", "no_mask", "no_function"],
)
def test_a_filter_is_refused_in_the_same_words(
    source: str, launcher: Launcher, tmp_path: Path
) -> None:
    examples = store(launcher, tmp_path / "examples", train=flights(1, 100))
    (tmp_path / "module.py").write_text(source, "utf-8")
    module = {"module_file": str(tmp_path / "module.py")}

    expected, found = (
        failure(
            launcher, "filter_examples", {**module, "beam_pipeline_args": args}, examples=examples
        )
        for args in ([], IN_MEMORY)
    )

    assert found == expected


def summarised(launcher: Launcher, examples: Stored, args: list[str], **parameters: Any) -> Outcome:
    return launcher.run(
        "statistics_gen", {"beam_pipeline_args": args, **parameters}, examples=examples
    )


def of_split(outcome: Outcome, split: str = "train") -> Any:
    path = outcome["statistics"].path / f"Split-{split}/FeatureStats.pb"
    return tfdv.load_stats_binary(str(path))


WEIGHTED = {"weight_feature": "hour", "feature_allowlist": ["hour", "origin", "stops", "delay"]}


@pytest.mark.parametrize(
    ("options", "columnar"), [({}, True), (WEIGHTED, False)], ids=["all", "weighted"]
)
def test_statistics_are_the_same(
    options: Mapping[str, Any], columnar: bool, launcher: Launcher, tmp_path: Path
) -> None:
    rows = {"train": flights(1), "none": flights(3, 0)}
    examples = store(launcher, tmp_path / "examples", columnar=columnar, **rows)

    expected, found = (
        summarised(launcher, examples, args, stats_options=options) for args in ([], IN_MEMORY)
    )

    assert found["statistics"].metadata == expected["statistics"].metadata
    assert found["report"].path.read_bytes() == expected["report"].path.read_bytes()
    for split in rows:
        assert differences(of_split(expected, split), of_split(found, split)) == []


def test_a_sample_is_the_same_rows_in_each_run_on_beam(launcher: Launcher, tmp_path: Path) -> None:
    examples = store(launcher, tmp_path / "examples", train=flights(1))

    first, second = (
        of_split(summarised(launcher, examples, IN_MEMORY, sample_rate=0.3)) for _ in range(2)
    )

    assert differences(first, second) == []
    assert 0.27 * NUM_ROWS < first.datasets[0].num_examples < 0.33 * NUM_ROWS


def test_statistics_of_a_slice_are_those_of_its_rows(launcher: Launcher, tmp_path: Path) -> None:
    whole = flights(1)
    examples = store(launcher, tmp_path / "examples", train=whole)
    specs = [{"feature_keys": ["stops", "origin"]}, {"feature_values": {"origin": "JFK"}}]
    options = {"slicing_config": {"slicing_specs": specs}}

    sliced = of_split(summarised(launcher, examples, IN_MEMORY, stats_options=options))

    assert [data.name for data in sliced.datasets[:4]] == [
        "All Examples",
        "origin_EWR_stops_1",
        "origin_JFK",
        "origin_JFK_stops_1",
    ]
    from_jfk = whole.filter(pa.array([row == [b"JFK"] for row in whole["origin"].to_pylist()]))
    for index, rows in ((0, whole), (2, from_jfk)):
        alone = store(launcher, tmp_path / f"alone{index}", train=rows)
        expected = of_split(summarised(launcher, alone, []))
        expected.datasets[0].name = sliced.datasets[index].name
        found = type(sliced)(datasets=[sliced.datasets[index]])
        assert differences(expected, found) == []


def test_a_label_lifts_other_features(launcher: Launcher, tmp_path: Path) -> None:
    examples = store(launcher, tmp_path / "examples", train=flights(1))
    schema = tmp_path / "schema"
    schema.mkdir()
    lines = ('feature { name: "origin" type: BYTES }', 'feature { name: "stops" type: INT }')
    (schema / "schema.pbtxt").write_text("\n".join(lines).replace("INT", "INT bool_domain {}"))
    inputs: dict[str, Any] = {"examples": examples, "schema": launcher.store(schema)}

    def run(label: str, args: list[str]) -> Outcome:
        parameters = {"stats_options": {"label_feature": label}, "beam_pipeline_args": args}
        return launcher.run("statistics_gen", parameters, **inputs)

    found = of_split(run("origin", IN_MEMORY))
    (stops,) = [feature for feature in found.datasets[0].features if feature.path.step == ["stops"]]
    assert [each.name for each in stops.custom_stats] == [
        f"Lift (Y={origin})" for origin in ("EWR", "JFK", "LGA")
    ]
    with pytest.raises(TaskFailedError, match=r"\['label_feature'\], which TFDV computes on Beam"):
        run("origin", [])
    with pytest.raises(TaskFailedError, match=r"categorical features are \['origin', 'stops'\]\."):
        run("hour", IN_MEMORY)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_feature": "delay", "feature_allowlist": ["delay", "origin"]},
        {"feature_allowlist": ["fare"]},
        {"slicing_config": {"slicing_specs": [{}]}},
    ],
    ids=["two_types", "weight", "allowlist", "slices"],
)
def test_rows_without_statistics_are_refused_in_the_same_words(
    options: Mapping[str, Any], launcher: Launcher, tmp_path: Path
) -> None:
    whole = flights(1)
    delays = pa.array([[b"late"]] * NUM_ROWS, BYTES_LIST)
    other = pa.RecordBatch.from_arrays([delays, *whole.columns[1:]], whole.schema.names)
    with ExamplesWriter(tmp_path / "rows", "train", columnar=False, rows_per_shard=1) as writer:
        for batch in (whole, whole, whole if options else other):
            writer.write(batch)
    examples = launcher.store(tmp_path / "rows", examples_metadata(["train"]))

    expected, found = (
        failure(
            launcher,
            "statistics_gen",
            {"stats_options": options, "beam_pipeline_args": args},
            examples=examples,
        )
        for args in ([], IN_MEMORY)
    )

    assert found == expected


def test_a_slice_by_what_no_row_has_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    examples = store(launcher, tmp_path / "examples", train=flights(1, 100))
    options = {"slicing_config": {"slicing_specs": [{"feature_keys": ["orgin"]}]}}

    with pytest.raises(TaskFailedError, match=r"`slicing_config` names \['orgin'\], which no row"):
        summarised(launcher, examples, IN_MEMORY, stats_options=options)
    with pytest.raises(TaskFailedError, match=r"\['slicing_config'\], which TFDV computes on Beam"):
        summarised(launcher, examples, [], stats_options=options)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


COLUMNS = [{"output_key": "score", "output_column": "twice"}]
COLUMNS_OF_PREDICT = {
    "output_example_spec": {
        "output_columns_spec": [{"predict_output": {"output_columns": COLUMNS}}]
    }
}


def predicted(
    launcher: Launcher,
    model: Path,
    examples: list[Stored],
    args: list[str],
    parameters: Mapping[str, Any],
) -> Outcome:
    return launcher.run(
        "bulk_inferrer",
        {**parameters, "beam_pipeline_args": args},
        model=launcher.store(model),
        examples=examples,
    )


@pytest.mark.parametrize(
    "parameters",
    [{}, {"model_spec": {"model_signature_name": ["classify", "regress"]}}],
    ids=["predict", "several"],
)
def test_prediction_logs_are_the_same(
    parameters: Mapping[str, Any], launcher: Launcher, model_folder: Path, tmp_path: Path
) -> None:
    examples = [
        store(launcher, tmp_path / "one", train=flights(1), eval=flights(2, 30)),
        store(launcher, tmp_path / "two", eval=flights(3, 40), none=flights(4, 0)),
    ]

    expected, found = (
        predicted(launcher, model_folder, examples, args, parameters)["inference_result"]
        for args in ([], IN_MEMORY)
    )

    files = sorted(found.path.iterdir())
    assert [file.name for file in files] == [
        f"prediction_logs-{index:05d}-of-{len(files):05d}.gz" for index in range(len(files))
    ]
    (file,) = expected.path.iterdir()
    logs = sorted(log for file in files for log in read_records(file))
    assert logs == sorted(read_records(file))
    assert len(logs) == NUM_ROWS + 70


@pytest.mark.parametrize("columnar", [True, False])
def test_examples_get_the_same_columns(
    columnar: bool, launcher: Launcher, model_folder: Path, tmp_path: Path
) -> None:
    rows = {"train": flights(1), "none": flights(3, 0)}
    examples = [store(launcher, tmp_path / "examples", columnar=columnar, **rows)]

    expected, found = (
        predicted(launcher, model_folder, examples, args, COLUMNS_OF_PREDICT)["output_examples"]
        for args in ([], IN_MEMORY)
    )

    assert found.metadata == expected.metadata
    for split in rows:
        assert records(found, split) == records(expected, split)
        assert ExamplesReader(found.path, "test").has_columnar(split)
        assert any((found.path / f"Split-{split}").glob("examples-*.gz"))


def test_no_rows_are_a_file_without_logs(
    launcher: Launcher, model_folder: Path, tmp_path: Path
) -> None:
    examples = [store(launcher, tmp_path / "examples", train=flights(1, 0))]

    found = predicted(launcher, model_folder, examples, IN_MEMORY, {})["inference_result"]

    (file,) = found.path.iterdir()
    assert file.name == "prediction_logs-00000-of-00001.gz"
    assert list(read_records(file)) == []


@pytest.mark.parametrize("fault", ["column", "method", "variables"])
def test_a_model_that_cannot_predict_is_refused_in_the_same_words(
    fault: str, launcher: Launcher, model_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "model")
    if fault == "method":
        set_methods(tmp_path / "model", {"serving_default": "classify"})
    if fault == "variables":
        shutil.rmtree(tmp_path / "model/Format-Serving/variables")
    taken = [{"output_key": "score", "output_column": "hour"}]
    spec = [{"predict_output": {"output_columns": taken}}]
    parameters = {"output_example_spec": {"output_columns_spec": spec}} if fault == "column" else {}
    inputs = {
        "model": launcher.store(tmp_path / "model"),
        "examples": store(launcher, tmp_path / "examples", train=flights(1, 30)),
    }

    expected, found = (
        failure(launcher, "bulk_inferrer", {**parameters, "beam_pipeline_args": args}, **inputs)
        for args in ([], IN_MEMORY)
    )

    assert re.sub("/pods/[0-9a-f]*/", "/pods/", found) == re.sub(
        "/pods/[0-9a-f]*/", "/pods/", expected
    )


def compared(
    launcher: Launcher, test: Stored, base: Stored, args: list[str], **config: Any
) -> Outcome:
    parameters = {"config": {"paired_example_skew": config}, "beam_pipeline_args": args}
    return launcher.run("example_diff", parameters, examples=test, baseline_examples=base)


def differences_found(outcome: Outcome, pair: str) -> dict[str, list[bytes]]:
    directory = outcome["example_diff_result"].path / f"SplitPair-{pair}"
    read = {
        "skew_stats": feature_skew_detector.skew_results_iterator,
        "match_stats": feature_skew_detector.match_stats_iterator,
        "sample_pairs": feature_skew_detector.skew_pair_iterator,
        "confusion": feature_skew_detector.confusion_count_iterator,
    }
    return {
        name: sorted(message.SerializeToString() for message in iterate(str(directory / name)))
        for name, iterate in read.items()
    }


@pytest.mark.parametrize(
    ("identifiers", "sample_size"),
    [(["id"], 100_000), (["origin", "id", "hour"], 0)],
    ids=["with_sample", "several_identifiers"],
)
def test_the_same_differences_are_found(
    identifiers: list[str],
    sample_size: int,
    launcher: Launcher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(diff_on_beam, "_BYTES_PER_BUCKET", 10_000)
    base = store(launcher, tmp_path / "base", train=flights(1), none=flights(3, 0))
    test = store(launcher, tmp_path / "test", train=flights(2))
    config = {
        "identifier_features": identifiers,
        "allow_duplicate_identifiers": True,
        "float_round_ndigits": 2,
        "skew_sample_size": sample_size,
        "confusion_config": [{"feature_name": "origin"}],
    }

    expected, found = (compared(launcher, test, base, each, **config) for each in ([], IN_MEMORY))

    for pair in ("train_train", "train_none"):
        assert differences_found(found, pair) == differences_found(expected, pair)
    assert bool(differences_found(found, "train_train")["sample_pairs"]) == bool(sample_size)


def test_a_sample_of_differences_has_its_size_on_beam(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diff_on_beam, "_BYTES_PER_BUCKET", 10_000)
    base = store(launcher, tmp_path / "base", train=flights(1))
    test = store(launcher, tmp_path / "test", train=flights(2))

    outcome = compared(
        launcher, test, base, IN_MEMORY, identifier_features=["id"], skew_sample_size=7
    )

    assert len(differences_found(outcome, "train_train")["sample_pairs"]) == 7


@pytest.mark.parametrize(
    "config",
    [
        {"identifier_features": ["idd"]},
        {"identifier_features": ["nothing"]},
        {"identifier_features": ["id"], "confusion_config": [{"feature_name": "hour"}]},
    ],
    ids=["unknown", "no_value", "numbers"],
)
def test_rows_that_cannot_be_paired_are_refused_in_the_same_words(
    config: Mapping[str, Any], launcher: Launcher, tmp_path: Path
) -> None:
    examples = store(launcher, tmp_path / "examples", train=flights(1, 50))

    expected, found = (
        failure(
            launcher,
            "example_diff",
            {"config": {"paired_example_skew": config}, "beam_pipeline_args": args},
            examples=examples,
            baseline_examples=examples,
        )
        for args in ([], IN_MEMORY)
    )

    assert found == expected
