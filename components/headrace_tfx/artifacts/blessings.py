"""TFX's `model_utils`: what blessings say. Standard library only."""

from headrace_tfx.artifacts.base import Artifact


def is_model_blessed(model_blessing: Artifact) -> bool:
    """Returns whether the Evaluator blessed a model."""
    return model_blessing.get_int_custom_property("blessed") == 1


def is_infra_validated(infra_blessing: Artifact) -> bool:
    """Returns whether a server loaded a model and answered."""
    return infra_blessing.get_int_custom_property("blessed") == 1
