"""Parameters of ExampleDiff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import spellings, whole_number
from headrace_components.library.data import split_pairs

_EXAMPLE = '{"paired_example_skew": {"identifier_features": ["id"]}}'


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedSkew:
    """How rows are paired and compared, as `tfx.proto.PairedExampleSkew`.

    Attributes:
        identifier_features: Features that are the same in two rows exactly where the rows are.
        ignore_features: Features that are not compared, besides the identifiers.
        confused_features: Features of one string a row, whose pairs of values are counted.
        skew_sample_size: How many pairs of rows that differ are kept.
        float_round_ndigits: Digits after the point to which floats are rounded before they are
            compared, or None to compare every bit.
        allow_duplicate_identifiers: Whether rows that share their identifiers with others of their
            side are compared, each with each, and not left out.
    """

    identifier_features: tuple[str, ...]
    ignore_features: tuple[str, ...]
    confused_features: tuple[str, ...]
    skew_sample_size: int
    float_round_ndigits: int | None
    allow_duplicate_identifiers: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleDiffParams:
    """Parameters that a pipeline author may set.

    Attributes:
        config: A `tfx.proto.ExampleDiffConfig` in JSON form. Floats are compared as they are where
            it has no `float_round_ndigits`.
        include_split_pairs: Pairs of split names, the one under test first, as
            `[["eval", "train"]]`. Empty compares every split with every other.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam. On Beam, the sample may be another one.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    include_split_pairs: tuple[tuple[str, ...], ...] = ()
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        split_pairs.check(self.include_split_pairs, "example_diff")
        self.paired_skew()

    def paired_skew(self) -> PairedSkew:
        """Returns `config` with its types.

        Raises:
            InputError: A field is unknown, missing or not of its type.
        """
        outer = _fields(self.config, ("paired_example_skew",), "config")
        place = "config.paired_example_skew"
        known = (
            "identifier_features",
            "skew_sample_size",
            "ignore_features",
            "float_round_ndigits",
            "allow_duplicate_identifiers",
            "confusion_config",
        )
        values = _fields(outer.get("paired_example_skew", {}), known, place)
        identifiers = _names(values.get("identifier_features", []), f"{place}.identifier_features")
        if not identifiers:
            raise InputError(
                "example_diff: `config` names no `identifier_features`, so rows cannot be paired. "
                f"Write it as {_EXAMPLE}."
            )
        allow = values.get("allow_duplicate_identifiers", False)
        if not isinstance(allow, bool):
            raise InputError(
                f"example_diff: {place}.allow_duplicate_identifiers is {allow!r}, expected true or "
                "false. Write it without quotes."
            )
        digits = values.get("float_round_ndigits")
        return PairedSkew(
            identifier_features=identifiers,
            ignore_features=_names(values.get("ignore_features", []), f"{place}.ignore_features"),
            confused_features=_confused(values.get("confusion_config", []), place),
            skew_sample_size=_count(values.get("skew_sample_size", 0), f"{place}.skew_sample_size"),
            float_round_ndigits=(
                None if digits is None else _count(digits, f"{place}.float_round_ndigits")
            ),
            allow_duplicate_identifiers=allow,
        )


def _confused(value: Any, place: str) -> tuple[str, ...]:
    entries = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    where = f"{place}.confusion_config"
    return _names(
        [_fields(entry, ("feature_name",), where).get("feature_name") for entry in entries], where
    )


def _names(value: Any, place: str) -> tuple[str, ...]:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if not is_list or not all(isinstance(name, str) and name for name in value):
        raise InputError(
            f"example_diff: {place} is {value!r}, expected a list of feature names. Write it as "
            '["fare"], and in `confusion_config` as [{"feature_name": "fare"}].'
        )
    return tuple(dict.fromkeys(value))


def _count(value: Any, place: str) -> int:
    number = whole_number(value)
    if number is None or number < 0:
        raise InputError(
            f"example_diff: {place} is {value!r}, expected a whole number from 0. Write it as 10."
        )
    return number


def _fields(value: Any, known: Sequence[str], place: str) -> dict[str, Any]:
    """Returns the fields of a JSON object by the names of the proto."""
    if not isinstance(value, Mapping):
        raise InputError(
            f"example_diff: {place} is {value!r}, expected an object with {list(known)}. Write "
            f"`config` as {_EXAMPLE}."
        )
    names = spellings(known)
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise InputError(
            f"example_diff: {place} has {unknown}, expected fields of {list(known)}. Correct the "
            "name or leave it out."
        )
    return {names[name]: item for name, item in value.items()}
