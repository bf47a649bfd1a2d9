"""The configurations of components that make examples: TFX's protos as dataclasses."""

import dataclasses
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import MESSAGE, Style, given, whole_number

# From tfx.types.artifact_utils: a split's name becomes part of a directory's name.
_SPLIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

_STYLE = dataclasses.replace(
    MESSAGE,
    unknown="`{path}` has {names}, expected {known}. {hint}",
    otherwise="Use the field names of TFX's protos.",
    not_object="`{path}` is {value!r}, expected JSON objects. Use the form of TFX's protos, which "
    "the component's documentation shows.",
    least=None,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSplit:
    """Files that are read together.

    Attributes:
        name: Name of the split.
        pattern: Glob under `input_base`, with placeholders such as `{SPAN}`; or a query, with
            placeholders such as `@span_begin_timestamp`.
    """

    name: str = ""
    pattern: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputConfig:
    """A `tfx.proto.Input`."""

    STYLE: ClassVar[Style] = _STYLE

    splits: tuple[InputSplit, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputSplit:
    """A share of the rows of the one input split.

    Attributes:
        name: Name of the split.
        hash_buckets: Its share, as a number of all output splits' buckets.
    """

    name: str = ""
    hash_buckets: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitConfig:
    """A `tfx.proto.SplitConfig`.

    Attributes:
        splits: The output splits.
        partition_feature_name: Feature whose value decides on a row's split; empty to use the whole
            row.
    """

    splits: tuple[OutputSplit, ...] = ()
    partition_feature_name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputConfig:
    """A `tfx.proto.Output`."""

    STYLE: ClassVar[Style] = _STYLE

    split_config: SplitConfig = SplitConfig()


@dataclass(frozen=True, kw_only=True, slots=True)
class StaticRange:
    """A `tfx.proto.StaticRange`; its numbers are checked together."""

    start_span_number: Any = 0
    end_span_number: Any = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RollingRange:
    """A `tfx.proto.RollingRange`; its numbers are checked together."""

    start_span_number: Any = 0
    num_spans: Any = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RangeConfig:
    """A `tfx.proto.RangeConfig`."""

    STYLE: ClassVar[Style] = _STYLE

    static_range: StaticRange | None = None
    rolling_range: RollingRange | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanRange:
    """A range of spans.

    Attributes:
        first: The least span in the range.
        last: The largest; None means the newest one.
        num_spans: The maximum number of spans, counted back from the last; None for any.
    """

    first: int
    last: int | None
    num_spans: int | None

    def of(self, spans: Collection[int]) -> list[int]:
        """Returns the spans that are in the range, sorted."""
        last = max(spans, default=0) if self.last is None else self.last
        first = self.first if self.num_spans is None else max(self.first, last - self.num_spans + 1)
        return sorted(span for span in set(spans) if first <= span <= last)


def input_splits(config: InputConfig) -> tuple[InputSplit, ...]:
    """Returns the splits that a config names; all files as one split if it is empty.

    Raises:
        InputError: A name is not valid for a split, or a pattern is missing.
    """
    if not config.splits:
        return (InputSplit(name="single_split", pattern="*"),)
    for split in config.splits:
        _check_name(split.name, "input_config.splits")
        if not split.pattern:
            raise InputError(
                f"`input_config` split {split.name!r} has pattern {split.pattern!r}, expected a "
                "glob under `input_base`, for example 'train/*', or a query where a database is "
                "read. Give it one."
            )
    _check_unique([split.name for split in config.splits], "input_config")
    return config.splits


def output_splits(config: OutputConfig, inputs: Sequence[InputSplit]) -> tuple[OutputSplit, ...]:
    """Returns the output splits of a config.

    Args:
        config: The config; empty divides one input split into train:eval by 2:1.
        inputs: The input splits.

    Returns:
        The output splits; empty to keep the input splits.

    Raises:
        InputError: A name is not valid for a split, or there are several input splits to divide.
    """
    splits = config.split_config.splits
    for split in splits:
        _check_name(split.name, "output_config.split_config.splits")
        if split.hash_buckets <= 0:
            raise InputError(
                f"`hash_buckets` of output split {split.name!r} is {split.hash_buckets!r}, "
                "expected a positive integer: its share of the sum over all splits. Give 2 and 1 "
                "for a division of 2:1."
            )
    if len(inputs) > 1 and (splits or config.split_config.partition_feature_name):
        raise InputError(
            f"`output_config` divides one input split, but `input_config` has {len(inputs)}: "
            f"{[split.name for split in inputs]}. Leave `output_config` empty to keep those, or "
            "give one input split."
        )
    if len(inputs) == 1 and not splits:
        splits = (
            OutputSplit(name="train", hash_buckets=2),
            OutputSplit(name="eval", hash_buckets=1),
        )
    _check_unique([split.name for split in splits], "output_config")
    return splits


def only_span(config: RangeConfig, span: int) -> int | None:
    """Returns the span that a config or `span` requests; None for the latest.

    Args:
        config: The config; empty asks for the latest span.
        span: The span, or -1 to leave the choice to `config`.

    Raises:
        InputError: Two spans are requested, or a range of several.
    """
    if config.static_range is not None and config.rolling_range is not None:
        raise InputError(
            "`range_config` has static_range and rolling_range, expected one of them. Keep "
            "static_range for a certain span, rolling_range for the latest."
        )
    chosen = _static_span(config.static_range) if config.static_range is not None else None
    if config.rolling_range is not None:
        _check_rolling_range(config.rolling_range)
    if span < 0:
        return chosen
    if chosen not in (None, span):
        raise InputError(
            f"`span` is {span}, but `range_config` asks for {chosen}. Give one of the two."
        )
    return span


def span_range(config: RangeConfig) -> SpanRange:
    """Returns the range of spans in a config.

    Raises:
        InputError: It has no range, two ranges, or a range without a span.
    """
    static, rolling = config.static_range, config.rolling_range
    if static is not None and rolling is None:
        start, end = whole_number(static.start_span_number), whole_number(static.end_span_number)
        if start is not None and end is not None and 0 <= start <= end:
            return SpanRange(first=start, last=end, num_spans=None)
        raise _not_a_range("static_range", static, "`end_span_number` of at least that.")
    if rolling is not None and static is None:
        start, num = whole_number(rolling.start_span_number), whole_number(rolling.num_spans)
        if start is not None and num is not None and start >= 0 < num:
            return SpanRange(first=start, last=None, num_spans=num)
        raise _not_a_range("rolling_range", rolling, "`num_spans` of at least 1.")
    raise InputError(
        f"`range_config` is {given(config)}, expected a static_range or a rolling_range. "
        'Write it as {"rolling_range": {"num_spans": 7}}.'
    )


def _not_a_range(name: str, config: Any, other: str) -> InputError:
    return InputError(
        f"`range_config.{name}` is {given(config)}, expected whole numbers: `start_span_number` "
        f"of at least 0, and {other} Correct it."
    )


def _static_span(config: StaticRange) -> int:
    start, end = whole_number(config.start_span_number), whole_number(config.end_span_number)
    if start is None or start < 0 or start != end:
        raise InputError(
            f"`range_config.static_range` goes from {config.start_span_number!r} to "
            f"{config.end_span_number!r}, expected the same number twice: one run reads one span. "
            "To train on several, connect `examples` through span_range."
        )
    return start


def _check_rolling_range(config: RollingRange) -> None:
    if whole_number(config.num_spans) != 1 or whole_number(config.start_span_number) != 0:
        raise InputError(
            f"`range_config.rolling_range` is {given(config)}, expected "
            '{"num_spans": 1}, the latest span: one run reads one span. To train on several, '
            "connect `examples` through span_range."
        )


def _check_name(name: str, place: str) -> None:
    if not _SPLIT_NAME.fullmatch(name):
        raise InputError(
            f"`{place}` has the name {name!r}, expected letters, digits, '-' and '_', a letter or "
            "digit first. Name the split so, for example 'train'."
        )


def _check_unique(names: Sequence[str], place: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"`{place}` names {twice} twice. Give each split a name of its own.")
