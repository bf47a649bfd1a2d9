"""What may stand among the options of Beam."""

from collections.abc import Iterable
from typing import Any

from headrace_tfx.authoring.placeholders import Placeholder
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter


def check_beam_arguments(where: str, given: Iterable[Any]) -> None:
    """Refuses options that are no texts, as TFX does when it compiles.

    Args:
        where: The pipeline or node, for the message.
        given: The options.

    Raises:
        ValueError: One of them is something else.
    """
    for each in given:
        if not isinstance(each, (str, Placeholder, RuntimeParameter)):
            raise ValueError(
                f"{where}: `beam_pipeline_args` has {each!r} of type {type(each).__name__}, "
                "expected a text for each option, such as '--temp_location=gs://my-bucket/tmp'. "
                "Leave it out, or write it as a text."
            )
