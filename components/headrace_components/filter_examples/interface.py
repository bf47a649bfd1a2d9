"""What FilterExamples looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def filter_examples(
    examples: dsl.Input[Examples],
    filtered_examples: dsl.Output[Examples],
    module_file: str = "",
    filter_fn: str = "",
    filter_batch_fn: str = "",
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Keeps the rows that a function wants, byte for byte and, without Beam, in their order.

    The function is one of two. `filter_fn(serialized: bytes) -> bool` is called for each record.
    `filter_batch_fn(batch: pyarrow.RecordBatch)` is called for some thousand rows and returns one
    truth value for each, which spares a call of Python and a parsed tf.Example per row:

        import pyarrow.compute as pc

        def filter_batch_fn(batch):
            # Flights that took off. A feature is a list column, null where a row lacks it.
            return pc.greater(pc.fill_null(pc.list_value_length(batch["dep_delay"]), 0), 0)

    Args:
        examples: Rows to choose from; all splits are filtered.
        filtered_examples: The rows kept, with the splits, span and payload format of `examples`.
        module_file: Python file with one of the two functions.
        filter_fn: That function as a dotted path; excludes the others.
        filter_batch_fn: That function as a dotted path; excludes the others. It needs tf.Examples.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.
    """
    return dsl.ContainerSpec(
        image=image("filter_examples"),
        command=["python", "-m", "headrace_components.filter_examples"],
        args=["--executor_input", "{{$}}"],
    )
