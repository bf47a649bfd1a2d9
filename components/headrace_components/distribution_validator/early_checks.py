"""What is known of DistributionValidator before a run."""

from collections.abc import Mapping
from typing import Any

from headrace_components.contract.messages import Messages
from headrace_components.contract.split_needs import SplitNeed
from headrace_components.distribution_validator.params import DistributionValidatorParams
from headrace_components.library.data.metadata_fields import FIELDS

# tfx/proto/distribution_validator.proto, which lends fields from tensorflow_metadata.
_CONFIG = {
    "DistributionValidatorConfig": {"default_slice_config": "message FeatureSliceConfig"},
    "FeatureSliceConfig": {
        "feature": "list message FeatureConfig",
        "num_examples_comparator": "message NumericValueComparator",
    },
    "FeatureConfig": {
        "path": "message Path",
        "distribution_comparator": "message FeatureComparator",
    },
}
_MESSAGES = Messages("distribution_validator", {**FIELDS, **_CONFIG})


def check(params: DistributionValidatorParams) -> None:
    """Rejects configs with fields that their messages do not have.

    Raises:
        InputError: A field is unknown, or a value is of another type.
    """
    normalized(params.config)
    custom = params.custom_validation_config
    _MESSAGES.read(custom, "CustomValidationConfig", "custom_validation_config")


def normalized(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a `DistributionValidatorConfig` with the field names of the proto file.

    Raises:
        InputError: A field is unknown, or a value is of another type.
    """
    return _MESSAGES.read(config, "DistributionValidatorConfig", "config")


def splits_read(params: DistributionValidatorParams) -> list[SplitNeed]:
    """Returns the splits of both inputs that are compared with each other."""
    pairs = params.include_split_pairs
    return [
        SplitNeed(port=port, parameter="include_split_pairs", names=[pair[at] for pair in pairs])
        for at, port in enumerate(("statistics", "baseline_statistics"))
    ]
