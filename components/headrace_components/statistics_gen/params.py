"""Parameters of StatisticsGen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError

# Fields of tfdv.StatsOptions that a pipeline sets in another way.
_ELSEWHERE = {
    "sample_rate": "Set the parameter `sample_rate` instead.",
    "schema": "Connect a schema to the input `schema` instead.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StatisticsGenParams:
    """Parameters that a pipeline author may set.

    Attributes:
        stats_options: Fields of `tfdv.StatsOptions` by name, such as `{"num_top_values": 50}`. On
            Beam it can also have `label_feature`, and `slicing_config`, such as `{"slicing_specs":
            [{"feature_keys": ["origin"]}]}`.
        exclude_splits: Names of splits to leave out.
        sample_rate: Fraction of the rows to read, in (0, 1]. 1.0 reads every row. Beam chooses
            other rows than this process.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.
    """

    stats_options: Mapping[str, Any] = field(default_factory=dict)
    exclude_splits: tuple[str, ...] = ()
    sample_rate: float = 1.0
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if not 0.0 < self.sample_rate <= 1.0:
            raise InputError(
                f"`sample_rate` is {self.sample_rate}, expected a fraction in "
                f"(0, 1]. For {self.sample_rate:g} percent set {self.sample_rate / 100:g}."
            )
        for name, instead in _ELSEWHERE.items():
            if name in self.stats_options:
                raise InputError(f"`stats_options` has {name!r}, which it does not take. {instead}")
