"""The fields of `tfdv.StatsOptions` that a pipeline may set. Standard library only."""

import difflib
import math
from collections.abc import Mapping
from typing import Any

from headrace_components.contract.errors import InputError

_TINY = 1e-6

# The options that a pipeline may set by name, with the type and the range of each. Fields of
# StatsOptions that are functions, or have no effect on decoded examples, are left out.
_OPTIONS: Mapping[str, tuple[type, float, float]] = {
    "num_top_values": (int, 0, math.inf),
    "num_rank_histogram_buckets": (int, 0, math.inf),
    "num_values_histogram_buckets": (int, 2, math.inf),
    "num_histogram_buckets": (int, 1, math.inf),
    "num_quantiles_histogram_buckets": (int, 1, math.inf),
    "desired_batch_size": (int, 1, math.inf),
    "frequency_threshold": (int, 0, math.inf),
    "weighted_frequency_threshold": (float, 0, math.inf),
    "epsilon": (float, _TINY, 1),
    "sample_rate": (float, _TINY, 1),
    "semantic_domain_stats_sample_rate": (float, _TINY, 1),
    "enable_semantic_domain_stats": (bool, 0, 1),
    "use_sketch_based_topk_uniques": (bool, 0, 1),
    "add_default_generators": (bool, 0, 1),
    "weight_feature": (str, 0, 0),
    "label_feature": (str, 0, 0),
    "slicing_config": (dict, 0, 0),
    "feature_allowlist": (list, 0, 0),
    "vocab_paths": (dict, 0, 0),
}

OPTION_NAMES = frozenset(_OPTIONS)
"""The names of these fields."""


def checked_option(name: str, value: Any) -> Any:
    """Returns the value of a field of `tfdv.StatsOptions`, in its type.

    Args:
        name: Name of the field.
        value: The value from JSON: 50 may be 50.0.

    Raises:
        InputError: The name is unknown, or the value is not of its field's type or range.
    """
    if name not in _OPTIONS:
        near = difflib.get_close_matches(name, _OPTIONS, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Use one of {sorted(_OPTIONS)}."
        raise InputError(
            f"`stats_options` has {name!r}, which is not a field of tfdv.StatsOptions "
            f"that a pipeline can set. {hint}"
        )
    kind, least, most = _OPTIONS[name]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    converted: Any = value
    if is_number and (kind is float or (kind is int and float(value).is_integer())):
        converted = kind(value)
    is_kind = type(converted) is kind
    if not is_kind or (kind in (int, float) and not least <= converted <= most):
        names = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}
        wanted = names.get(kind, "a list" if kind is list else "an object")
        bounds = f" from {least:g} to {most:g}" if kind in (int, float) else ""
        raise InputError(
            f"`stats_options` sets {name!r} to {value!r}, expected {wanted}{bounds}. "
            "See the fields of tfdv.StatsOptions."
        )
    return converted
