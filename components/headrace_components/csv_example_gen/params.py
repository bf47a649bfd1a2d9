"""Parameters of CsvExampleGen."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace_components.errors import InputError

# tfx.types.artifact_utils: a split's name becomes part of a directory's name.
_SPLIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSplit:
    """Files that are read together.

    Attributes:
        name: Name of the split.
        pattern: Glob under `input_base`, with `{SPAN}` and the like.
    """

    name: str
    pattern: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputSplit:
    """A share of the rows of the one input split.

    Attributes:
        name: Name of the split.
        hash_buckets: Its share, in buckets of all output splits' sum.
    """

    name: str
    hash_buckets: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvExampleGenParams:
    """What a pipeline author may choose.

    Attributes:
        input_base: Directory or URI under which the input patterns lie.
        input_config: `tfx.proto.Input` as JSON; empty reads every file as one split.
        output_config: `tfx.proto.Output` as JSON; empty splits train:eval by 2:1, or keeps several
            input splits as they are.
        range_config: `tfx.proto.RangeConfig` as JSON; empty takes the latest span.
        span: The span to read, or -1.
        delimiter: The character between two fields.
        compression_level: gzip level of the TFRecords, in [1, 9].
        columnar: Whether to write the columnar twin.
    """

    input_base: str
    input_config: Mapping[str, Any] = field(default_factory=dict)
    output_config: Mapping[str, Any] = field(default_factory=dict)
    range_config: Mapping[str, Any] = field(default_factory=dict)
    span: int = -1
    delimiter: str = ","
    compression_level: int = 1
    columnar: bool = True

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        if not self.input_base:
            raise InputError(
                "csv_example_gen: `input_base` is empty. Give the directory of the CSV files."
            )
        _check_delimiter(self.delimiter)
        if not 1 <= self.compression_level <= 9:
            raise InputError(
                f"csv_example_gen: `compression_level` is {self.compression_level}, expected 1 "
                "(fast) to 9 (small). 1 is the default."
            )
        if self.span < -1:
            raise InputError(
                f"csv_example_gen: `span` is {self.span}, expected 0 or more, or -1 to leave the "
                "choice to `range_config`."
            )
        _output_splits(self.output_config, self.input_splits)
        _only_span(self.range_config, self.span)

    @property
    def input_splits(self) -> tuple[InputSplit, ...]:
        """What `input_config` says."""
        return _input_splits(self.input_config)

    @property
    def output_splits(self) -> tuple[OutputSplit, ...]:
        """What `output_config` says; empty where the splits of the input are kept."""
        return _output_splits(self.output_config, self.input_splits)[0]

    @property
    def partition_feature(self) -> str:
        """Feature whose value decides the split; empty where the whole row does."""
        return _output_splits(self.output_config, self.input_splits)[1]

    @property
    def only_span(self) -> int | None:
        """The one span to read, or None for the latest."""
        return _only_span(self.range_config, self.span)

    @property
    def split_names(self) -> tuple[str, ...]:
        """Names of the splits of the output, in the order they were given."""
        return tuple(split.name for split in self.output_splits or self.input_splits)


def _check_delimiter(delimiter: str) -> None:
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\r\n"':
        raise InputError(
            f"csv_example_gen: `delimiter` is {delimiter!r}, expected one ASCII character that is "
            "neither a quote nor a line break. For tab-separated files give the tab character."
        )


def _input_splits(config: Mapping[str, Any]) -> tuple[InputSplit, ...]:
    entries = _fields(config, "input_config", {"splits": ()})["splits"]
    if not entries:
        return (InputSplit(name="single_split", pattern="*"),)
    splits = []
    for entry in _objects(entries, "input_config.splits"):
        values = _fields(entry, "input_config.splits", {"name": "", "pattern": ""})
        _check_name(values["name"], "input_config.splits")
        if not isinstance(values["pattern"], str) or not values["pattern"]:
            raise InputError(
                f"csv_example_gen: `input_config` split {values['name']!r} has pattern "
                f"{values['pattern']!r}, expected a glob under `input_base`, as 'train/*.csv'. "
                "Give it one."
            )
        splits.append(InputSplit(name=values["name"], pattern=values["pattern"]))
    _check_unique([split.name for split in splits], "input_config")
    return tuple(splits)


def _output_splits(
    config: Mapping[str, Any], input_splits: Sequence[InputSplit]
) -> tuple[tuple[OutputSplit, ...], str]:
    """Returns the output splits, empty where those of the input are kept, and the feature."""
    split_config = _fields(config, "output_config", {"split_config": {}})["split_config"]
    (split_config,) = _objects([split_config], "output_config.split_config")
    values = _fields(
        split_config,
        "output_config.split_config",
        {"splits": (), "partition_feature_name": ""},
    )
    feature = values["partition_feature_name"]
    if not isinstance(feature, str):
        raise InputError(
            f"csv_example_gen: `partition_feature_name` is {feature!r}, expected the name of a "
            "column. Give a string."
        )
    splits = tuple(
        _output_split(entry)
        for entry in _objects(values["splits"], "output_config.split_config.splits")
    )
    if len(input_splits) > 1 and (splits or feature):
        raise InputError(
            f"csv_example_gen: `output_config` divides one input split, but `input_config` has "
            f"{len(input_splits)}: {[split.name for split in input_splits]}. Leave `output_config` "
            "empty to keep those, or give one input split."
        )
    if len(input_splits) == 1 and not splits:
        splits = (
            OutputSplit(name="train", hash_buckets=2),
            OutputSplit(name="eval", hash_buckets=1),
        )
    _check_unique([split.name for split in splits], "output_config")
    return splits, feature


def _output_split(entry: Mapping[str, Any]) -> OutputSplit:
    place = "output_config.split_config.splits"
    values = _fields(entry, place, {"name": "", "hash_buckets": 0})
    _check_name(values["name"], place)
    buckets = _integer(values["hash_buckets"])
    if buckets is None or buckets <= 0:
        raise InputError(
            f"csv_example_gen: `hash_buckets` of output split {values['name']!r} is "
            f"{values['hash_buckets']!r}, expected a positive integer: its share of the sum over "
            "all splits. Give 2 and 1 for a division of 2:1."
        )
    return OutputSplit(name=values["name"], hash_buckets=buckets)


def _only_span(config: Mapping[str, Any], span: int) -> int | None:
    ranges = _fields(config, "range_config", {"static_range": None, "rolling_range": None})
    static, rolling = ranges["static_range"], ranges["rolling_range"]
    if static is not None and rolling is not None:
        raise InputError(
            "csv_example_gen: `range_config` has static_range and rolling_range, expected one of "
            "them. Keep static_range for a certain span, rolling_range for the latest."
        )
    chosen = _static_span(static) if static is not None else None
    if rolling is not None:
        _check_rolling_range(rolling)
    if span < 0:
        return chosen
    if chosen not in (None, span):
        raise InputError(
            f"csv_example_gen: `span` is {span}, but `range_config` asks for {chosen}. "
            "Give one of the two."
        )
    return span


def _static_span(config: Any) -> int:
    place = "range_config.static_range"
    (config,) = _objects([config], place)
    values = _fields(config, place, {"start_span_number": 0, "end_span_number": 0})
    start, end = _integer(values["start_span_number"]), _integer(values["end_span_number"])
    if start is None or start < 0 or start != end:
        raise InputError(
            f"csv_example_gen: `range_config.static_range` goes from "
            f"{values['start_span_number']!r} to {values['end_span_number']!r}, expected the same "
            "number twice: one run reads one span. To train on several, connect several runs' "
            "examples through a resolver."
        )
    return start


def _check_rolling_range(config: Any) -> None:
    place = "range_config.rolling_range"
    (config,) = _objects([config], place)
    values = _fields(config, place, {"start_span_number": 0, "num_spans": 0})
    if _integer(values["num_spans"]) != 1 or _integer(values["start_span_number"]) != 0:
        raise InputError(
            f"csv_example_gen: `range_config.rolling_range` is {dict(config)}, expected "
            '{"num_spans": 1}, the latest span: one run reads one span. To train on several, '
            "connect several runs' examples through a resolver."
        )


def _fields(
    config: Mapping[str, Any], place: str, defaults: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Returns the fields of a message in JSON; names may be in camelCase, as protojson has them."""
    values = {_snake_case(name): value for name, value in config.items()}
    unknown = sorted(set(values) - set(defaults))
    if unknown:
        raise InputError(
            f"csv_example_gen: `{place}` has {unknown}, expected {sorted(defaults)}. "
            "Use the field names of TFX's protos."
        )
    return {**defaults, **values}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda match: f"_{match[1].lower()}", name)


def _objects(values: Any, place: str) -> Sequence[Mapping[str, Any]]:
    is_list = isinstance(values, (list, tuple))
    if not is_list or not all(isinstance(value, Mapping) for value in values):
        raise InputError(
            f"csv_example_gen: `{place}` is {values!r}, expected JSON objects. "
            "Use the form of TFX's protos, as the component's documentation shows it."
        )
    objects: Sequence[Mapping[str, Any]] = values
    return objects


def _integer(value: Any) -> int | None:
    # JSON knows one number type: a backend may send 2 as 2.0.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        return None
    return int(value)


def _check_name(name: Any, place: str) -> None:
    if not isinstance(name, str) or not _SPLIT_NAME.fullmatch(name):
        raise InputError(
            f"csv_example_gen: `{place}` has the name {name!r}, expected letters, digits, '-' and "
            "'_', a letter or digit first. Name the split so, as 'train'."
        )


def _check_unique(names: Sequence[str], place: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"csv_example_gen: `{place}` names {twice} twice. Give each split a name of its own."
        )
