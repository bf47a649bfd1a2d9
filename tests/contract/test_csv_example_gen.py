"""Contract of csv_example_gen: TFX's records and splits, its metadata, and what it refuses."""

import gzip
import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace_components.csv_example_gen.csv_files import BLOCK_BYTES
from headrace_components.library.data.examples import ExamplesReader
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError

FIXTURE = Path(__file__).parents[1] / "fixtures/csv_example_gen"
EXPECTED = json.loads((FIXTURE / "expected.json").read_text("utf-8"))
INPUT = {"splits": [{"name": "single_split", "pattern": "*.csv"}]}
TWO = [{"name": "train", "hash_buckets": 2}, {"name": "eval", "hash_buckets": 1}]
THREE = [
    {"name": "a", "hash_buckets": 3},
    {"name": "b", "hash_buckets": 5},
    {"name": "c", "hash_buckets": 2},
]
KEPT = {
    "splits": [
        {"name": "first", "pattern": "part-1.csv"},
        {"name": "second", "pattern": "part-2.csv"},
    ]
}
CASES: Mapping[str, Mapping[str, Any]] = {
    "default": {"input_config": INPUT},
    "three splits": {"input_config": INPUT, "output_config": {"split_config": {"splits": THREE}}},
    "by whole numbers": {
        "input_config": INPUT,
        "output_config": {"splitConfig": {"splits": TWO, "partitionFeatureName": "whole"}},
    },
    "by text": {
        "input_config": INPUT,
        "output_config": {"split_config": {"splits": THREE, "partition_feature_name": "text"}},
    },
    "kept splits": {"input_config": KEPT},
}
CSV = "fare,company\n2.5,A\n,B\n40,\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


def write(base: Path, content: str | bytes = CSV, name: str = "data.csv") -> Path:
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def generate(launcher: Launcher, base: Path, **parameters: Any) -> Outcome:
    return launcher.run("csv_example_gen", {"input_base": str(base), **parameters})


def one_split(launcher: Launcher, base: Path, **parameters: Any) -> dict[str, list[Any]]:
    """Returns the rows of all files, unsplit, by column."""
    config = {"split_config": {"splits": [{"name": "all", "hash_buckets": 1}]}}
    outcome = generate(launcher, base, output_config=config, **parameters)
    batches = list(ExamplesReader(outcome["examples"].path, "test").record_batches("all"))
    columns: dict[str, list[Any]] = pa.Table.from_batches(batches).to_pydict()
    return columns


def refused(launcher: Launcher, base: Path, match: str, **parameters: Any) -> None:
    with pytest.raises(TaskFailedError, match=match):
        generate(launcher, base, **parameters)


@pytest.mark.parametrize("case", CASES)
def test_records_and_splits_are_those_of_tfx(case: str, launcher: Launcher) -> None:
    outcome = generate(launcher, FIXTURE / "cells", **CASES[case])

    reader = ExamplesReader(outcome["examples"].path, "test")
    digests = {
        split: sorted(
            hashlib.sha256(record).hexdigest()
            for records in reader.serialized(split)
            for record in records
        )
        for split in reader.split_names
    }
    assert digests == EXPECTED[case]


def test_the_columnar_twin_holds_what_the_records_decode_to(launcher: Launcher) -> None:
    path = generate(launcher, FIXTURE / "cells", input_config=INPUT)["examples"].path
    stored = list(ExamplesReader(path, "test").record_batches("train"))
    (path / "columnar.json").unlink()
    decoded = list(ExamplesReader(path, "test").record_batches("train"))

    assert [batch.schema for batch in stored] == [batch.schema for batch in decoded]
    # NaN is not equal to itself, so bytes are compared.
    assert [repr(batch.to_pydict()) for batch in stored] == [
        repr(batch.to_pydict()) for batch in decoded
    ]
    assert pa.types.is_null(stored[0].schema.field("empty").type)


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    base = tmp_path / "data"
    base.mkdir()
    os.utime(write(base), (1_700_000_000, 1_700_000_000))
    outcome = generate(launcher, base)

    reader = ExamplesReader(outcome["examples"].path, "test")
    assert reader.split_names == ("eval", "train")
    assert reader.num_rows("eval") + reader.num_rows("train") == 3
    return outcome


def test_metadata_and_layout_are_those_of_tfx(launcher: Launcher, base: Path) -> None:
    file = write(base)
    os.utime(file, (1_700_000_000, 1_700_000_000.9))

    examples = generate(launcher, base)["examples"]

    assert examples.metadata == {
        "split_names": '["train", "eval"]',
        "span": 0,
        "payload_format": "FORMAT_TF_EXAMPLE",
        "file_format": "tfrecords_gzip",
        "input_fingerprint": "split:single_split,num_files:1,total_bytes:26,"
        "xor_checksum:1700000000,sum_checksum:1700000000",
    }
    assert [path.name for path in (examples.path / "Split-train").iterdir()] == [
        "data_tfrecord-00000-of-00001.gz"
    ]


def test_the_same_rows_give_the_same_bytes(launcher: Launcher) -> None:
    first, second = (
        generate(launcher, FIXTURE / "cells", input_config=INPUT)["examples"].path for _ in range(2)
    )

    name = "Split-train/data_tfrecord-00000-of-00001.gz"
    assert (first / name).read_bytes() == (second / name).read_bytes()
    assert (first / "columnar.json").read_bytes() == (second / "columnar.json").read_bytes()


def test_the_twin_can_be_left_out(launcher: Launcher, base: Path) -> None:
    write(base)

    path = generate(launcher, base, columnar=False)["examples"].path

    assert sorted(entry.name for entry in path.iterdir()) == [
        "Split-eval",
        "Split-train",
        "examples.json",
    ]


def test_an_empty_cell_is_a_missing_value_and_a_number_widens_its_column(
    launcher: Launcher, base: Path
) -> None:
    write(base)

    assert one_split(launcher, base) == {
        "company": [[b"A"], [b"B"], []],
        "fare": [[2.5], [], [40.0]],
    }


def test_a_column_has_the_type_that_is_declared(launcher: Launcher, base: Path) -> None:
    write(base, "whole,big,code,gone,free\n1,99999999999999999999,007,,1\n,2,8,,2\n")
    types = {"whole": "FLOAT", "big": "FLOAT", "code": "BYTES", "gone": "INT"}

    outcome = generate(launcher, base, column_types=types)
    rows = one_split(launcher, base, column_types=types)

    assert rows["whole"] == [[1.0], []]
    assert rows["big"] == [[pytest.approx(1e20)], [2.0]]
    assert rows["code"] == [[b"007"], [b"8"]]
    assert rows["free"] == [[1], [2]]
    reader = ExamplesReader(outcome["examples"].path, "test")
    batch = next(reader.record_batches("train"))
    assert batch.schema.field("whole").type.value_type == pa.float32()


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"fare": "INT"}, r"data.csv, line 2: column 'fare' has '2.5', expected a whole number"),
        ({"company": "FLOAT"}, r"line 2: column 'company' has 'A', expected a number, since"),
        ({"fares": "FLOAT"}, r"names the column 'fares', but .* Did you mean 'fare'\?"),
        ({"fare": "FLOATS"}, r"`column_types` has 'FLOATS' for column 'fare'.*'FLOAT'\?"),
        ({"fare": "string"}, r"expected one of \['INT', 'FLOAT', 'BYTES'\]\. "),
    ],
)
def test_a_cell_that_is_not_of_its_columns_type_is_named(
    types: Mapping[str, str], message: str, launcher: Launcher, base: Path
) -> None:
    write(base)

    refused(launcher, base, message, column_types=types)


def test_files_that_spark_writes_beside_the_data_are_not_read(
    launcher: Launcher, base: Path
) -> None:
    write(base, "a\n1\n", "part-0.csv")
    for name in ("_SUCCESS", ".part-0.csv.crc", "._SUCCESS.crc", "_committed_123"):
        write(base, b"\0crc", name)

    assert one_split(launcher, base) == {"a": [[1]]}
    assert one_split(launcher, base / "..", input_base=base.as_uri()) == {"a": [[1]]}


def test_any_delimiter_is_read(launcher: Launcher, base: Path) -> None:
    write(base, "a\tb\n1\t2,5\n")

    assert one_split(launcher, base, delimiter="\t") == {"a": [[1]], "b": [[b"2,5"]]}


def test_gzip_is_read_whatever_the_name(launcher: Launcher, base: Path) -> None:
    write(base, gzip.compress(b"a,b\n1,x\n"), "first.csv.gz")
    write(base, gzip.compress(b"a,b\n2,y\n"), "second.csv")

    assert one_split(launcher, base) == {"a": [[1], [2]], "b": [[b"x"], [b"y"]]}


def test_a_byte_order_mark_is_no_part_of_the_first_name(launcher: Launcher, base: Path) -> None:
    write(base, "\ufeffa,b\n1,2\n")

    assert one_split(launcher, base) == {"a": [[1]], "b": [[2]]}


def test_quoted_names_and_fields_over_several_lines_are_read(
    launcher: Launcher, base: Path
) -> None:
    write(base, '"a, b",c\r\n"one\r\ntwo",1\r\n\r\n"say ""hi""",2\r\n')

    assert one_split(launcher, base) == {
        "a, b": [[b"one\r\ntwo"], [b'say "hi"']],
        "c": [[1], [2]],
    }


def test_a_uri_is_read_through_arrows_file_systems(launcher: Launcher, base: Path) -> None:
    write(base, CSV, "year 1/day-3/data.csv")
    write(base, gzip.compress(CSV.encode() + b"7,C\n"), "year 1/day-4/data.csv.gz")
    write(base, "not,read", "other/day-5/data.csv")

    outcome = launcher.run(
        "csv_example_gen",
        {
            "input_base": base.as_uri(),
            "input_config": {"splits": [{"name": "all", "pattern": "year 1/day-{SPAN}/*"}]},
            "output_config": {"split_config": {"splits": [{"name": "x", "hash_buckets": 1}]}},
        },
    )

    assert outcome["examples"].metadata["span"] == 4
    assert ExamplesReader(outcome["examples"].path, "test").num_rows("x") == 4


def test_a_uri_of_an_unknown_scheme_is_refused(launcher: Launcher) -> None:
    with pytest.raises(TaskFailedError, match=r"'carrier-pigeon://x' cannot be opened: .* gs://"):
        launcher.run("csv_example_gen", {"input_base": "carrier-pigeon://x"})


def test_a_column_that_turns_to_text_is_reported_with_its_line(
    launcher: Launcher, base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(base, 'a,b\n1,"x\ny"\n2,z\nNA,z\n')

    with caplog.at_level(logging.WARNING):
        rows = one_split(launcher, base)

    assert rows["a"] == [[b"1"], [b"2"], [b"NA"]]
    assert "column 'a' holds numbers and text" in caplog.text
    assert "data.csv, line 5" in caplog.text


def test_the_span_parameter_chooses_and_is_recorded(launcher: Launcher, base: Path) -> None:
    for span in (7, 8):
        for version in (1, 2):
            write(base, CSV + f"{span},{version}\n", f"day-{span}/v{version}/data.csv")
    pattern = {"splits": [{"name": "all", "pattern": "day-{SPAN}/v{VERSION}/*"}]}

    latest = generate(launcher, base, input_config=pattern)["examples"].metadata
    chosen = generate(launcher, base, input_config=pattern, span=7)["examples"].metadata

    assert (latest["span"], latest["version"]) == (8, 2)
    assert (chosen["span"], chosen["version"]) == (7, 2)


def test_a_missing_directory_is_named(launcher: Launcher, base: Path) -> None:
    refused(
        launcher, base / "gone", r"csv_example_gen: `input_base` is '.*gone', which is not a dir"
    )


def test_a_pattern_without_a_match_is_named(launcher: Launcher, base: Path) -> None:
    write(base)
    config = {"splits": [{"name": "all", "pattern": "*.tsv"}]}
    refused(
        launcher,
        base,
        r"no file matches pattern '\*.tsv' of input split 'all'",
        input_config=config,
    )


def test_an_empty_file_is_named(launcher: Launcher, base: Path) -> None:
    write(base, "")
    refused(launcher, base, r"data.csv is empty, expected a header line")


def test_a_header_without_rows_is_refused(launcher: Launcher, base: Path) -> None:
    write(base, "a,b\n\n")
    refused(launcher, base, r"data.csv: a header but no rows, expected at least one")


@pytest.mark.parametrize(
    ("header", "found"), [("1,x", "the number '1'"), ("a,", "an empty name"), ("a,a", "'a' twice")]
)
def test_a_first_line_that_is_no_header_is_refused(
    header: str, found: str, launcher: Launcher, base: Path
) -> None:
    write(base, f"{header}\n2,y\n")
    refused(launcher, base, f"the first line of .*data.csv holds {found}, expected a header")


def test_a_ragged_row_is_named_by_its_line(launcher: Launcher, base: Path) -> None:
    write(base, 'a,b\n"x\ny",1\n\nz,2,3\n')
    refused(launcher, base, r"data.csv, line 5: 3 fields, expected 2 as in the header \('a' to 'b'")


def test_a_quote_that_is_not_closed_is_suspected(launcher: Launcher, base: Path) -> None:
    write(base, 'a,b\n1,2\n3,"x\n4,5\n6,7\n')
    refused(launcher, base, r"data.csv, line 3: a quote is opened and not closed")


def test_a_quote_that_is_open_for_longer_than_a_block_is_named(
    launcher: Launcher, base: Path
) -> None:
    write(base, 'a,b\n1,2\n3,"x\n' + "4,5\n" * BLOCK_BYTES)
    refused(launcher, base, r"data.csv, line 3: a quote is opened and not closed")


def test_a_gzip_file_that_is_cut_off_is_named(launcher: Launcher, base: Path) -> None:
    rows = "".join(f"{hashlib.sha256(bytes(index)).hexdigest()}\n" for index in range(9000))
    write(base, gzip.compress(b"a\n" + rows.encode())[:-5000], "cut.csv.gz")
    refused(launcher, base, r"cut.csv.gz cannot be decompressed .*expected a whole gzip file")


def test_a_quote_within_a_field_is_text(launcher: Launcher, base: Path) -> None:
    write(base, 'size,n\n5" pipe,1\n')

    assert one_split(launcher, base) == {"size": [[b'5" pipe']], "n": [[1]]}


def test_a_record_longer_than_a_block_is_refused(launcher: Launcher, base: Path) -> None:
    write(base, "a,b\n1,2\n3," + "x" * 3 * BLOCK_BYTES + "\n4,5\n")
    refused(launcher, base, r"data.csv, line 3: the record is longer than 2 MiB")


def test_a_byte_that_is_not_utf_8_is_named(launcher: Launcher, base: Path) -> None:
    write(base, b"a,b\n1,x\n2,caf\xe9\n")
    refused(launcher, base, r"data.csv, line 3: byte 6 is 0xe9, which is not UTF-8")


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16le"),
        ("utf-16-be", "utf-16be"),
        ("utf-32", "utf-32"),
    ],
)
def test_a_file_of_another_unicode_encoding_is_told_with_its_name(
    encoding: str, named: str, launcher: Launcher, base: Path
) -> None:
    write(base, CSV.encode(encoding))

    refused(launcher, base, rf"for example by `iconv -f {named} -t utf-8`")


def test_a_header_that_is_not_utf_8_is_named(launcher: Launcher, base: Path) -> None:
    write(base, b"a,caf\xe9\n1,x\n")
    refused(launcher, base, r"data.csv, line 1: byte 6 is 0xe9, which is not UTF-8")


def test_files_with_different_headers_are_named(launcher: Launcher, base: Path) -> None:
    write(base, "a,b\n1,2\n", "1.csv")
    write(base, "a,c\n1,2\n", "2.csv")
    refused(launcher, base, r"2.csv has the header \['a', 'c'\], .*1.csv has \['a', 'b'\]")


@pytest.mark.parametrize("delimiter", ["", "ab", "\n", '"', "§"])
def test_a_delimiter_that_cannot_be_one_is_refused(
    delimiter: str, launcher: Launcher, base: Path
) -> None:
    write(base)
    refused(launcher, base, r"`delimiter` is .*, expected one ASCII char", delimiter=delimiter)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([{"name": "train", "hash_buckets": 0}], r"`hash_buckets` of output split 'train' is 0.*"),
        ([{"name": "train"}], r"`hash_buckets` of output split 'train' is 0"),
        ([{"name": "a/b", "hash_buckets": 1}], r"has the name 'a/b', expected letters"),
        ([TWO[0], TWO[0]], r"names \['train'\] twice"),
        ([{"name": "train", "buckets": 1}], r"has \['buckets'\], expected \['hash_buckets', 'name"),
    ],
)
def test_output_splits_that_cannot_be_made_are_refused(
    output: Any, message: str, launcher: Launcher, base: Path
) -> None:
    write(base)
    refused(launcher, base, message, output_config={"split_config": {"splits": output}})


def test_several_input_splits_cannot_be_divided(launcher: Launcher) -> None:
    refused(
        launcher,
        FIXTURE / "cells",
        r"`input_config` has 2: \['first', 'second'\]",
        input_config=KEPT,
        output_config={"split_config": {"splits": TWO}},
    )


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("gone", r"is 'gone', but the columns are \['Zone', 'beyond_int64'"),
        ("fraction", r"is 'fraction', a column of numbers with a fraction"),
        ("empty", r"is 'empty', a column of no value"),
    ],
)
def test_a_partition_feature_that_cannot_decide_is_refused(
    feature: str, message: str, launcher: Launcher
) -> None:
    config = {"split_config": {"splits": TWO, "partition_feature_name": feature}}
    refused(launcher, FIXTURE / "cells", message, input_config=INPUT, output_config=config)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    mount_point = tmp_path / "small"
    mount_point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount_point)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        # Linux returns ENOSPC for every write to this file, for any user.
        for split in ("train", "eval"):
            directory = mount_point / f"Split-{split}"
            directory.mkdir()
            (directory / "data_tfrecord-00000-of-00001.gz").symlink_to("/dev/full")
        yield mount_point
        return
    yield mount_point
    subprocess.run(["umount", str(mount_point)], check=True)


def test_a_full_disk_is_for_the_operator(base: Path, full_disk: Path) -> None:
    rows = "".join(f"{index},{hashlib.sha256(bytes(index)).hexdigest()}\n" for index in range(5000))
    write(base, "a,b\n" + rows)
    command = [sys.executable, "-m", "headrace_components.csv_example_gen"]

    result = subprocess.run(
        [*command, "--executor_input", message_for(base, full_disk)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 75
    assert "No space left on device. Free space or choose another root" in result.stderr
    assert not (full_disk / "columnar.json").exists()
    assert not Path(f"{full_disk}-out/output.json").exists()


@pytest.mark.slow
def test_memory_is_bounded_by_the_block_and_not_by_the_file(base: Path, tmp_path: Path) -> None:
    line = ",".join(f"{index}.25" for index in range(20))
    rows = "\n".join(f"{row},{line}" for row in range(60_000))
    names = ",".join(["row", *(f"c{index}" for index in range(20))])
    peaks = []
    for num_files in (1, 4):
        while len(list(base.iterdir())) < num_files:
            write(base, f"{names}\n{rows}\n", f"{len(list(base.iterdir()))}.csv")
        peaks.append(peak_bytes(base, tmp_path / f"examples-{num_files}"))

    assert peaks[1] < 1.15 * peaks[0]


def peak_bytes(base: Path, output: Path) -> int:
    code = (
        "import resource, sys;"
        "from headrace_components.contract import task;"
        "from headrace_components.csv_example_gen.executor import execute;"
        "code = task.main('csv_example_gen', execute, sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024);"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "--executor_input", message_for(base, output)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def message_for(base: Path, output: Path) -> str:
    """Returns the ExecutorInput for a run outside the launcher."""
    return json.dumps(
        {
            "inputs": {"parameterValues": {"input_base": str(base)}},
            "outputs": {
                "outputFile": f"{output}-out/output.json",
                "artifacts": {"examples": {"artifacts": [{"uri": str(output)}]}},
            },
        }
    )


def test_the_component_runs_without_tensorflow_and_beam(base: Path) -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'kfp']));"
        "import headrace_components.csv_example_gen.executor"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
