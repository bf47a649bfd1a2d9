"""Parameters of FilterExamples."""

from dataclasses import dataclass

from headrace_components.contract.errors import InputError

_SOURCES = ("module_file", "filter_fn", "filter_batch_fn")


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterExamplesParams:
    """Parameters that a pipeline author may set: exactly one of the first three, and where it runs.

    Attributes:
        module_file: Python file with `filter_fn` or `filter_batch_fn`.
        filter_fn: Dotted path of this function, instead of `module_file` and `filter_batch_fn`.
        filter_batch_fn: Dotted path of this function, instead of `module_file` and `filter_fn`. It
            needs tf.Examples.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.
    """

    module_file: str = ""
    filter_fn: str = ""
    filter_batch_fn: str = ""
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        given = [name for name in _SOURCES if getattr(self, name)]
        if len(given) != 1:
            raise InputError(
                f"{given or 'none'} of {list(_SOURCES)} are given, expected one. "
                "Pass `module_file` with a Python file that defines filter_fn or filter_batch_fn, "
                "or the function itself as 'package.module.function'."
            )
