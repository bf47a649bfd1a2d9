"""The messages of a `tfma.EvalConfig`, for checks where TFMA is not installed.

`HEADRACE_REGENERATE=1 pytest tests/unit/test_message_tables.py` writes this file, and the test
compares it with TFMA.
"""

FIELDS: dict[str, dict[str, str]] = {
    "EvalConfig": {
        "model_specs": "list message ModelSpec",
        "slicing_specs": "list message SlicingSpec",
        "cross_slicing_specs": "list message CrossSlicingSpec",
        "metrics_specs": "list message MetricsSpec",
        "options": "message Options",
    },
    "ModelSpec": {
        "name": "string",
        "model_type": "string",
        "signature_name": "string",
        "preprocessing_function_names": "list string",
        "label_key": "string",
        "label_keys": "map string",
        "prediction_key": "string",
        "prediction_keys": "map string",
        "example_weight_key": "string",
        "example_weight_keys": "map string",
        "is_baseline": "bool",
        "padding_options": "message PaddingOptions",
        "inference_batch_size": "integer",
    },
    "PaddingOptions": {
        "label_int_padding": "integer",
        "label_float_padding": "number",
        "prediction_int_padding": "integer",
        "prediction_float_padding": "number",
    },
    "SlicingSpec": {
        "feature_keys": "list string",
        "feature_values": "map string",
        "slice_keys_sql": "string",
    },
    "CrossSlicingSpec": {
        "baseline_spec": "message SlicingSpec",
        "slicing_specs": "list message SlicingSpec",
    },
    "MetricsSpec": {
        "metrics": "list message MetricConfig",
        "model_names": "list string",
        "output_names": "list string",
        "output_weights": "map number",
        "binarize": "message BinarizationOptions",
        "aggregate": "message AggregationOptions",
        "example_weights": "message ExampleWeightOptions",
        "query_key": "string",
        "thresholds": "map message MetricThreshold",
        "per_slice_thresholds": "map message PerSliceMetricThresholds",
        "cross_slice_thresholds": "map message CrossSliceMetricThresholds",
    },
    "MetricConfig": {
        "class_name": "string",
        "module": "string",
        "config": "string",
        "threshold": "message MetricThreshold",
        "per_slice_thresholds": "list message PerSliceMetricThreshold",
        "cross_slice_thresholds": "list message CrossSliceMetricThreshold",
    },
    "MetricThreshold": {
        "value_threshold": "message GenericValueThreshold",
        "change_threshold": "message GenericChangeThreshold",
    },
    "GenericValueThreshold": {
        "lower_bound": "wrapper number",
        "upper_bound": "wrapper number",
    },
    "GenericChangeThreshold": {
        "absolute": "wrapper number",
        "relative": "wrapper number",
        "direction": "enum UNKNOWN|LOWER_IS_BETTER|HIGHER_IS_BETTER",
    },
    "PerSliceMetricThreshold": {
        "slicing_specs": "list message SlicingSpec",
        "threshold": "message MetricThreshold",
    },
    "CrossSliceMetricThreshold": {
        "cross_slicing_specs": "list message CrossSlicingSpec",
        "threshold": "message MetricThreshold",
    },
    "BinarizationOptions": {
        "class_ids": "message RepeatedInt32Value",
        "k_list": "message RepeatedInt32Value",
        "top_k_list": "message RepeatedInt32Value",
    },
    "RepeatedInt32Value": {
        "values": "list integer",
    },
    "AggregationOptions": {
        "micro_average": "bool",
        "macro_average": "bool",
        "weighted_macro_average": "bool",
        "class_weights": "map number",
        "top_k_list": "message RepeatedInt32Value",
    },
    "ExampleWeightOptions": {
        "weighted": "bool",
        "unweighted": "bool",
    },
    "PerSliceMetricThresholds": {
        "thresholds": "list message PerSliceMetricThreshold",
    },
    "CrossSliceMetricThresholds": {
        "thresholds": "list message CrossSliceMetricThreshold",
    },
    "Options": {
        "include_default_metrics": "wrapper bool",
        "compute_confidence_intervals": "wrapper bool",
        "confidence_intervals": "message ConfidenceIntervalOptions",
        "min_slice_size": "wrapper integer",
        "disabled_outputs": "message RepeatedStringValue",
    },
    "ConfidenceIntervalOptions": {
        "method": "enum UNKNOWN_CONFIDENCE_INTERVAL_METHOD|POISSON_BOOTSTRAP|JACKKNIFE",
    },
    "RepeatedStringValue": {
        "values": "list string",
    },
}
