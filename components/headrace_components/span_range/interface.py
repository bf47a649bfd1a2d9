"""What SpanRange looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def span_range(
    examples: dsl.Input[Examples],
    span_examples: dsl.Output[Examples],
    range_config: dict,
    search_root: str = "",
) -> dsl.ContainerSpec:
    """Joins the examples that runs of this pipeline made of several spans: SpanRangeStrategy.

    A model that is trained on the last seven days, by a pipeline that reads one day a run:

        day = csv_example_gen(input_base="rides", input_config={"splits": [
            {"name": "all", "pattern": "{YYYY}-{MM}-{DD}/*.csv"}]})
        week = span_range(
            examples=day.outputs["examples"],
            range_config={"rolling_range": {"num_spans": 7}},
        )
        trainer(examples=week.outputs["span_examples"], module_file="model.py")

    Earlier examples are those that the task which makes `examples` left in earlier runs. Of several
    of one span this run's own are taken, else the latest version, else the newest. In the first run
    there are this run's own alone. No row is read: files are linked, or copied where they cannot
    be. Where spans are missing, the others are joined.

    Args:
        examples: What this run read, of one span.
        span_examples: The rows of all spans, the earliest first; metadata `spans` lists these, and
            `span` is the last.
        range_config: `{"rolling_range": {"num_spans": ...}}`, so many up to the newest there is, or
            `{"static_range": {"start_span_number": ..., "end_span_number": ...}}`, as
            tfx.proto.RangeConfig.
        search_root: Directory or URI to search instead of this pipeline's root.
    """
    return dsl.ContainerSpec(
        image=image("span_range"),
        command=["python", "-m", "headrace_components.span_range"],
        args=["--executor_input", "{{$}}"],
    )
