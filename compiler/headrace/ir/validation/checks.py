"""The whole check of a compiled pipeline that came from outside."""

from typing import Any

from headrace.ir.validation.references import check_references
from headrace.ir.validation.structure import check_structure


def check_spec(document: Any, where: str) -> None:
    """Refuses data that is not a sound `PipelineSpec`, before anything is done with it.

    Args:
        document: The data.
        where: The beginning of messages, such as `headrace run: pipeline.yaml`.

    Raises:
        InputError: It is not a valid one; one line says the place, what was found and what was
            expected.
    """
    check_structure(document, where)
    check_references(document, where)
