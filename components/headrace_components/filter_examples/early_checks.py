"""What is known of FilterExamples before a run."""

from collections.abc import Mapping, Sequence

from headrace_components.filter_examples.params import FilterExamplesParams


def functions(params: FilterExamplesParams) -> list[tuple[str, ...]]:
    """Returns the functions of which the module must have one."""
    return [("filter_fn", "filter_batch_fn")] if params.module_file else []


def splits_made(
    params: FilterExamplesParams, inputs: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Returns the splits of the input."""
    del params
    return {"filtered_examples": inputs["examples"]} if "examples" in inputs else {}
