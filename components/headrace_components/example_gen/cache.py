"""What a component that reads files depends on besides its input artifacts."""

from pathlib import Path

from headrace_components.cache import Params, fingerprint_of
from headrace_components.errors import InputError
from headrace_components.example_gen.params import FileExampleGenParams
from headrace_components.example_gen.spans import resolve
from headrace_components.parameters import read


def state_of_files(cls: type[FileExampleGenParams], params: Params) -> str | None:
    """Returns span, version and contents of the input files, or None where only a run can tell.

    That is so for files behind a URI, and for parameters that the component will refuse.
    """
    if "://" in params.get("input_base", ""):
        return None
    try:
        typed = read(cls, params, cls.component)
        found = resolve(
            typed.input_base, typed.input_splits, typed.only_span, component=cls.component
        )
    except InputError:  # the run says so, where its author will see it
        return None
    files = sorted({path for paths in found.files.values() for path in paths})
    contents = fingerprint_of((path, Path(path)) for path in files)
    return f"span:{found.span},version:{found.version}\n{found.fingerprint}\n{contents}"
