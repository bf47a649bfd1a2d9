"""Fields of the configs of DistributionValidator. Standard library only."""

from collections.abc import Mapping
from typing import Any

from headrace_components.contract.messages import Messages
from headrace_components.distribution_validator.params import DistributionValidatorParams
from headrace_components.library.data.metadata_fields import FIELDS

# From tfx/proto/distribution_validator.proto, which uses messages of tensorflow_metadata.
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
