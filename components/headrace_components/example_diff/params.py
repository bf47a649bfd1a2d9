"""Parameters of ExampleDiff."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import MESSAGE, Style, read
from headrace_components.library.data import split_pairs

_EXAMPLE = '{"paired_example_skew": {"identifier_features": ["id"]}}'
_PLACE = "config.paired_example_skew"


_STYLE = dataclasses.replace(
    MESSAGE,
    unknown="{path} has {names}, expected fields of {known}. {hint}",
    otherwise="Correct the name or leave it out.",
    not_object="{path} is {value!r}, expected an object with {known}. Write `config` as "
    f"{_EXAMPLE.replace('{', '{{').replace('}', '}}')}.",
    mistyped="{path} is {value!r}, expected {expected}",
    expected={
        int: "a whole number from 0. Write it as 10.",
        bool: "true or false. Write it without quotes.",
        str: "the name of a feature. Write it in quotes.",
        tuple: 'a list of feature names. Write it as ["fare"], and in `confusion_config` as '
        '[{{"feature_name": "fare"}}].',
    },
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfusionConfig:
    """A `tfx.proto.ConfusionConfig`."""

    feature_name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedSkew:
    """How rows are paired and compared: a `tfx.proto.PairedExampleSkew`.

    Attributes:
        identifier_features: Features that identify a row. Two rows are a pair if these are equal.
        ignore_features: Features that are not compared, besides the identifiers.
        confusion_config: Features with one string per row, whose pairs of values are counted.
        skew_sample_size: Number of pairs of rows that differ and are kept.
        float_round_ndigits: Digits after the point to which floats are rounded before they are
            compared, or None to compare every bit.
        allow_duplicate_identifiers: Whether rows are compared, each with each, if other rows of
            their input have the same identifiers. Otherwise they are left out.
    """

    identifier_features: tuple[str, ...] = ()
    ignore_features: tuple[str, ...] = ()
    confusion_config: Any = ()
    skew_sample_size: int = 0
    float_round_ndigits: int | None = None
    allow_duplicate_identifiers: bool = False

    @property
    def confused_features(self) -> tuple[str, ...]:
        """The features of `confusion_config`, which may be one object or several."""
        value, place = self.confusion_config, f"{_PLACE}.confusion_config"
        entries = value if isinstance(value, (list, tuple)) else [value]
        names = [read(ConfusionConfig, each, place, _STYLE).feature_name for each in entries]
        return _names([name or None for name in names], place)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleDiffConfig:
    """A `tfx.proto.ExampleDiffConfig`."""

    STYLE: ClassVar[Style] = _STYLE

    paired_example_skew: PairedSkew = PairedSkew()


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleDiffParams:
    """Parameters that a pipeline author may set.

    Attributes:
        config: A `tfx.proto.ExampleDiffConfig` in JSON form. Without `float_round_ndigits`, floats
            are compared exactly.
        include_split_pairs: Pairs of split names, the one under test first, such as `[["eval",
            "train"]]`. If empty, every split is compared with every other.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam. On Beam, the sample can have other pairs.
    """

    config: ExampleDiffConfig = field(default_factory=ExampleDiffConfig)
    include_split_pairs: tuple[tuple[str, ...], ...] = ()
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        split_pairs.check(self.include_split_pairs)
        self.paired_skew()

    def paired_skew(self) -> PairedSkew:
        """Returns what `config` names, each feature once.

        Raises:
            InputError: A name is missing or empty.
        """
        skew = self.config.paired_example_skew
        if not skew.identifier_features:
            raise InputError(
                "`config` names no `identifier_features`, so rows cannot be paired. "
                f"Write it as {_EXAMPLE}."
            )
        _ = skew.confused_features  # checks the names
        return dataclasses.replace(
            skew,
            identifier_features=_names(skew.identifier_features, f"{_PLACE}.identifier_features"),
            ignore_features=_names(skew.ignore_features, f"{_PLACE}.ignore_features"),
        )


def _names(value: Sequence[str | None], place: str) -> tuple[str, ...]:
    if not all(value):
        raise InputError(
            f"{place} is {list(value)!r}, expected a list of feature names. Write it "
            'as ["fare"], and in `confusion_config` as [{"feature_name": "fare"}].'
        )
    return tuple(dict.fromkeys(name for name in value if name))
