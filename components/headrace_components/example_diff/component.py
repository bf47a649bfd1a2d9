"""Pairs rows by their identifiers, and shows in which features the two rows of a pair differ.

This example finds the skew between the rows that a served model logged and the rows that it is
trained on:

    example_diff(
        examples=logged.outputs["examples"],
        baseline_examples=training.outputs["examples"],
        config={
            "paired_example_skew": {
                "identifier_features": ["flight", "day"],
                "ignore_features": ["served_at"],
                "float_round_ndigits": 3,
                "skew_sample_size": 20,
            }
        },
    )
"""

from headrace_components.contract.artifact_types import EXAMPLES, EXAMPLES_DIFF
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import EarlyChecks, SplitNeed
from headrace_components.example_diff.params import ExampleDiffParams


def splits_read(params: ExampleDiffParams) -> list[SplitNeed]:
    """Returns the splits of both inputs that are compared with each other."""
    pairs = params.include_split_pairs
    return [
        SplitNeed(port=port, parameter="include_split_pairs", names=[pair[at] for pair in pairs])
        for at, port in enumerate(("examples", "baseline_examples"))
    ]


COMPONENT = Component(
    name="example_diff",
    doc=__doc__,
    inputs={
        "examples": Input(EXAMPLES, "The rows under test."),
        "baseline_examples": Input(EXAMPLES, "The rows to compare them with."),
    },
    outputs={
        "example_diff_result": Output(
            EXAMPLES_DIFF,
            """For each pair of splits: the differences by feature, how rows
            matched, a sample of pairs that differ, and how values were confused.""",
        ),
    },
    parameters=ExampleDiffParams,
    execution_type="tfx.components.example_diff.component.ExampleDiff",
    checks=EarlyChecks(splits_read=splits_read),
    footprint="statistics",
)
