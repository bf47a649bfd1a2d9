"""Spans, versions and fingerprints of input patterns, like in TFX."""

import os
from pathlib import Path

import pytest

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.csv_example_gen.params import CsvExampleGenParams
from headrace_components.library.sources.configs import InputSplit
from headrace_components.library.sources.spans import ResolvedInput, resolve
from support.cases import declared

external_state = declared.cache("csv_example_gen").external_state


def touch(base: Path, *names: str) -> Path:
    for name in names:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, "utf-8")
        os.utime(path, (1_700_000_000 + len(name), 1_700_000_000 + len(name)))
    return base


def found(base: Path, *patterns: str, span: int | None = None) -> ResolvedInput:
    splits = [InputSplit(name=f"s{i}", pattern=pattern) for i, pattern in enumerate(patterns)]
    return resolve(str(base), splits, span)


def names(resolved: ResolvedInput, base: Path, split: str = "s0") -> list[str]:
    return [str(Path(path).relative_to(base)) for path in resolved.files[split]]


def test_a_plain_pattern_has_span_zero_and_no_version(tmp_path: Path) -> None:
    touch(tmp_path, "b.csv", "a.csv", ".hidden.csv", "directory/c.csv")

    resolved = found(tmp_path, "*")

    assert (resolved.span, resolved.version) == (0, None)
    assert names(resolved, tmp_path) == ["a.csv", "b.csv"]


def test_hidden_files_and_directories_are_left_out_unless_they_are_asked_for(
    tmp_path: Path,
) -> None:
    touch(tmp_path, "day/a.csv", "day/_SUCCESS", "day/.a.csv.crc", "_temporary/b.csv", "_raw/c.csv")

    assert names(found(tmp_path, "*/*"), tmp_path) == ["day/a.csv"]
    assert names(found(tmp_path, "day/*"), tmp_path) == ["day/a.csv"]
    assert names(found(tmp_path, "_raw/*"), tmp_path) == ["_raw/c.csv"]
    assert names(found(tmp_path, "day/_*"), tmp_path) == ["day/_SUCCESS"]
    with pytest.raises(InputError, match=r"; left out: 1 whose names, or folders', begin with _"):
        found(tmp_path, "*/c.csv")


def test_the_fingerprint_is_that_of_tfx(tmp_path: Path) -> None:
    touch(tmp_path, "a.csv", "bb.csv", "c.txt")

    assert found(tmp_path, "*.csv", "*.txt").fingerprint == (
        "split:s0,num_files:2,total_bytes:11,"
        f"xor_checksum:{1_700_000_005 ^ 1_700_000_006},sum_checksum:3400000011\n"
        "split:s1,num_files:1,total_bytes:5,xor_checksum:1700000005,sum_checksum:1700000005"
    )


@pytest.mark.parametrize(
    ("pattern", "files", "span", "version", "chosen"),
    [
        ("day-{SPAN}/*", ["day-9/x", "day-10/x", "day-10/y"], 10, None, ["day-10/x", "day-10/y"]),
        ("day-{SPAN:3}/*", ["day-009/x", "day-11/x", "day-010/x"], 10, None, ["day-010/x"]),
        ("{SPAN}-{VERSION}.csv", ["1-9.csv", "2-1.csv", "2-10.csv"], 2, 10, ["2-10.csv"]),
        ("{SPAN:2}{VERSION:2}", ["0102", "0203", "0201"], 2, 3, ["0203"]),
        ("{YYYY}-{MM}-{DD}/*", ["1970-01-02/x", "1970-01-01/x"], 1, None, ["1970-01-02/x"]),
        ("{YYYY}{MM}{DD}.{VERSION}", ["20130101.2", "20130101.1"], 15706, 2, ["20130101.2"]),
        ("{DD}.{MM}.{YYYY}", ["31.12.2012", "01.01.2013"], 15706, None, ["01.01.2013"]),
        ("v{VERSION}/{SPAN}", ["v1/5", "v2/4"], 5, 1, ["v1/5"]),
        ("{SPAN}.[ch]sv", ["1.csv", "2.hsv", "3.tsv"], 2, None, ["2.hsv"]),
        ("{SPAN}.?sv", ["1.csv", "2.xxsv"], 1, None, ["1.csv"]),
    ],
)
def test_the_latest_span_is_taken_in_its_latest_version(
    pattern: str,
    files: list[str],
    span: int,
    version: int | None,
    chosen: list[str],
    tmp_path: Path,
) -> None:
    resolved = found(touch(tmp_path, *files), pattern)

    assert (resolved.span, resolved.version) == (span, version)
    assert names(resolved, tmp_path) == chosen


def test_a_certain_span_is_taken_in_its_latest_version(tmp_path: Path) -> None:
    touch(tmp_path, "1/v1/x", "1/v2/x", "2/v9/x", "19700102/x")

    resolved = found(tmp_path, "{SPAN}/v{VERSION}/*", span=1)

    assert (resolved.span, resolved.version) == (1, 2)
    assert names(resolved, tmp_path) == ["1/v2/x"]
    assert names(found(tmp_path, "{YYYY}{MM}{DD}/*", span=1), tmp_path) == ["19700102/x"]


def test_a_base_with_the_characters_of_a_glob_is_a_plain_directory(tmp_path: Path) -> None:
    base = touch(tmp_path / "a[1]+(b)*", "1.csv")

    assert names(found(base, "{SPAN}.csv"), base) == ["1.csv"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{SPAN}-{SPAN}", "each placeholder once"),
        ("{SPAN}-{YYYY}{MM}{DD}", r"\{SPAN\} or a date, not both"),
        ("{YYYY}{MM}", r"all of \{YYYY\}, \{MM\} and \{DD\}"),
        ("{VERSION}", r"\{VERSION\} beside \{SPAN\} or a date"),
        ("{SPAN}{VERSION}{VERSION}", "each placeholder once"),
        ("{SPAN:x}", r"\{SPAN\} or \{SPAN:8\}"),
        ("{SPAN:0}", r"\{SPAN\} or \{SPAN:8\}"),
    ],
)
def test_a_pattern_that_says_nothing_clear_is_refused(
    pattern: str, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"of input split 's0': expected {expected}"):
        found(tmp_path, pattern)


def test_a_span_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    touch(tmp_path, "1.csv", "3.csv")

    with pytest.raises(InputError, match=r"under .* at span 2; spans found: \[1, 3\]"):
        found(tmp_path, "{SPAN}.csv", span=2)


def test_a_date_that_is_none_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "20130231.csv")

    with pytest.raises(InputError, match=r"20130231.csv .* 2013-02-31 is not a date"):
        found(tmp_path, "{YYYY}{MM}{DD}.csv")


def test_splits_at_different_spans_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.csv", "train/2.csv", "eval/1.csv")

    with pytest.raises(InputError, match=r"of split 's0' are \(2, None\), of split 's1' \(1, None"):
        found(tmp_path, "train/{SPAN}.csv", "eval/{SPAN}.csv")
    assert found(tmp_path, "train/{SPAN}.csv", "eval/{SPAN}.csv", span=1).span == 1


def test_splits_with_different_placeholders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'\{SPAN\}' of input split 's0' and pattern '\*' of"):
        found(tmp_path, "{SPAN}", "*")


def test_a_span_needs_a_placeholder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"span 3 is asked for, but pattern '\*' has no \{SPAN\}"):
        found(tmp_path, "*", span=3)


@pytest.mark.parametrize(
    ("config", "span", "expected"),
    [
        ({}, -1, None),
        ({}, 4, 4),
        ({"static_range": {"start_span_number": 3.0, "end_span_number": 3}}, -1, 3),
        ({"staticRange": {"startSpanNumber": 3, "endSpanNumber": 3}}, 3, 3),
        ({"static_range": {}}, -1, 0),
        ({"rolling_range": {"num_spans": 1}}, -1, None),
    ],
)
def test_span_and_range_name_at_most_one_span(
    config: dict[str, object], span: int, expected: int | None
) -> None:
    values = {"input_base": "x", "range_config": config, "span": span}
    params = read(CsvExampleGenParams, values, "csv_example_gen")

    assert params.only_span == expected


@pytest.mark.parametrize(
    ("config", "span", "message"),
    [
        ({}, -2, "`span` is -2, expected 0 or more"),
        ({"static_range": {"start_span_number": 1, "end_span_number": 2}}, -1, "goes from 1 to 2"),
        ({"static_range": {"start_span_number": 1.5, "end_span_number": 1.5}}, -1, "from 1.5 to"),
        ({"static_range": {"start_span_number": 1, "end_span_number": 1}}, 2, "`span` is 2, but"),
        ({"rolling_range": {"num_spans": 7}}, -1, r"expected \{\"num_spans\": 1\}"),
        ({"rolling_range": {}, "static_range": {}}, -1, "has static_range and rolling_range"),
        ({"static_range": 3}, -1, "`range_config.static_range` is .*3.*, expected JSON objects"),
        ({"range": {}}, -1, r"has \['range'\], expected \['rolling_range', 'static_range'\]"),
    ],
)
def test_a_range_that_is_not_one_span_is_refused(
    config: dict[str, object], span: int, message: str
) -> None:
    values = {"input_base": "x", "range_config": config, "span": span}

    with pytest.raises(InputError, match=message):
        read(CsvExampleGenParams, values, "csv_example_gen")


def test_the_cache_sees_new_spans_and_changed_files(tmp_path: Path) -> None:
    pattern = {"splits": [{"name": "all", "pattern": "{SPAN}.csv"}]}
    params = {"input_base": str(touch(tmp_path, "1.csv")), "input_config": pattern}

    states = [external_state(params, {})]
    touch(tmp_path, "2.csv")
    states.append(external_state(params, {}))
    (tmp_path / "2.csv").write_text("changed", "utf-8")
    states.append(external_state(params, {}))

    assert external_state(params, {}) == states[-1]
    assert len(set(states)) == 3
    assert None not in states


@pytest.mark.parametrize("base", ["carrier-pigeon://x", "/no/such/directory", ""])
def test_the_cache_is_not_asked_where_unknown_before_the_run(base: str) -> None:
    assert external_state({"input_base": base}, {}) is None
