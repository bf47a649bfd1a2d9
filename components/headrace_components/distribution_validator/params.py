"""Parameters of DistributionValidator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.data import split_pairs


@dataclass(frozen=True, kw_only=True, slots=True)
class DistributionValidatorParams:
    """Parameters that a pipeline author may set.

    Attributes:
        config: A `tfx.proto.DistributionValidatorConfig` in JSON form.
        include_split_pairs: Pairs of split names, the one under test first, such as `[["eval",
            "train"]]`. If empty, splits with the same name are compared.
        custom_validation_config: A `tfdv.CustomValidationConfig` in JSON form: conditions in SQL
            over the statistics of a feature, or of a feature and its baseline.
        fail_on_anomalies: Whether an anomaly fails the task, and so the run.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    include_split_pairs: tuple[tuple[str, ...], ...] = ()
    custom_validation_config: Mapping[str, Any] = field(default_factory=dict)
    fail_on_anomalies: bool = False

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        split_pairs.check(self.include_split_pairs)
        if not self.config and not self.custom_validation_config:
            raise InputError(
                "both `config` and `custom_validation_config` are empty, "
                "so there is nothing to compare. Name the features to compare in `config`, "
                "for example "
                '{"default_slice_config": {"feature": [{"path": {"step": ["fare"]}, '
                '"distribution_comparator": {"jensen_shannon_divergence": {"threshold": 0.05}}}]}}.'
            )
