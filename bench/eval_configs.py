"""The evaluation configs of the examples, for TFX's side, which cannot import them without kfp.

A test compares them with those of the examples.
"""

from typing import Any

PENGUINS: dict[str, Any] = {
    "model_specs": [{"label_key": "species"}],
    "slicing_specs": [{}, {"feature_keys": ["island"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {
                    "class_name": "SparseCategoricalAccuracy",
                    "threshold": {"value_threshold": {"lower_bound": 0.8}},
                },
            ]
        }
    ],
}

FLIGHTS: dict[str, Any] = {
    "model_specs": [{"label_key": "late"}],
    "slicing_specs": [{}, {"feature_keys": ["carrier"]}, {"feature_keys": ["origin"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {"class_name": "BinaryCrossentropy"},
                {"class_name": "BinaryAccuracy"},
                {
                    "class_name": "AUC",
                    "per_slice_thresholds": [
                        {
                            "slicing_specs": [{}],
                            "threshold": {
                                "value_threshold": {"lower_bound": 0.68},
                                "change_threshold": {
                                    "direction": "HIGHER_IS_BETTER",
                                    "absolute": -0.005,
                                },
                            },
                        }
                    ],
                },
            ]
        }
    ],
}
