"""Advice for people about TFDV's anomalies. Standard library only."""

from collections.abc import Iterable

_OTHERWISE = (
    "Compare the feature in the report on statistics with its entry in the schema, and correct "
    "whichever of the two is wrong."
)

_TYPE_CHANGED = (
    "The type has changed. Correct it at the source; if it is meant, change the feature's `type` "
    "in the schema."
)
_NUMBER_OF_VALUES = (
    "If so many values per row are right, change the feature's `value_count` or `shape` in the "
    "schema; otherwise correct the rows."
)
_MISSING_ROWS = (
    "Find out why rows lack the feature. If they may, lower `min_fraction` or `min_count` of its "
    "`presence` in the schema."
)
_NUMBER_OF_ROWS = (
    "Check that the data is complete and read once. If so many rows are right, change the "
    "schema's `dataset_constraints` or the comparator's thresholds."
)
_MOVED = (
    "The distribution has moved. Look at the feature in both reports on statistics; train again "
    "if the change is real, correct the source if it is not, and raise the comparator's threshold "
    "if so much change is usual."
)
_PARTS = (
    "The features that this one is made of do not fit together. Correct the rows, or the entry of "
    "the sparse or weighted feature in the schema."
)
_RANGE = (
    "If the values are right, widen `int_domain` or `float_domain` of the feature in the schema; "
    "otherwise correct them at the source."
)
_NOT_FINITE = (
    "Replace such values at the source, or allow them: clear `disallow_nan` or `disallow_inf` of "
    "the feature's `float_domain`."
)
_UNIQUE = (
    "If so many different values are right, change the feature's `unique_constraints` in the "
    "schema; otherwise correct the rows."
)
_VALUES_IN_TEXT = (
    "The texts differ from what `natural_language_domain` of the feature in the schema says of "
    "their tokens. Correct the texts, or change its constraints."
)
_IMAGES = (
    "Convert or shrink the images at the source, or change `image_domain` of the feature in the "
    "schema."
)
_SCHEMA_FAULT = "The schema contradicts itself. Correct the feature's entry in it."

# By the beginning of names in tensorflow_metadata's AnomalyInfo.Type; the first match counts.
_ADVICE = (
    (
        "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
        "If the new values are right, add them to the feature's domain in the schema, or allow a "
        "share of others by `distribution_constraints.min_domain_mass`; otherwise correct them at "
        "the source.",
    ),
    (
        "ENUM_TYPE_INVALID_UTF8",
        "Encode the text as UTF-8 at the source; if the values are not text, declare the feature "
        "as bytes, without a domain.",
    ),
    (
        "SCHEMA_NEW_COLUMN",
        "If the column is wanted, add the feature to the schema; otherwise leave it out of the "
        "examples.",
    ),
    (
        "SCHEMA_MISSING_COLUMN",
        "Restore the column at the source. If it is gone for good, remove the feature from the "
        "schema; if only some data has it, such as a label, say so by `not_in_environment`.",
    ),
    ("FEATURE_TYPE_LOW_FRACTION_PRESENT", _MISSING_ROWS),
    ("FEATURE_TYPE_LOW_NUMBER_PRESENT", _MISSING_ROWS),
    ("FEATURE_TYPE_NOT_PRESENT", _MISSING_ROWS),
    ("FEATURE_TYPE_HIGH_UNIQUE", _UNIQUE),
    ("FEATURE_TYPE_LOW_UNIQUE", _UNIQUE),
    ("FEATURE_TYPE_NO_UNIQUE", _UNIQUE),
    ("FEATURE_TYPE_", _NUMBER_OF_VALUES),
    ("INVALID_FEATURE_SHAPE", _NUMBER_OF_VALUES),
    ("VALUE_NESTEDNESS_MISMATCH", _NUMBER_OF_VALUES),
    ("FLOAT_TYPE_HAS_", _NOT_FINITE),
    ("FLOAT_TYPE_BIG_", _RANGE),
    ("FLOAT_TYPE_SMALL_", _RANGE),
    ("INT_TYPE_BIG_", _RANGE),
    ("INT_TYPE_SMALL_", _RANGE),
    ("BOOL_TYPE_BIG_", _RANGE),
    ("BOOL_TYPE_SMALL_", _RANGE),
    ("BOOL_TYPE_", _TYPE_CHANGED),
    ("ENUM_TYPE_", _TYPE_CHANGED),
    ("FLOAT_TYPE_", _TYPE_CHANGED),
    ("INT_TYPE_", _TYPE_CHANGED),
    ("STRING_TYPE_", _TYPE_CHANGED),
    ("UNEXPECTED_DATA_TYPE", _TYPE_CHANGED),
    (
        "COMPARATOR_CONTROL_DATA_MISSING",
        "The data to compare with lacks the feature. Connect statistics that have it, or remove "
        "its comparator.",
    ),
    (
        "COMPARATOR_TREATMENT_DATA_MISSING",
        "The data under test lacks the feature. Restore it at the source, or remove its "
        "comparator.",
    ),
    ("COMPARATOR_LOW_NUM_EXAMPLES", _NUMBER_OF_ROWS),
    ("COMPARATOR_HIGH_NUM_EXAMPLES", _NUMBER_OF_ROWS),
    ("DATASET_", _NUMBER_OF_ROWS),
    ("NO_DATA_IN_SPAN", _NUMBER_OF_ROWS),
    ("COMPARATOR_", _MOVED),
    ("SCHEMA_TRAINING_SERVING_SKEW", _MOVED),
    ("SPARSE_FEATURE_", _PARTS),
    ("WEIGHTED_FEATURE_", _PARTS),
    ("SEQUENCE_VALUE_TOO_", _VALUES_IN_TEXT),
    ("FEATURE_COVERAGE_TOO_", _VALUES_IN_TEXT),
    ("NLP_WRONG_LOCATION", _VALUES_IN_TEXT),
    ("LOW_SUPPORTED_IMAGE_FRACTION", _IMAGES),
    ("MAX_IMAGE_BYTE_SIZE_EXCEEDED", _IMAGES),
    (
        "EMBEDDING_SHAPE_INVALID",
        "Make all embeddings of the feature equally long, or change its `shape` in the schema.",
    ),
    (
        "SEMANTIC_DOMAIN_UPDATE",
        "The values look like another kind of thing than the schema says, such as URLs or images. "
        "If they are, change the feature's domain in the schema; otherwise correct the values.",
    ),
    (
        "STATS_NOT_AVAILABLE",
        "The statistics lack what this check needs. Compute them anew, by statistics_gen with the "
        "schema connected.",
    ),
    ("DERIVED_FEATURE_", _SCHEMA_FAULT),
    ("DOMAIN_INVALID_FOR_TYPE", _SCHEMA_FAULT),
    ("FEATURE_MISSING_", _SCHEMA_FAULT),
    ("INVALID_SCHEMA_SPECIFICATION", _SCHEMA_FAULT),
    ("INVALID_DOMAIN_SPECIFICATION", _SCHEMA_FAULT),
    (
        "CUSTOM_VALIDATION",
        "A condition of the custom validation does not hold. Correct the data, or the condition.",
    ),
)


def advice(reasons: Iterable[str]) -> list[str]:
    """Returns advice on an anomaly.

    Args:
        reasons: Names of its reasons in `tensorflow_metadata.proto.v0.AnomalyInfo.Type`.

    Returns:
        One piece of advice for each different kind of reason, at least one.

    Example:
        >>> [text[:29] for text in advice(["INT_TYPE_BIG_INT", "INT_TYPE_SMALL_INT"])]
        ['If the values are right, wide']
    """
    found = dict.fromkeys(_of(reason) for reason in reasons)
    return list(found) or [_OTHERWISE]


def _of(reason: str) -> str:
    return next((text for start, text in _ADVICE if reason.startswith(start)), _OTHERWISE)
