"""What ExampleDiff looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples, ExamplesDiff
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def example_diff(
    examples: dsl.Input[Examples],
    baseline_examples: dsl.Input[Examples],
    example_diff_result: dsl.Output[ExamplesDiff],
    config: dict = {},
    include_split_pairs: list = [],
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Pairs rows by what identifies them, and tells in which features the two of a pair differ.

    Such is the skew between the rows that were logged when a model served and those that it is
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

    Args:
        examples: The rows under test.
        baseline_examples: The rows they are compared with.
        example_diff_result: Per pair of splits the differences by feature, how rows matched, a
            sample of pairs that differ, and how values were confused.
        config: A `tfx.proto.ExampleDiffConfig` in JSON form. Floats are compared as they are where
            it has no `float_round_ndigits`.
        include_split_pairs: Pairs of split names, the one under test first, as
            `[["eval", "train"]]`. Empty compares every split with every other.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam. On Beam, the sample may be another one.
    """
    return dsl.ContainerSpec(
        image=image("example_diff"),
        command=["python", "-m", "headrace_components.example_diff"],
        args=["--executor_input", "{{$}}"],
    )
