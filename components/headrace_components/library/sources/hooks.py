"""Hooks that components which make examples share. Standard library only."""

import importlib
import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.fingerprints import fingerprint_of
from headrace_components.contract.hooks import CacheHooks, EarlyChecks, Inputs, Params, Splits
from headrace_components.contract.parameters import read
from headrace_components.library.sources.params import ExampleGenParams, FileExampleGenParams
from headrace_components.library.sources.spans import (
    FindFiles,
    check_patterns,
    local_files,
    resolve,
)


def _check(params: FileExampleGenParams) -> None:
    """Rejects input patterns with placeholders that cannot be filled.

    Raises:
        InputError: A pattern has an error, or has no placeholder for the requested span.
    """
    check_patterns(params.input_splits, params.only_span)


def _splits_made(params: ExampleGenParams, inputs: Splits) -> Splits:
    """Returns the splits that `input_config` and `output_config` define."""
    del inputs
    return {"examples": params.split_names}


FILE_CHECKS = EarlyChecks(check=_check, splits_made=_splits_made)
"""Checks of a component that reads files."""

QUERY_CHECKS = EarlyChecks(splits_made=_splits_made)
"""Checks of a component that reads the rows of queries."""


def cache_of_files(parameters: type[FileExampleGenParams]) -> CacheHooks:
    """Returns the hooks of a component that reads files, with the dataclass of its parameters."""

    def external_state(params: Params, inputs: Inputs) -> str | None:
        del inputs
        return _state(parameters, params)

    return CacheHooks(external_state=external_state, input_locations=_locations)


def _locations(params: Params) -> tuple[str, ...]:
    return (params["input_base"],)


def _state(cls: type[FileExampleGenParams], params: Params) -> str | None:
    """Returns span, version and contents of the input files, or None if only a run can find them.

    This is the case for parameters that the component will refuse, for a store that does not
    answer, and for a URI if pyarrow is not installed.
    """
    is_remote = "://" in params.get("input_base", "")
    if is_remote and importlib.util.find_spec("pyarrow") is None:
        return None
    try:
        typed = read(cls, params, cls.component)
        found = resolve(
            typed.input_base,
            typed.input_splits,
            typed.only_span,
            _find(typed.input_base) if is_remote else local_files,
        )
        files = sorted({path for paths in found.files.values() for path in paths})
        contents = _of_objects(files) if is_remote else _of_files(files)
    except (InputError, PlatformError, OSError) as error:
        # The run reports it, so that its author sees it.
        logging.info("%s: no fingerprint of the input: %s", cls.component, error)
        return None
    return f"span:{found.span},version:{found.version}\n{found.fingerprint}\n{contents}"


def _of_files(files: Sequence[str]) -> str:
    return fingerprint_of(((path, Path(path)) for path in files), with_times=True)


def _of_objects(uris: Sequence[str]) -> str:
    states = importlib.import_module("headrace_components.library.sources.object_states")
    fingerprint: str = states.object_fingerprint(uris)
    return fingerprint


def _find(base: str) -> FindFiles:
    # By name: the compiler reads these hooks and has no pyarrow.
    files = importlib.import_module("headrace_components.library.sources.files")
    find: FindFiles = files.find_files(base)
    return find
