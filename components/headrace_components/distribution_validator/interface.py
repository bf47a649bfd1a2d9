"""What DistributionValidator looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import ExampleAnomalies, ExampleStatistics
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def distribution_validator(
    statistics: dsl.Input[ExampleStatistics],
    anomalies: dsl.Output[ExampleAnomalies],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    baseline_statistics: dsl.Input[ExampleStatistics] = None,
    config: dict = {},
    include_split_pairs: list = [],
    custom_validation_config: dict = {},
    fail_on_anomalies: bool = False,
) -> dsl.ContainerSpec:
    """Finds features whose distribution has moved: drift between days, skew between sources.

    Numbers are compared by `jensen_shannon_divergence`, which needs the histograms that
    statistics_gen writes; strings by it, by `infinity_norm` or `normalized_abs_difference`. A
    feature that cannot be compared is an anomaly, not a pass:

        distribution_validator(
            statistics=today.outputs["statistics"],
            baseline_statistics=yesterday.outputs["statistics"],
            config={
                "default_slice_config": {
                    "feature": [
                        {
                            "path": {"step": ["fare"]},
                            "distribution_comparator": {
                                "jensen_shannon_divergence": {"threshold": 0.05}
                            },
                        }
                    ],
                    "num_examples_comparator": {"min_fraction_threshold": 0.5},
                }
            },
        )

    Args:
        statistics: Statistics of the data under test.
        anomalies: One `SchemaDiff.pb` per pair of splits; its metadata `blessed` says 1 or 0 by
            pair, or 2 by split where there is no baseline.
        report: A page with the features, the worst first, under test and in the baseline.
        metrics: Number of features compared, over their threshold and not compared, and the
            largest distance, for the UI to compare runs by.
        baseline_statistics: Statistics to compare with. Unconnected or empty, as in a first run,
            nothing is compared.
        config: A `tfx.proto.DistributionValidatorConfig` in JSON form.
        include_split_pairs: Pairs of split names, the one under test first, as
            `[["eval", "train"]]`. Empty compares splits of one name.
        custom_validation_config: A `tfdv.CustomValidationConfig` in JSON form: conditions in SQL
            over the statistics of a feature, or of a feature and its baseline.
        fail_on_anomalies: Whether an anomaly fails the task, and with it the run.
    """
    return dsl.ContainerSpec(
        image=image("distribution_validator"),
        command=["python", "-m", "headrace_components.distribution_validator"],
        args=["--executor_input", "{{$}}"],
    )
