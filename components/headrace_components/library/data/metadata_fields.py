"""Messages of tensorflow_metadata and tfx_bsl, for checks where neither is installed.

`HEADRACE_REGENERATE=1 pytest tests/unit/test_message_tables.py` writes this file, and the test
compares it with those libraries.
"""

FIELDS: dict[str, dict[str, str]] = {
    "Path": {
        "step": "list string",
    },
    "FeatureComparator": {
        "infinity_norm": "message InfinityNorm",
        "jensen_shannon_divergence": "message JensenShannonDivergence",
        "normalized_abs_difference": "message NormalizedAbsoluteDifference",
    },
    "InfinityNorm": {
        "threshold": "number",
    },
    "JensenShannonDivergence": {
        "threshold": "number",
        "source": "message HistogramSelection",
    },
    "HistogramSelection": {
        "type": "enum DEFAULT|QUANTILES|STANDARD",
    },
    "NormalizedAbsoluteDifference": {
        "threshold": "number",
    },
    "NumericValueComparator": {
        "min_fraction_threshold": "number",
        "max_fraction_threshold": "number",
    },
    "SlicingConfig": {
        "slicing_specs": "list message SlicingSpec",
    },
    "SlicingSpec": {
        "feature_keys": "list string",
        "feature_values": "map string",
        "slice_keys_sql": "string",
    },
    "CustomValidationConfig": {
        "feature_validations": "list message FeatureValidation",
        "feature_pair_validations": "list message FeaturePairValidation",
    },
    "FeatureValidation": {
        "dataset_name": "string",
        "feature_path": "message Path",
        "validations": "list message Validation",
    },
    "Validation": {
        "sql_expression": "string",
        "severity": "enum UNKNOWN|WARNING|ERROR",
        "description": "string",
        "in_environment": "list string",
    },
    "FeaturePairValidation": {
        "dataset_name": "string",
        "base_dataset_name": "string",
        "feature_test_path": "message Path",
        "feature_base_path": "message Path",
        "validations": "list message Validation",
    },
}
