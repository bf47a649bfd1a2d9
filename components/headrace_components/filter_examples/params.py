"""Parameters of FilterExamples."""

from dataclasses import dataclass

from headrace_components.contract.errors import InputError

_SOURCES = ("module_file", "filter_fn", "filter_batch_fn")


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterExamplesParams:
    """What a pipeline author may choose: exactly one of the first three, and where it runs.

    Attributes:
        module_file: Path, URI or packed form of a Python file with `filter_fn` or
            `filter_batch_fn`.
        filter_fn: Dotted path of a function from a serialized record to a truth value.
        filter_batch_fn: Dotted path of a function from a record batch to a truth value per row.
        beam_pipeline_args: Options of Beam; none for the embedded engine.
    """

    module_file: str = ""
    filter_fn: str = ""
    filter_batch_fn: str = ""
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        given = [name for name in _SOURCES if getattr(self, name)]
        if len(given) != 1:
            raise InputError(
                f"filter_examples: {given or 'none'} of {list(_SOURCES)} are given, expected one. "
                "Pass `module_file` with a Python file that defines filter_fn or filter_batch_fn, "
                "or the function itself as 'package.module.function'."
            )
