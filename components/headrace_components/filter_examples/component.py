"""Keeps the rows that a function chooses. They are unchanged and, without Beam, in their order.

There are two kinds of function. `filter_fn(serialized: bytes) -> bool` is called for each
record. `filter_batch_fn(batch: pyarrow.RecordBatch)` is called for some thousand rows at a
time, and returns one boolean for each row. It is faster, because no row needs its own call and
its own tf.Example:

    import pyarrow.compute as pc

    def filter_batch_fn(batch):
        # Flights that took off. A feature is a list column, null where a row lacks it.
        return pc.greater(pc.fill_null(pc.list_value_length(batch["dep_delay"]), 0), 0)
"""

from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import CacheHooks, EarlyChecks, Splits
from headrace_components.filter_examples.params import FilterExamplesParams
from headrace_components.library.user_code.code_state import state_of_code


def functions(params: FilterExamplesParams) -> list[tuple[str, ...]]:
    """Returns the functions; the module must have exactly one of them."""
    return [("filter_fn", "filter_batch_fn")] if params.module_file else []


def splits_made(params: FilterExamplesParams, inputs: Splits) -> Splits:
    """Returns the splits of the input."""
    del params
    return {"filtered_examples": inputs["examples"]} if "examples" in inputs else {}


COMPONENT = Component(
    name="filter_examples",
    doc=__doc__,
    inputs={
        "examples": Input(EXAMPLES, "Rows to choose from; all splits are filtered."),
    },
    outputs={
        "filtered_examples": Output(
            EXAMPLES,
            """The rows that were kept, with the splits, span and payload format of
            `examples`.""",
        ),
    },
    parameters=FilterExamplesParams,
    execution_type="tfx.components.experimental.filter.component.FilterComponent",
    cache=CacheHooks(
        environment_state=state_of_code("filter_fn", "filter_batch_fn"),
        module_names=lambda _: ("filter_fn", "filter_batch_fn"),
    ),
    checks=EarlyChecks(functions=functions, splits_made=splits_made),
    footprint="reading",
)
