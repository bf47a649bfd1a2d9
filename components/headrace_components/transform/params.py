"""Parameters of Transform."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import MESSAGE, Style, given

_SPLITS = '{"analyze": ["train"], "transform": ["train", "eval"]}'


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitsConfig:
    """A `tfx.proto.SplitsConfig`; None for splits that are not given."""

    STYLE: ClassVar[Style] = dataclasses.replace(
        MESSAGE,
        unknown=f"`{{path}}` has {{names}}, expected 'analyze' and 'transform'. Write it as "
        f"{_SPLITS.replace('{', '{{').replace('}', '}}')}.",
        mistyped="`{place}` sets {name!r} to {value!r}, expected a list of split names. Write it "
        f"as {_SPLITS.replace('{', '{{').replace('}', '}}')}.",
        checks_items=False,
    )

    analyze: tuple[str, ...] | None = None
    transform: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformParams:
    """Parameters that a pipeline author may set.

    Attributes:
        module_file: Python file with `preprocessing_fn(inputs[, custom_config])`, and optionally
            `stats_options_updater_fn`.
        preprocessing_fn: Dotted path of this function, instead of `module_file`.
        stats_options_updater_fn: Dotted path of a function that changes the options of the
            statistics. Give it only without `module_file`.
        splits_config: A tfx.proto.SplitsConfig: `{"analyze": [...], "transform": [...]}`. If empty,
            `train` is analyzed and every split is transformed.
        custom_config: Passed to `preprocessing_fn` if it has an argument `custom_config`.
        materialize: Whether to write `transformed_examples`.
        disable_statistics: Whether to leave out the statistics before and after the transform.
        disable_analyzer_cache: Whether to leave out reading and writing accumulators of analyzers.
        force_tf_compat_v1: Whether to trace `preprocessing_fn` as TensorFlow 1 graph code.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process transforms, and uses Beam in memory only for what nothing else
            can analyze.
    """

    module_file: str = ""
    preprocessing_fn: str = ""
    stats_options_updater_fn: str = ""
    splits_config: SplitsConfig = field(default_factory=SplitsConfig)
    custom_config: Mapping[str, Any] = field(default_factory=dict)
    materialize: bool = True
    disable_statistics: bool = False
    disable_analyzer_cache: bool = False
    force_tf_compat_v1: bool = False
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if bool(self.module_file) == bool(self.preprocessing_fn):
            got = "both `module_file` and" if self.module_file else "neither `module_file` nor"
            raise InputError(
                f"{got} `preprocessing_fn` are given, expected one of them. Pass "
                "`module_file` with a Python file that defines preprocessing_fn, or "
                "`preprocessing_fn` with a dotted path such as 'package.module.preprocessing_fn'."
            )
        if self.module_file and self.stats_options_updater_fn:
            raise InputError(
                "both `module_file` and `stats_options_updater_fn` "
                f"({self.stats_options_updater_fn!r}) are given, expected one of them. Define "
                "stats_options_updater_fn in the module file, or give both functions as dotted "
                "paths."
            )
        if self.splits_config != SplitsConfig():
            self._check_splits()

    def _check_splits(self) -> None:
        for name, value in given(self.splits_config).items():
            if not all(isinstance(split, str) for split in value):
                raise InputError(
                    f"`splits_config` sets {name!r} to {list(value)!r}, expected a list "
                    f"of split names. Write it as {_SPLITS}."
                )
        if not self.splits_config.analyze:
            raise InputError(
                f"`splits_config` is {given(self.splits_config)}, which names no split "
                "to analyze. Name at least one in 'analyze', or leave `splits_config` empty to "
                "analyze 'train' and transform all."
            )
