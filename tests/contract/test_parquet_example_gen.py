"""Contract of parquet_example_gen: TFX's records and splits, every type, what it refuses."""

import datetime
import decimal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_components.import_example_gen.messages import message_class
from headrace_components.library.data.examples import ExamplesReader
from support.cases import declared
from support.cases.example_sources import (
    EXPECTED,
    FIXTURE,
    ONE,
    THREE,
    TWO,
    digests,
    divided,
    rows_of,
)
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError

external_state = declared.cache("parquet_example_gen").external_state

UTC = datetime.UTC
NOON = datetime.datetime(2013, 1, 31, 12)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


def generate(launcher: Launcher, base: Path, **parameters: Any) -> Outcome:
    return launcher.run("parquet_example_gen", {"input_base": str(base), **parameters})


def refused(launcher: Launcher, base: Path, match: str, **parameters: Any) -> None:
    with pytest.raises(TaskFailedError, match=match):
        generate(launcher, base, **parameters)


def write(base: Path, columns: dict[str, Any], name: str = "data.parquet") -> Path:
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("case", "config"),
    [("parquet", {}), ("parquet by a whole number", divided(THREE, "whole"))],
)
def test_records_and_splits_are_those_of_tfx(
    case: str, config: dict[str, Any], launcher: Launcher
) -> None:
    outcome = generate(launcher, FIXTURE / "parquet", output_config=config)

    assert digests(outcome["examples"], message_class("Example")) == EXPECTED[case]


def test_the_columnar_twin_holds_what_the_records_decode_to(launcher: Launcher) -> None:
    path = generate(launcher, FIXTURE / "parquet")["examples"].path
    stored = list(ExamplesReader(path, "test").record_batches("train"))
    (path / "columnar.json").unlink()

    assert stored == list(ExamplesReader(path, "test").record_batches("train"))


def test_zero_false_and_the_empty_text_are_values_and_not_missing(
    launcher: Launcher, base: Path
) -> None:
    write(base, {"n": [0, None], "x": [0.0, None], "flag": [False, None], "text": ["", None]})

    rows = rows_of(generate(launcher, base, output_config=ONE)["examples"])

    assert rows == {
        "flag": [[0], None],
        "n": [[0], None],
        "text": [[b""], None],
        "x": [[0.0], None],
    }


@pytest.mark.parametrize(
    ("column", "features"),
    [
        (pa.array([1, None, 255], pa.uint8()), [[1], None, [255]]),
        (pa.array([True, False]), [[1], [0]]),
        (pa.array([1.5, None], pa.float32()), [[1.5], None]),
        (pa.array([1e300, -2.0]), [[float("inf")], [-2.0]]),
        (pa.array([decimal.Decimal("1.25"), None]), [[1.25], None]),
        (pa.array(["é", ""], pa.large_string()), [["é".encode()], [b""]]),
        (pa.array([b"\xff"], pa.binary(1)), [[b"\xff"]]),
        (pa.array(["a", None, "a"]).dictionary_encode(), [[b"a"], None, [b"a"]]),
        (pa.array([[1, 2], [], None, [3]]), [[1, 2], None, None, [3]]),
        (pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2)), [[1.0, 2.0]]),
        (pa.array([["a"], ["", "b"]]), [[b"a"], [b"", b"b"]]),
        (pa.array([datetime.date(2013, 1, 31)]), [[b"2013-01-31"]]),
        (pa.array([NOON], pa.timestamp("ms")), [[b"2013-01-31T12:00:00.000"]]),
        (
            pa.array([NOON.replace(tzinfo=UTC)], pa.timestamp("ms", "America/New_York")),
            [[b"2013-01-31T12:00:00.000Z"]],
        ),
        (pa.array([datetime.time(1, 2, 3)], pa.time32("ms")), [[b"01:02:03.000"]]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_each_type_has_its_feature(
    column: pa.Array, features: list[Any], launcher: Launcher, base: Path
) -> None:
    write(base, {"a": column, "row": list(range(len(column)))})

    assert rows_of(generate(launcher, base, output_config=ONE)["examples"])["a"] == features


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = generate(launcher, FIXTURE / "parquet")

    reader = ExamplesReader(outcome["examples"].path, "test")
    assert reader.num_rows("eval") + reader.num_rows("train") == 60
    return outcome


def test_spans_and_input_splits_are_read_as_from_any_files(launcher: Launcher, base: Path) -> None:
    for day in (1, 2):
        for name in ("one", "two"):
            write(base, {"day": [day]}, f"1970-01-0{day}/{name}.parquet")
    splits = [
        {"name": name, "pattern": f"{{YYYY}}-{{MM}}-{{DD}}/{name}.*"} for name in ("one", "two")
    ]

    latest = generate(launcher, base, input_config={"splits": splits})["examples"]
    earlier = generate(
        launcher,
        base,
        input_config={"splits": splits},
        range_config={"static_range": {"start_span_number": 0, "end_span_number": 0}},
    )["examples"]

    assert (latest.metadata["span"], rows_of(latest, "two")) == (1, {"day": [[2]]})
    assert (earlier.metadata["span"], rows_of(earlier, "one")) == (0, {"day": [[1]]})
    assert latest.metadata["input_fingerprint"].startswith("split:one,num_files:1,")


def test_a_uri_is_read_through_arrows_file_systems(launcher: Launcher, base: Path) -> None:
    write(base, {"a": [1, 2]})

    examples = launcher.run(
        "parquet_example_gen", {"input_base": base.as_uri(), "output_config": ONE}
    )["examples"]

    assert rows_of(examples) == {"a": [[1], [2]]}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([{"x": 1}]), r"column 'a' of .*data.parquet is of type struct<x: int64>"),
        (pa.array([[[1]]]), r"column 'a' of .* is of type list<"),
        (pa.array([[1, None]]), r"column 'a' of .* has a list with a missing value in it"),
        (pa.array([2**64 - 1], pa.uint64()), r"column 'a' of .* does not fit into int64"),
    ],
)
def test_a_column_that_is_no_feature_is_named(
    column: pa.Array, message: str, launcher: Launcher, base: Path
) -> None:
    write(base, {"a": column})
    refused(launcher, base, f"{message}.*Change the column where the file is written")


def test_a_name_that_two_columns_have_is_refused(launcher: Launcher, base: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    pq.write_table(table, base / "data.parquet")
    refused(launcher, base, r"data.parquet has the columns \['a'\] twice")


def test_files_with_other_columns_are_named(launcher: Launcher, base: Path) -> None:
    write(base, {"a": [1]}, "1.parquet")
    write(base, {"a": [1.5]}, "2.parquet")
    refused(launcher, base, r"2.parquet has the columns \{'a': 'double'\}, .*1.parquet has")


def test_a_file_that_is_cut_off_is_named(launcher: Launcher, base: Path) -> None:
    path = write(base, {"a": list(range(100))})
    path.write_bytes(path.read_bytes()[:-10])
    refused(launcher, base, r"data.parquet cannot be read as Parquet: .*Write or copy the file")


def test_a_page_that_is_corrupt_is_named(launcher: Launcher, base: Path) -> None:
    path = write(base, {"a": [str(number) for number in range(1000)]})
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)
    refused(launcher, base, r"data.parquet cannot be read as Parquet")


def test_files_without_rows_are_named(launcher: Launcher, base: Path) -> None:
    write(base, {"a": pa.array([], pa.int64())})
    refused(launcher, base, r"data.parquet: no rows, expected at least one")


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("gone", r"is 'gone', but the columns are \['empty', 'x'\]"),
        ("x", r"is 'x', a column of numbers with a fraction"),
        ("empty", r"is 'empty', a column of no value"),
    ],
)
def test_a_partition_feature_that_cannot_decide_is_refused(
    feature: str, message: str, launcher: Launcher, base: Path
) -> None:
    write(base, {"x": [0.5], "empty": pa.nulls(1)})
    refused(launcher, base, message, output_config=divided(TWO, feature))


def test_the_cache_sees_changed_files(base: Path) -> None:
    write(base, {"a": [1]})
    states = [external_state({"input_base": str(base)}, {})]
    write(base, {"b": [1]}, "more.parquet")
    states.append(external_state({"input_base": str(base)}, {}))

    assert None not in states
    assert len(set(states)) == 2


def test_the_component_runs_without_tensorflow_and_beam() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'kfp']));"
        "import headrace_components.parquet_example_gen.executor"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
