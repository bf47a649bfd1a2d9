"""Finds features whose distribution has changed: drift between days, skew between sources.

Numbers are compared with `jensen_shannon_divergence`, which needs the histograms that
statistics_gen writes. Strings can also be compared with `infinity_norm` or
`normalized_abs_difference`. A feature that cannot be compared is an anomaly; it does not pass.
An example:

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
"""

from headrace_components.contract.artifact_types import (
    EXAMPLE_ANOMALIES,
    EXAMPLE_STATISTICS,
    HTML,
    METRICS,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import EarlyChecks, SplitNeed
from headrace_components.distribution_validator.configs import check
from headrace_components.distribution_validator.params import DistributionValidatorParams


def splits_read(params: DistributionValidatorParams) -> list[SplitNeed]:
    """Returns the splits of both inputs that are compared with each other."""
    pairs = params.include_split_pairs
    return [
        SplitNeed(port=port, parameter="include_split_pairs", names=[pair[at] for pair in pairs])
        for at, port in enumerate(("statistics", "baseline_statistics"))
    ]


COMPONENT = Component(
    name="distribution_validator",
    doc=__doc__,
    inputs={
        "statistics": Input(EXAMPLE_STATISTICS, "Statistics of the data under test."),
        "baseline_statistics": Input(
            EXAMPLE_STATISTICS,
            """Statistics to compare with. If the input is not connected, or is
            empty as in a first run, nothing is compared.""",
            optional=True,
        ),
    },
    outputs={
        "anomalies": Output(
            EXAMPLE_ANOMALIES,
            """One `SchemaDiff.pb` per pair of splits. The metadata `blessed` has 1 or 0 for
            each pair, or 2 for each split without a baseline.""",
        ),
        "report": Output(
            HTML, "A page with the features under test and in the baseline, the worst first."
        ),
        "metrics": Output(
            METRICS,
            """Number of features that were compared, that exceed their threshold and that were
            not compared, and the largest distance, for comparing runs in the UI.""",
        ),
    },
    parameters=DistributionValidatorParams,
    execution_type="tfx.components.distribution_validator.component.DistributionValidator",
    checks=EarlyChecks(check=check, splits_read=splits_read),
    footprint="statistics",
    logs_notices=True,
    opens_store=True,
)
