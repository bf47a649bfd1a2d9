"""Decides whether a resumed run uses the code that its author has corrected meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from headrace.compilation.passes.parameter_checks import check_parameters
from headrace.contract.shown_values import packed_in
from headrace.frontend.loading import PipelineSource
from headrace.ir import run_parameters
from headrace.targets.local.records.record import (
    PipelineOrigin,
    RunRecord,
    code_digest,
    file_digest,
    file_of,
)
from headrace.targets.local.records.store import RunStore
from headrace.targets.local.runnable import load, packed
from headrace.targets.local.shared.pipelines import checked_pipeline
from headrace_components.contract.errors import InputError

_CHANGED = (
    "The code has changed since this run began. What is done and not affected stays done; the rest "
    "runs with the new code."
)


def with_code_of_now(
    store: RunStore,
    record: RunRecord,
    pipeline: PipelineSource | Mapping[str, Any] | None,
    notify: Callable[[str], None],
    flags: Sequence[str] = (),
) -> RunRecord:
    """Returns the record of a run with the current pipeline.

    Args:
        store: The run.
        record: The settings that the run was started with.
        pipeline: The source of the code, changed or not. None takes it from where the run was
            started, if a file there has changed: other inputs of a pipeline, such as the date,
            change without the author.
        notify: Gets a line about the decision.
        flags: What the file of a TFX pipeline finds on its command line; empty for the flags that
            the run was started with.

    Raises:
        InputError: The pipeline is another one, or its new code does not compile.
    """
    if pipeline is not None:
        given = record.origin.given if record.origin else record.parameters
        return _taken(store, record, pipeline, given, notify, flags)
    origin = record.origin
    if origin is None:
        return record
    file = file_of(origin.pipeline)
    if not file.is_file():
        notify(f"{file} is no longer there; the run goes on with the code that it began with.")
        return record
    is_edited = file_digest(file) != origin.digest
    try:
        found = _taken(store, record, origin.pipeline, origin.given, lambda _: None)
    except InputError as error:
        if is_edited:
            raise
        notify(f"The run goes on with the code that it began with: {error}")
        return record
    if found is record:
        return record
    if is_edited or _modules(found) != _modules(record):
        notify(_CHANGED)
        return found
    notify(
        f"{file} compiles to another pipeline than when this run began, which goes on as it was. "
        f"To take the new one: headrace run {origin.pipeline} --root {store.root} --resume "
        f"{record.run_id}"
    )
    return record


def _taken(
    store: RunStore,
    record: RunRecord,
    pipeline: PipelineSource | Mapping[str, Any],
    given: Mapping[str, Any],
    notify: Callable[[str], None],
    flags: Sequence[str] = (),
) -> RunRecord:
    flags = flags or (record.origin.flags if record.origin else ())
    spec = load(pipeline, flags).spec
    loaded = checked_pipeline(spec)
    if loaded.name != store.directory.parent.name:
        raise InputError(
            f"headrace run: the run {record.run_id} is one of the pipeline "
            f"{store.directory.parent.name!r}, but {loaded.name!r} was given. Give the pipeline of "
            "the run, or leave --resume out."
        )
    values = packed(spec, given, Path(record.directory))
    parameters = run_parameters.checked(values, loaded.root)
    check_parameters(spec, parameters)
    code = code_digest(spec, parameters)
    if code == record.code:
        return record
    notify(_CHANGED)
    origin = (
        PipelineOrigin.of(pipeline, given, flags)
        if isinstance(pipeline, (str, Path))
        else record.origin
    )
    return replace(record, spec=spec, parameters=parameters, code=code, origin=origin)


def _modules(record: RunRecord) -> set[str]:
    """Returns the packed modules that a run carries."""
    return set(packed_in([record.spec, record.parameters]))
