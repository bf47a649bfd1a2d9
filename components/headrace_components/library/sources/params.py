"""Parameters that all components which make examples have."""

from dataclasses import dataclass, field
from typing import ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.library.sources import configs
from headrace_components.library.sources.configs import (
    InputConfig,
    InputSplit,
    OutputConfig,
    OutputSplit,
    RangeConfig,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleGenParams:
    """The parameters for reading, dividing and writing examples.

    Attributes:
        component: Name of the component, for the log.
        output_config: A tfx.proto.Output: `{"split_config": {"splits": [{"name": ...,
            "hash_buckets": ...}], "partition_feature_name": ...}}`. If empty, one input split is
            divided into train and eval, 2:1, and several input splits are kept as they are.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.
    """

    component: ClassVar[str]

    input_config: InputConfig = field(default_factory=InputConfig)
    output_config: OutputConfig = field(default_factory=OutputConfig)
    range_config: RangeConfig = field(default_factory=RangeConfig)
    span: int = -1
    compression_level: int = 1
    columnar: bool = True
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if not 1 <= self.compression_level <= 9:
            raise InputError(
                f"`compression_level` is {self.compression_level}, expected 1 "
                "(fast) to 9 (small). 1 is the default."
            )
        if self.span < -1:
            raise InputError(
                f"`span` is {self.span}, expected 0 or more, or -1 to leave the "
                "choice to `range_config`."
            )
        configs.output_splits(self.output_config, self.input_splits)
        configs.only_span(self.range_config, self.span)

    @property
    def input_splits(self) -> tuple[InputSplit, ...]:
        """The splits of `input_config`."""
        return configs.input_splits(self.input_config)

    @property
    def output_splits(self) -> tuple[OutputSplit, ...]:
        """The splits of `output_config`; empty if the splits of the input are kept."""
        return configs.output_splits(self.output_config, self.input_splits)

    @property
    def partition_feature(self) -> str:
        """Feature whose value decides the split; empty if the whole row decides."""
        return self.output_config.split_config.partition_feature_name

    @property
    def only_span(self) -> int | None:
        """The one span to read, or None for the latest."""
        return configs.only_span(self.range_config, self.span)

    @property
    def split_names(self) -> tuple[str, ...]:
        """Names of the splits of the output, in the order they were given."""
        return tuple(split.name for split in self.output_splits or self.input_splits)

    @property
    def has_twin(self) -> bool:
        """Whether the output has a columnar twin."""
        return self.columnar

    def shares_of(self, input_split: str) -> tuple[OutputSplit, ...]:
        """Returns the output splits that an input split is divided into."""
        return self.output_splits or (OutputSplit(name=input_split, hash_buckets=1),)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileExampleGenParams(ExampleGenParams):
    """`ExampleGenParams` of a component that reads files.

    Attributes:
        input_base: Directory or URI where the input patterns start.
        input_config: A tfx.proto.Input: `{"splits": [{"name": ..., "pattern": ...}]}`. A pattern
            can contain `{SPAN}`, `{SPAN:w}`, `{VERSION}`, `{VERSION:w}` or `{YYYY}`, `{MM}`,
            `{DD}`. If empty, every file of `input_base` is read as one split.
        range_config: A tfx.proto.RangeConfig: `{"static_range": {...}}` or `{"rolling_range":
            {...}}`. If empty, the latest span is read.
        span: The span to read. With -1, `range_config` decides.
    """

    input_base: str

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if not self.input_base:
            raise InputError("`input_base` is empty. Give the directory of the input files.")
        # `slots` makes another class of this one, which super() without arguments does not know.
        ExampleGenParams.__post_init__(self)
