"""Reads the configurations of examples: TFX's protos as JSON."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import whole_number

# tfx.types.artifact_utils: a split's name becomes part of a directory's name.
_SPLIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSplit:
    """Files that are read together.

    Attributes:
        name: Name of the split.
        pattern: Glob under `input_base`, with `{SPAN}` and the like; or a query, with
            `@span_begin_timestamp` and the like.
    """

    name: str
    pattern: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanRange:
    """A range of spans.

    Attributes:
        first: The least span that is in it.
        last: The largest; None means the newest one.
        num_spans: How many span numbers it has at most, counted down from the last; None for any.
    """

    first: int
    last: int | None
    num_spans: int | None

    def of(self, spans: Collection[int]) -> list[int]:
        """Returns those of `spans` that are in the range, sorted."""
        last = max(spans, default=0) if self.last is None else self.last
        first = self.first if self.num_spans is None else max(self.first, last - self.num_spans + 1)
        return sorted(span for span in set(spans) if first <= span <= last)


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputSplit:
    """A share of the rows of the one input split.

    Attributes:
        name: Name of the split.
        hash_buckets: Its share, in buckets of all output splits' sum.
    """

    name: str
    hash_buckets: int


def input_splits(component: str, config: Mapping[str, Any]) -> tuple[InputSplit, ...]:
    """Returns the splits of a `tfx.proto.Input`; all files as one split if it is empty.

    Raises:
        InputError: The message does not have such a field or name.
    """
    entries = _fields(component, config, "input_config", {"splits": ()})["splits"]
    if not entries:
        return (InputSplit(name="single_split", pattern="*"),)
    splits = []
    for entry in _objects(component, entries, "input_config.splits"):
        values = _fields(component, entry, "input_config.splits", {"name": "", "pattern": ""})
        _check_name(component, values["name"], "input_config.splits")
        if not isinstance(values["pattern"], str) or not values["pattern"]:
            raise InputError(
                f"{component}: `input_config` split {values['name']!r} has pattern "
                f"{values['pattern']!r}, expected a glob under `input_base`, as 'train/*', or a "
                "query where a database is read. Give it one."
            )
        splits.append(InputSplit(name=values["name"], pattern=values["pattern"]))
    _check_unique(component, [split.name for split in splits], "input_config")
    return tuple(splits)


def output_splits(
    component: str, config: Mapping[str, Any], inputs: Sequence[InputSplit]
) -> tuple[tuple[OutputSplit, ...], str]:
    """Returns the splits of a `tfx.proto.Output`.

    Args:
        component: Name of the component, for error messages.
        config: The message; empty divides one input split into train:eval by 2:1.
        inputs: The input splits.

    Returns:
        The output splits, empty where those of the input are kept, and the feature that decides
        on a row's split, empty where the whole row does.

    Raises:
        InputError: The message does not have such a field or name, or several input splits must be
            divided.
    """
    split_config = _fields(component, config, "output_config", {"split_config": {}})["split_config"]
    (split_config,) = _objects(component, [split_config], "output_config.split_config")
    values = _fields(
        component,
        split_config,
        "output_config.split_config",
        {"splits": (), "partition_feature_name": ""},
    )
    feature = values["partition_feature_name"]
    if not isinstance(feature, str):
        raise InputError(
            f"{component}: `partition_feature_name` is {feature!r}, expected the name of a "
            "column. Give a string."
        )
    splits = tuple(
        _output_split(component, entry)
        for entry in _objects(component, values["splits"], "output_config.split_config.splits")
    )
    if len(inputs) > 1 and (splits or feature):
        raise InputError(
            f"{component}: `output_config` divides one input split, but `input_config` has "
            f"{len(inputs)}: {[split.name for split in inputs]}. Leave `output_config` "
            "empty to keep those, or give one input split."
        )
    if len(inputs) == 1 and not splits:
        splits = (
            OutputSplit(name="train", hash_buckets=2),
            OutputSplit(name="eval", hash_buckets=1),
        )
    _check_unique(component, [split.name for split in splits], "output_config")
    return splits, feature


def _output_split(component: str, entry: Mapping[str, Any]) -> OutputSplit:
    place = "output_config.split_config.splits"
    values = _fields(component, entry, place, {"name": "", "hash_buckets": 0})
    _check_name(component, values["name"], place)
    buckets = whole_number(values["hash_buckets"])
    if buckets is None or buckets <= 0:
        raise InputError(
            f"{component}: `hash_buckets` of output split {values['name']!r} is "
            f"{values['hash_buckets']!r}, expected a positive integer: its share of the sum over "
            "all splits. Give 2 and 1 for a division of 2:1."
        )
    return OutputSplit(name=values["name"], hash_buckets=buckets)


def only_span(component: str, config: Mapping[str, Any], span: int) -> int | None:
    """Returns the one span that a `tfx.proto.RangeConfig` or `span` asks for; None for the latest.

    Args:
        component: Name of the component, for error messages.
        config: The message; empty asks for the latest span.
        span: The span, or -1 to leave the choice to `config`.

    Raises:
        InputError: Two spans are asked for, or a range of several.
    """
    ranges = _fields(
        component, config, "range_config", {"static_range": None, "rolling_range": None}
    )
    static, rolling = ranges["static_range"], ranges["rolling_range"]
    if static is not None and rolling is not None:
        raise InputError(
            f"{component}: `range_config` has static_range and rolling_range, expected one of "
            "them. Keep static_range for a certain span, rolling_range for the latest."
        )
    chosen = _static_span(component, static) if static is not None else None
    if rolling is not None:
        _check_rolling_range(component, rolling)
    if span < 0:
        return chosen
    if chosen not in (None, span):
        raise InputError(
            f"{component}: `span` is {span}, but `range_config` asks for {chosen}. "
            "Give one of the two."
        )
    return span


def span_range(component: str, config: Mapping[str, Any]) -> SpanRange:
    """Returns the range that a `tfx.proto.RangeConfig` asks for.

    Raises:
        InputError: It asks for no range, for two, or for one without a span.
    """
    ranges = _fields(
        component, config, "range_config", {"static_range": None, "rolling_range": None}
    )
    given = {name: value for name, value in ranges.items() if value is not None}
    if len(given) != 1:
        raise InputError(
            f"{component}: `range_config` is {dict(config)}, expected a static_range or a "
            'rolling_range. Write it as {"rolling_range": {"num_spans": 7}}.'
        )
    ((name, value),) = given.items()
    place = f"range_config.{name}"
    (value,) = _objects(component, [value], place)
    other = "end_span_number" if name == "static_range" else "num_spans"
    values = _fields(component, value, place, {"start_span_number": 0, other: 0})
    start, bound = whole_number(values["start_span_number"]), whole_number(values[other])
    if name == "static_range" and start is not None and bound is not None and 0 <= start <= bound:
        return SpanRange(first=start, last=bound, num_spans=None)
    if name == "rolling_range" and start is not None and bound is not None and start >= 0 < bound:
        return SpanRange(first=start, last=None, num_spans=bound)
    raise InputError(
        f"{component}: `{place}` is {dict(value)}, expected whole numbers: "
        "`start_span_number` of at least 0, and "
        + (
            "`end_span_number` of at least that."
            if name == "static_range"
            else "`num_spans` of at least 1."
        )
        + " Correct it."
    )


def _static_span(component: str, config: Any) -> int:
    place = "range_config.static_range"
    (config,) = _objects(component, [config], place)
    values = _fields(component, config, place, {"start_span_number": 0, "end_span_number": 0})
    start, end = whole_number(values["start_span_number"]), whole_number(values["end_span_number"])
    if start is None or start < 0 or start != end:
        raise InputError(
            f"{component}: `range_config.static_range` goes from "
            f"{values['start_span_number']!r} to {values['end_span_number']!r}, expected the same "
            "number twice: one run reads one span. To train on several, connect `examples` "
            "through span_range."
        )
    return start


def _check_rolling_range(component: str, config: Any) -> None:
    place = "range_config.rolling_range"
    (config,) = _objects(component, [config], place)
    values = _fields(component, config, place, {"start_span_number": 0, "num_spans": 0})
    if whole_number(values["num_spans"]) != 1 or whole_number(values["start_span_number"]) != 0:
        raise InputError(
            f"{component}: `range_config.rolling_range` is {dict(config)}, expected "
            '{"num_spans": 1}, the latest span: one run reads one span. To train on several, '
            "connect `examples` through span_range."
        )


def _fields(
    component: str, config: Mapping[str, Any], place: str, defaults: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Returns the fields of a message in JSON; names may be in camelCase, as in protojson."""
    values = {_snake_case(name): value for name, value in config.items()}
    unknown = sorted(set(values) - set(defaults))
    if unknown:
        raise InputError(
            f"{component}: `{place}` has {unknown}, expected {sorted(defaults)}. "
            "Use the field names of TFX's protos."
        )
    return {**defaults, **values}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda match: f"_{match[1].lower()}", name)


def _objects(component: str, values: Any, place: str) -> Sequence[Mapping[str, Any]]:
    is_list = isinstance(values, (list, tuple))
    if not is_list or not all(isinstance(value, Mapping) for value in values):
        raise InputError(
            f"{component}: `{place}` is {values!r}, expected JSON objects. "
            "Use the form of TFX's protos, as the component's documentation shows it."
        )
    objects: Sequence[Mapping[str, Any]] = values
    return objects


def _check_name(component: str, name: Any, place: str) -> None:
    if not isinstance(name, str) or not _SPLIT_NAME.fullmatch(name):
        raise InputError(
            f"{component}: `{place}` has the name {name!r}, expected letters, digits, '-' and "
            "'_', a letter or digit first. Name the split so, as 'train'."
        )


def _check_unique(component: str, names: Sequence[str], place: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{component}: `{place}` names {twice} twice. Give each split a name of its own."
        )
