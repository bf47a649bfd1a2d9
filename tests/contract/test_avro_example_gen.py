"""Contract of avro_example_gen: TFX's records and splits, every type, what it refuses."""

import datetime
import decimal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import fastavro
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

external_state = declared.cache("avro_example_gen").external_state

NOON = datetime.datetime(2013, 1, 31, 12, tzinfo=datetime.UTC)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


def generate(launcher: Launcher, base: Path, **parameters: Any) -> Outcome:
    return launcher.run("avro_example_gen", {"input_base": str(base), **parameters})


def refused(launcher: Launcher, base: Path, match: str, **parameters: Any) -> None:
    with pytest.raises(TaskFailedError, match=match):
        generate(launcher, base, **parameters)


def write(
    base: Path, kind: Any, values: list[Any], name: str = "data.avro", codec: str = "null"
) -> Path:
    """Writes a file with the one field `a`."""
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = {"type": "record", "name": "Row", "fields": [{"name": "a", "type": kind}]}
    with path.open("wb") as file:
        fastavro.writer(file, schema, [{"a": value} for value in values], codec=codec)
    return path


def feature(launcher: Launcher, base: Path, **parameters: Any) -> list[Any]:
    return rows_of(generate(launcher, base, output_config=ONE, **parameters)["examples"])["a"]


@pytest.mark.parametrize(
    ("case", "config"),
    [("avro", {}), ("avro by a whole number", divided(THREE, "whole"))],
)
def test_records_and_splits_are_those_of_tfx(
    case: str, config: dict[str, Any], launcher: Launcher
) -> None:
    outcome = generate(launcher, FIXTURE / "avro", output_config=config)

    assert digests(outcome["examples"], message_class("Example")) == EXPECTED[case]


@pytest.mark.parametrize(
    ("kind", "values", "features"),
    [
        (["null", "int"], [0, None, 7], [[0], None, [7]]),
        ("boolean", [False, True], [[0], [1]]),
        ("double", [0.0, 1e300], [[0.0], [float("inf")]]),
        (["null", "string"], ["", None, "é"], [[b""], None, ["é".encode()]]),
        ("bytes", [b"\xff"], [[b"\xff"]]),
        ({"type": "enum", "name": "E", "symbols": ["x"]}, ["x"], [[b"x"]]),
        ({"type": "fixed", "name": "F", "size": 2}, [b"ab"], [[b"ab"]]),
        ({"type": "array", "items": "long"}, [[1, 2], []], [[1, 2], None]),
        ({"type": "int", "logicalType": "date"}, [NOON.date()], [[b"2013-01-31"]]),
        (
            {"type": "long", "logicalType": "timestamp-micros"},
            [NOON],
            [[b"2013-01-31T12:00:00.000000Z"]],
        ),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2},
            [decimal.Decimal("1.25")],
            [[1.25]],
        ),
        (
            {"type": "string", "logicalType": "uuid"},
            [uuid.UUID(int=1)],
            [[str(uuid.UUID(int=1)).encode()]],
        ),
    ],
)
def test_each_type_has_its_feature(
    kind: Any, values: list[Any], features: list[Any], launcher: Launcher, base: Path
) -> None:
    write(base, kind, values)

    assert feature(launcher, base) == features


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "bzip2", "xz"])
def test_each_usual_codec_is_read(codec: str, launcher: Launcher, base: Path) -> None:
    write(base, "long", list(range(25_000)), codec=codec)

    assert feature(launcher, base) == [[number] for number in range(25_000)]


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = generate(launcher, FIXTURE / "avro")

    reader = ExamplesReader(outcome["examples"].path, "test")
    assert reader.num_rows("eval") + reader.num_rows("train") == 60
    assert reader.has_columnar("train")
    return outcome


def test_spans_and_versions_are_read_as_from_any_files(launcher: Launcher, base: Path) -> None:
    for span in (1, 2):
        for version in (1, 2):
            write(base, "long", [10 * span + version], f"{span}/{version}.avro")
    pattern = {"splits": [{"name": "all", "pattern": "{SPAN}/{VERSION}.avro"}]}

    examples = generate(launcher, base, input_config=pattern, output_config=ONE)["examples"]

    assert rows_of(examples) == {"a": [[22]]}
    assert (examples.metadata["span"], examples.metadata["version"]) == (2, 2)
    assert feature(launcher, base, input_config=pattern, span=1) == [[12]]


def test_a_uri_is_read_through_arrows_file_systems(launcher: Launcher, base: Path) -> None:
    write(base, "long", [1, 2])

    examples = launcher.run(
        "avro_example_gen", {"input_base": base.as_uri(), "output_config": ONE}
    )["examples"]

    assert rows_of(examples) == {"a": [[1], [2]]}


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ({"type": "map", "values": "long"}, [{"k": 1}], r"column 'a' of .* is of type struct<k"),
        (["long", "string"], [1, "x"], r"column 'a' of .* Python types \['int', 'str'\]"),
        ({"type": "array", "items": ["null", "long"]}, [[1, None]], r"a list with a missing value"),
    ],
)
def test_a_field_that_is_no_feature_is_named(
    kind: Any, values: list[Any], message: str, launcher: Launcher, base: Path
) -> None:
    write(base, kind, values)
    refused(launcher, base, rf"{message}.* Change the field where the file is written")


def test_files_that_disagree_on_a_field_are_named(launcher: Launcher, base: Path) -> None:
    write(base, "long", [1], "1.avro")
    write(base, "string", ["x"], "2.avro")
    message = r"column 'a' of .*2.avro holds text, before \(in .*1.avro\) it held whole numbers"
    refused(launcher, base, message)


def test_a_file_that_is_no_avro_is_named(launcher: Launcher, base: Path) -> None:
    (base / "data.csv").write_text("a,b\n1,2\n", "utf-8")
    refused(launcher, base, r"data.csv cannot be read as Avro .cannot read header")


def test_a_file_without_records_is_named(launcher: Launcher, base: Path) -> None:
    with (base / "data.avro").open("wb") as file:
        fastavro.writer(file, {"type": "long"}, [1, 2])
    refused(launcher, base, r"data.avro holds values of type 'long', expected records")


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_a_file_that_is_cut_off_is_named(codec: str, launcher: Launcher, base: Path) -> None:
    path = write(base, "string", [f"text {number}" for number in range(20_000)], codec=codec)
    path.write_bytes(path.read_bytes()[:-1000])
    refused(launcher, base, r"data.avro is corrupt past row 10000: .* Write or copy the file again")


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "bzip2", "xz"])
def test_a_file_that_is_corrupt_is_named(codec: str, launcher: Launcher, base: Path) -> None:
    path = write(base, "string", [f"text {number}" for number in range(2_000)], codec=codec)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = b"\xff" * 200
    path.write_bytes(content)
    refused(launcher, base, r"data.avro is corrupt past row 0: ")


def test_files_without_rows_are_named(launcher: Launcher, base: Path) -> None:
    write(base, "long", [])
    refused(launcher, base, r"data.avro: no rows, expected at least one")


@pytest.mark.parametrize(
    ("name", "message"),
    [("gone", r"is 'gone', but the columns are \['a'\]"), ("a", r"a column of numbers with a fr")],
)
def test_a_partition_feature_that_cannot_decide_is_refused(
    name: str, message: str, launcher: Launcher, base: Path
) -> None:
    write(base, "double", [0.5])
    refused(launcher, base, message, output_config=divided(TWO, name))


def test_the_cache_sees_changed_files(base: Path) -> None:
    write(base, "long", [1])
    states = [external_state({"input_base": str(base)}, {})]
    write(base, "long", [1], "more.avro")
    states.append(external_state({"input_base": str(base)}, {}))

    assert None not in states
    assert len(set(states)) == 2


def test_the_component_runs_without_tensorflow_and_beam() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'kfp']));"
        "import headrace_components.avro_example_gen.executor"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
