"""Parameters of FilterExamples."""

from dataclasses import dataclass

from headrace_components.contract.errors import InputError

_SOURCES = ("module_file", "filter_fn", "filter_batch_fn")


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterExamplesParams:
    """Parameters that a pipeline author may set: exactly one of the first three, and where it runs.

    Attributes:
        module_file: Python file with one of the two functions.
        filter_fn: That function as a dotted path; excludes the others.
        filter_batch_fn: That function as a dotted path; excludes the others. It needs tf.Examples.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.
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
