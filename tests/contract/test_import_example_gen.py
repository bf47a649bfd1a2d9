"""Contract of import_example_gen: TFX's splits, every payload format, what it refuses."""

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_components.import_example_gen.messages import message_class
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.data.tfrecord import frame
from support.cases import declared
from support.cases.example_sources import (
    EXPECTED,
    FIXTURE,
    ONE,
    THREE,
    TWO,
    digests,
    divided,
    records_of,
    rows_of,
)
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError

external_state = declared.cache("import_example_gen").external_state

SEQUENCE = "FORMAT_TF_SEQUENCE_EXAMPLE"
PROTO = "FORMAT_PROTO"
PARQUET = "FORMAT_PARQUET"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


def generate(launcher: Launcher, base: Path, **parameters: Any) -> Outcome:
    return launcher.run("import_example_gen", {"input_base": str(base), **parameters})


def refused(launcher: Launcher, base: Path, match: str, **parameters: Any) -> None:
    with pytest.raises(TaskFailedError, match=match):
        generate(launcher, base, **parameters)


def test_a_text_that_is_not_utf_8_is_named_with_its_column(launcher: Launcher, base: Path) -> None:
    # Arrow reads it, as it reads a damaged file; Python does not.
    buffers = [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"\xb8a")]
    texts = pa.Array.from_buffers(pa.string(), 2, buffers)
    pq.write_table(pa.table({"zone": texts}), base / "data.parquet")

    refused(launcher, base, r"column 'zone' of .* is not UTF-8", payload_format=PARQUET)


def encoded(**columns: list[Any]) -> list[bytes]:
    return encode_examples(pa.RecordBatch.from_pydict(columns))


def write(base: Path, records: list[bytes], name: str = "data.tfrecord") -> Path:
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(frame(records))
    return path


@pytest.mark.parametrize(
    ("case", "source", "payload_format", "config"),
    [
        ("examples", "tfrecord", "FORMAT_TF_EXAMPLE", {}),
        ("examples by a whole number", "tfrecord", "FORMAT_TF_EXAMPLE", divided(THREE, "id")),
        ("examples by text", "tfrecord", "FORMAT_TF_EXAMPLE", divided(TWO, "zone")),
        ("sequence examples", "sequence", SEQUENCE, {}),
        ("sequence examples by text", "sequence", SEQUENCE, divided(THREE, "zone")),
        ("protos", "sequence", PROTO, divided(THREE)),
    ],
)
def test_records_and_splits_are_those_of_tfx(
    case: str, source: str, payload_format: str, config: dict[str, Any], launcher: Launcher
) -> None:
    outcome = generate(
        launcher, FIXTURE / source, output_config=config, payload_format=payload_format
    )

    kind = "Example" if source == "tfrecord" else "SequenceExample"
    assert digests(outcome["examples"], message_class(kind)) == EXPECTED[case]


def test_records_are_kept_byte_by_byte_whatever_their_payload(
    launcher: Launcher, base: Path
) -> None:
    records = [b"no message at all", b"", b"\0" * 100]
    write(base, records)

    examples = generate(launcher, base, payload_format=PROTO, output_config=ONE)["examples"]

    assert records_of(examples) == records
    assert examples.metadata["payload_format"] == PROTO
    assert sorted(path.name for path in examples.path.iterdir()) == ["Split-all", "examples.json"]


def test_the_columnar_twin_holds_what_the_records_decode_to(launcher: Launcher) -> None:
    path = generate(launcher, FIXTURE / "tfrecord")["examples"].path
    stored = list(ExamplesReader(path, "test").record_batches("train"))
    (path / "columnar.json").unlink()
    decoded = list(ExamplesReader(path, "test").record_batches("train"))

    assert stored == decoded
    assert stored[0].schema.names == ["fares", "id", "id_1", "zone"]


def test_the_twin_can_be_left_out(launcher: Launcher) -> None:
    path = generate(launcher, FIXTURE / "tfrecord", columnar=False)["examples"].path

    assert sorted(entry.name for entry in path.iterdir()) == [
        "Split-eval",
        "Split-train",
        "examples.json",
    ]


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = generate(launcher, FIXTURE / "tfrecord")

    reader = ExamplesReader(outcome["examples"].path, "test")
    assert reader.num_rows("eval") + reader.num_rows("train") == 60
    return outcome


def test_metadata_and_layout_are_those_of_tfx(launcher: Launcher, base: Path) -> None:
    for day in (3, 4):
        for name in ("one", "two"):
            file = write(base, encoded(a=[[1], [2]]), f"day-{day}/{name}")
            os.utime(file, (1_700_000_000 + day, 1_700_000_000 + day))
    splits = [{"name": name, "pattern": f"day-{{SPAN}}/{name}"} for name in ("one", "two")]

    examples = generate(launcher, base, input_config={"splits": splits})["examples"]

    size = file.stat().st_size
    sums = f"total_bytes:{size},xor_checksum:1700000004,sum_checksum:1700000004"
    assert examples.metadata == {
        "split_names": '["one", "two"]',
        "span": 4,
        "payload_format": "FORMAT_TF_EXAMPLE",
        "file_format": "tfrecords_gzip",
        "input_fingerprint": f"split:one,num_files:1,{sums}\nsplit:two,num_files:1,{sums}",
    }
    assert [path.name for path in (examples.path / "Split-one").iterdir()] == [
        "data_tfrecord-00000-of-00001.gz"
    ]


def test_the_same_records_give_the_same_bytes(launcher: Launcher) -> None:
    first, second = (generate(launcher, FIXTURE / "tfrecord")["examples"].path for _ in range(2))

    name = "Split-train/data_tfrecord-00000-of-00001.gz"
    assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_uri_is_read_through_arrows_file_systems(launcher: Launcher, base: Path) -> None:
    write(base, encoded(a=[[1], [2]]))

    examples = launcher.run(
        "import_example_gen", {"input_base": base.as_uri(), "output_config": ONE}
    )["examples"]

    assert rows_of(examples) == {"a": [[1], [2]]}


def test_a_row_that_lacks_a_feature_goes_where_it_would_go_alone(
    launcher: Launcher, base: Path
) -> None:
    records = encoded(a=[[1], [2]], b=[["x"], ["y"]]) + encoded(a=[[3], [4], [5], [6]])
    write(base / "together", records)
    for number, record in enumerate(records):
        write(base / f"alone-{number}", [record])

    together, *alone = (
        generate(launcher, directory)["examples"]
        for directory in [base / "together", *sorted(base.glob("alone-*"))]
    )

    for split in ("train", "eval"):
        assert records_of(together, split) == [
            record for examples in alone for record in records_of(examples, split)
        ]


def test_parquet_rows_are_written_as_parquet_of_the_same_columns(
    launcher: Launcher, base: Path
) -> None:
    table = pa.table({"when": pa.array(range(90), pa.timestamp("us")), "place": [["a", None]] * 90})
    pq.write_table(table.slice(0, 50), base / "1.parquet")
    pq.write_table(table.slice(50), base / "2.parquet")

    examples = generate(launcher, base, payload_format=PARQUET)["examples"]

    assert examples.metadata["payload_format"] == PARQUET
    assert examples.metadata["file_format"] == "FILE_FORMAT_PARQUET"
    splits = [
        pq.read_table(examples.path / f"Split-{split}/data_parquet-00000-of-00001.parquet")
        for split in ("train", "eval")
    ]
    assert 45 < splits[0].num_rows < 75
    assert pa.concat_tables(splits).sort_by("when") == table


def test_parquet_files_with_other_columns_are_named(launcher: Launcher, base: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), base / "1.parquet")
    pq.write_table(pa.table({"a": ["x"]}), base / "2.parquet")
    refused(
        launcher,
        base,
        r"2.parquet has the columns \{'a': 'string'\}, .*1.parquet has \{'a': 'int64'\}",
        payload_format=PARQUET,
    )


def test_a_file_that_is_no_parquet_is_named(launcher: Launcher, base: Path) -> None:
    write(base, [b"x"], "1.parquet")
    refused(launcher, base, r"1.parquet cannot be read as Parquet", payload_format=PARQUET)


def test_a_missing_directory_is_named(launcher: Launcher, base: Path) -> None:
    refused(launcher, base / "gone", r"import_example_gen: `input_base` is '.*gone', which is no")


def test_files_without_records_are_named(launcher: Launcher, base: Path) -> None:
    write(base, [])
    refused(launcher, base, r"data.tfrecord: no rows, expected at least one")


def test_a_corrupt_file_is_named_with_its_record(launcher: Launcher, base: Path) -> None:
    path = write(base, encoded(a=[[1], [2], [3]]))
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    refused(launcher, base, r"data.tfrecord is corrupt at record 2 .*its checksum does not match")


def test_a_gzip_file_that_is_cut_off_is_named(launcher: Launcher, base: Path) -> None:
    content = gzip.compress(frame([os.urandom(500) for _ in range(50)]))
    (base / "cut.gz").write_bytes(content[:-3000])
    refused(
        launcher, base, r"cut.gz .*expected a whole gzip file. Copy or write", payload_format=PROTO
    )


def test_a_file_that_is_no_tfrecord_is_named(launcher: Launcher, base: Path) -> None:
    (base / "data.csv").write_text("a,b\n1,2\n3,4\n5,6\n", "utf-8")
    refused(launcher, base, r"data.csv is corrupt at record 0 .*Give TFRecord files")


@pytest.mark.parametrize("payload_format", ["FORMAT_TF_EXAMPLE", SEQUENCE])
def test_a_record_of_another_payload_format_is_named(
    payload_format: str, launcher: Launcher, base: Path
) -> None:
    write(base, [*encoded(a=[[1]]), b"\xffno message"])
    refused(
        launcher,
        base,
        r"data.tfrecord, record 1 \(counted from 0\) is not a tf.*, "
        rf"but `payload_format` is '{payload_format}'",
        payload_format=payload_format,
    )


def test_a_feature_of_two_types_is_refused(launcher: Launcher, base: Path) -> None:
    write(base, encoded(a=[[1]]) + encoded(a=[["x"]]))
    refused(launcher, base, r"records 0 to 1: a feature does not have one type in all of them")


def test_records_without_any_feature_are_suspected(launcher: Launcher, base: Path) -> None:
    write(base, [b"", b""])
    refused(launcher, base, r"records 0 to 1: none has a feature, expected tf.Examples that have")


def test_an_unknown_payload_format_is_refused(launcher: Launcher, base: Path) -> None:
    refused(
        launcher,
        base,
        r"`payload_format` is 'CSV', expected one of \['FORMAT_TF",
        payload_format="CSV",
    )


@pytest.mark.parametrize("payload_format", [PROTO, PARQUET])
def test_rows_without_features_cannot_be_divided_by_one(
    payload_format: str, launcher: Launcher, base: Path
) -> None:
    refused(
        launcher,
        base,
        rf"`partition_feature_name` is 'zone', but records of {payload_format} are divided",
        payload_format=payload_format,
        output_config=divided(TWO, "zone"),
    )


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("gone", r"is 'gone', but the columns are \['fares', 'id', 'id_1', 'zone'\]"),
        ("fares", r"is 'fares', a column of numbers with a fraction"),
    ],
)
def test_a_partition_feature_that_cannot_decide_is_refused(
    feature: str, message: str, launcher: Launcher
) -> None:
    refused(launcher, FIXTURE / "tfrecord", message, output_config=divided(TWO, feature))


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("gone", r"record 0: .*is 'gone'.* there it is no value, and the context has \['fares'\]"),
        ("fares", r"record 0: .*is 'fares'.* there it is float_list"),
    ],
)
def test_a_context_feature_that_cannot_decide_is_refused(
    feature: str, message: str, launcher: Launcher, base: Path
) -> None:
    # The features of an Example have the same bytes as the context of a SequenceExample.
    write(base, encoded(fares=[np.array([1.5], np.float32)]))
    config = divided(TWO, feature)
    refused(launcher, base, message, payload_format=SEQUENCE, output_config=config)


def test_the_cache_sees_changed_files(base: Path) -> None:
    path = write(base, [b"a"])
    states = [external_state({"input_base": str(base)}, {})]
    path.write_bytes(frame([b"ab"]))
    states.append(external_state({"input_base": str(base)}, {}))

    assert None not in states
    assert len(set(states)) == 2
    assert external_state({"input_base": "carrier-pigeon://x"}, {}) is None


@pytest.mark.slow
def test_memory_is_bounded_by_the_batch_and_not_by_the_file(base: Path, tmp_path: Path) -> None:
    records = encoded(text=[[os.urandom(2000)] for _ in range(8_000)])
    peaks = []
    for num_files in (4, 16):
        for number in range(num_files):
            write(base, records, f"{number}.tfrecord")
        peaks.append(peak_bytes(base, tmp_path / f"examples-{num_files}"))

    assert peaks[1] < 1.2 * peaks[0]


def peak_bytes(base: Path, output: Path) -> int:
    code = (
        "import json, resource, sys;"
        "from headrace_components.contract import task;"
        "from headrace_components.import_example_gen.executor import execute;"
        "base, output = sys.argv[1:];"
        "message = {'inputs': {'parameterValues': {'input_base': base}}, 'outputs': {"
        "'outputFile': output + '-out/output.json',"
        "'artifacts': {'examples': {'artifacts': [{'uri': output}]}}}};"
        "arguments = ['--executor_input', json.dumps(message)];"
        "code = task.main('import_example_gen', execute, arguments);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024);"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", code, str(base), str(output)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def test_the_component_runs_without_tensorflow_and_beam() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'kfp']));"
        "import headrace_components.import_example_gen.executor"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
