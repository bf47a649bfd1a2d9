"""Contract of filter_examples: which rows are kept, its files, and what it refuses."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.examples import (
    BYTES_LIST,
    INT_LIST,
    ExamplesReader,
    ExamplesWriter,
    examples_metadata,
)
from headrace_components.library.user_code.module_pack import pack
from support.cases import declared
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

environment_state = declared.cache("filter_examples").environment_state

# More than one of the component's batches, and a feature that some rows lack.
NUM_ROWS = 25_000
TRAIN = pa.RecordBatch.from_arrays(
    [
        pa.array([[row] if row % 5 else None for row in range(NUM_ROWS)], INT_LIST),
        pa.array([[b"JFK" if row % 2 else b"LGA"] for row in range(NUM_ROWS)], BYTES_LIST),
    ],
    ["delay", "origin"],
)
EVAL = TRAIN.slice(0, 100)

BY_BATCH = """
import pyarrow.compute as pc

def filter_batch_fn(batch):
    return pc.greater(pc.fill_null(pc.list_value_length(batch["delay"]), 0), 0)
"""
BY_RECORD = """
def filter_fn(serialized):
    return b"JFK" in serialized
"""


def store(
    launcher: Launcher,
    scratch: Path,
    *,
    columnar: bool = True,
    metadata: Mapping[str, Any] | None = None,
    **splits: pa.RecordBatch,
) -> Stored:
    for name, batch in (splits or {"train": TRAIN, "eval": EVAL}).items():
        # Files that do not end where the batches end.
        with ExamplesWriter(scratch, name, columnar=columnar, rows_per_shard=7_000) as writer:
            for start in range(0, batch.num_rows, 3_500):
                writer.write(batch.slice(start, 3_500))
    names = list(splits or ("train", "eval"))
    known = examples_metadata(names, span=3, version=2, fingerprint="abc")
    return launcher.store(scratch, {**known, **(metadata or {})})


def run(launcher: Launcher, examples: Stored, scratch: Path, source: str) -> Outcome:
    scratch.mkdir(parents=True, exist_ok=True)
    module = scratch / "filters.py"
    module.write_text(source, "utf-8")
    return launcher.run("filter_examples", {"module_file": str(module)}, examples=examples)


def records(path: Path, split: str = "train") -> list[bytes]:
    reader = ExamplesReader(path, "test")
    return [record for batch in reader.serialized(split) for record in batch]


EXPECTED = {
    "batch": [record for row, record in enumerate(encode_examples(TRAIN)) if row % 5],
    "record": [record for row, record in enumerate(encode_examples(TRAIN)) if row % 2],
}


@pytest.mark.parametrize("columnar", [True, False])
@pytest.mark.parametrize(("kind", "source"), [("batch", BY_BATCH), ("record", BY_RECORD)])
def test_rows_are_kept_in_order_and_byte_for_byte(
    kind: str, source: str, columnar: bool, launcher: Launcher, tmp_path: Path
) -> None:
    examples = store(launcher, tmp_path / "examples", columnar=columnar)

    kept = run(launcher, examples, tmp_path / "module", source)["filtered_examples"]

    assert records(kept.path) == EXPECTED[kind]
    assert records(kept.path, "eval") == EXPECTED[kind][: len(records(kept.path, "eval"))]
    reader = ExamplesReader(kept.path, "test")
    assert reader.has_columnar("train") == (columnar or kind == "batch")
    decoded = [
        record for batch in reader.record_batches("train") for record in encode_examples(batch)
    ]
    assert decoded == EXPECTED[kind]


def test_what_describes_the_examples_is_copied_and_what_the_backend_added_is_not(
    launcher: Launcher, tmp_path: Path
) -> None:
    examples = store(launcher, tmp_path / "examples", metadata={"display_name": "of the store"})

    kept = run(launcher, examples, tmp_path / "module", BY_RECORD)["filtered_examples"]

    assert kept.metadata == examples_metadata(
        ["train", "eval"], span=3, version=2, fingerprint="abc"
    )


@pytest.mark.parametrize("payload", ["FORMAT_TF_SEQUENCE_EXAMPLE", "FORMAT_PROTO"])
def test_records_of_any_payload_format_are_filtered_as_bytes(
    payload: str, launcher: Launcher, tmp_path: Path
) -> None:
    with ExamplesWriter(tmp_path / "examples", "train", columnar=False) as writer:
        writer.write_records([b"no tf.Example of JFK", b"nor is this", b"\xff JFK"])
    known = {**examples_metadata(["train"]), "payload_format": payload}
    examples = launcher.store(tmp_path / "examples", known)

    kept = run(launcher, examples, tmp_path / "module", BY_RECORD)["filtered_examples"]

    assert records(kept.path) == [b"no tf.Example of JFK", b"\xff JFK"]
    assert kept.metadata["payload_format"] == payload

    message = f"payload format '{payload}', but filter_batch_fn needs 'FORMAT_TF_EXAMPLE'"
    with pytest.raises(TaskFailedError, match=f"filter_examples: .*{message}"):
        run(launcher, examples, tmp_path / "module", BY_BATCH)


def test_a_split_that_loses_all_its_rows_stays_as_an_empty_one(
    launcher: Launcher, tmp_path: Path
) -> None:
    from_lga = EVAL.filter(pa.array([row % 2 == 0 for row in range(100)]))
    examples = store(launcher, tmp_path / "examples", train=TRAIN, eval=from_lga)

    kept = run(launcher, examples, tmp_path / "module", BY_RECORD)["filtered_examples"]

    assert records(kept.path, "eval") == []
    assert json.loads(kept.metadata["split_names"]) == ["train", "eval"]


def test_how_many_rows_were_kept_is_logged(
    launcher: Launcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run(launcher, store(launcher, tmp_path / "examples"), tmp_path / "module", BY_BATCH)

    assert "Split 'train': kept 20000 of 25000 rows." in caplog.text


@pytest.mark.parametrize(
    ("name", "keep"), [("filter_fn", "b'JFK' in x"), ("filter_batch_fn", "[True] * x.num_rows")]
)
def test_the_function_may_be_a_dotted_path(
    name: str, keep: str, launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"filters_by_{name}.py").write_text(f"def wanted(x):\n    return {keep}\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    examples = store(launcher, tmp_path / "examples")

    parameters = {name: f"filters_by_{name}.wanted"}
    kept = launcher.run("filter_examples", parameters, examples=examples)["filtered_examples"]

    assert len(records(kept.path)) == (12_500 if name == "filter_fn" else NUM_ROWS)


def test_the_filter_is_part_of_the_cache_key(
    tmp_path: Path,
) -> None:
    module = tmp_path / "filters.py"
    module.write_text(BY_RECORD, "utf-8")

    assert environment_state({"module_file": pack({"filters.py": BY_RECORD}, "filters.py")}) == ""
    assert environment_state({"module_file": str(module)})
    assert environment_state({"filter_fn": "no_such_package.module.wanted"}) is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def keep(x): ...", r"defines neither function, expected either filter_fn\(serialized\)"),
        (BY_RECORD + BY_BATCH, "defines filter_fn and filter_batch_fn, expected either"),
        ("def filter_fn(x): pass", "filter_fn returned None, expected True or False"),
        (
            "def filter_fn(x):\n    raise KeyError('fare')",
            "filter_fn raised KeyError at filters.py, line 2",
        ),
        (
            "def filter_batch_fn(x): return x['nope']",
            "filter_batch_fn raised KeyError at filters.py",
        ),
        ("def filter_batch_fn(x): return None", "returned NoneType for 7000 rows, expected one"),
        ("def filter_batch_fn(x): return [True]", "returned 1 values of type bool for 7000 rows"),
        ("def filter_batch_fn(x): return x['delay']", "values of type large_list<\\w+: int64> for"),
        (
            "def filter_batch_fn(x): return [None] + [True] * (x.num_rows - 1)",
            "returned 1 nulls for 7000 rows, .* pyarrow.compute.fill_null",
        ),
        (
            "def filter_fn(x): return False",
            r"kept none of the 25100 rows of the splits \['train', 'eval'\]",
        ),
    ],
)
def test_a_function_that_cannot_choose_is_refused(
    source: str, message: str, launcher: Launcher, tmp_path: Path
) -> None:
    examples = store(launcher, tmp_path / "examples")

    with pytest.raises(TaskFailedError, match=f"filter_examples: .*{message}"):
        run(launcher, examples, tmp_path / "module", source)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"filter_fn": "a.b", "filter_batch_fn": "a.c"}, {"module_file": "x", "filter_fn": "a.b"}],
)
def test_exactly_one_function_is_given(
    parameters: Mapping[str, str], launcher: Launcher, tmp_path: Path
) -> None:
    examples = store(launcher, tmp_path / "examples", eval=EVAL)

    with pytest.raises(
        TaskFailedError, match=r"filter_examples: .* are given, expected one\. Pass"
    ):
        launcher.run("filter_examples", parameters, examples=examples)


def test_examples_in_parquet_files_are_refused(launcher: Launcher, tmp_path: Path) -> None:
    metadata = {"payload_format": "FORMAT_PARQUET"}
    examples = store(launcher, tmp_path / "examples", eval=EVAL, metadata=metadata)

    with pytest.raises(TaskFailedError, match=r"'FORMAT_PARQUET', expected TFRecords\. Make the"):
        run(launcher, examples, tmp_path / "module", BY_RECORD)


def test_a_corrupt_record_is_named(launcher: Launcher, tmp_path: Path) -> None:
    store(launcher, tmp_path / "examples", eval=EVAL)
    (file,) = (tmp_path / "examples" / "Split-eval").iterdir()
    file.write_bytes(file.read_bytes()[:-20])
    examples = launcher.store(tmp_path / "examples", examples_metadata(["eval"]))

    with pytest.raises(TaskFailedError, match=rf"filter_examples: .*{file.name} is corrupt at"):
        run(launcher, examples, tmp_path / "module", BY_RECORD)


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    examples = store(launcher, tmp_path / "examples")

    outcome = run(launcher, examples, tmp_path / "module", BY_BATCH)

    assert records(outcome["filtered_examples"].path) == EXPECTED["batch"]
    return outcome
