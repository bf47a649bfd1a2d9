"""TFX's names of parameters, inputs and outputs, such as `EXAMPLES_KEY`."""

_NAMES = (
    "schema examples model external_model blessing train_args custom_config model_blessing "
    "transform_graph eval_args module_file exclude_splits statistics anomalies "
    "custom_validation_config eval_config feature_slicing_spec fairness_indicator_thresholds "
    "example_splits module_path baseline_model external_baseline_model evaluation model_subfolder "
    "add_split_name serving_spec validation_spec request_spec tuner_fn tune_args "
    "best_hyperparameters tuner_results model_spec data_spec output_example_spec inference_result "
    "output_examples infer_feature_shape schema_file stats_options_json sharded_stats_output "
    "sample_rate_by_split input_base input_config output_config output_data_format "
    "output_file_format range_config push_destination infra_blessing pushed_model run_fn "
    "base_model hyperparameters model_run preprocessing_fn stats_options_updater_fn "
    "force_tf_compat_v1 save_options splits_config analyzer_cache transformed_examples "
    "updated_analyzer_cache disable_statistics pre_transform_schema pre_transform_stats "
    "post_transform_schema post_transform_stats post_transform_anomalies baseline_examples "
    "example_diff_config example_diff_result include_split_pairs baseline_statistics "
    "distribution_validator_config validation_metrics artifact_distribution_validator_config"
)


def __getattr__(name: str) -> str:
    key = name.removesuffix("_KEY").lower()
    if name.endswith("_KEY") and key in _NAMES.split():
        return key
    raise AttributeError(f"standard_component_specs has no name {name!r}")


def __dir__() -> list[str]:
    return [f"{key.upper()}_KEY" for key in _NAMES.split()]
