"""Chooses the pipeline that is meant among those of a file."""

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from headrace.errors import CompileError
from headrace.frontend.author_errors import author_error
from headrace.frontend.suggestions import did_you_mean
from headrace.frontend.tfx_pipelines.capture import Captured
from headrace_tfx.authoring.pipeline import Pipeline


def chosen(captured: Captured, path: Path, name: str | None) -> Any:
    """Returns a pipeline of an executed file.

    Args:
        captured: The executed file.
        path: Its path.
        name: A pipeline's name, or a variable or function of the file; None for the only pipeline:
            the one that a runner is called with, else the one that a variable has, else the one
            that the only function for it returns.

    Raises:
        CompileError: There is no such pipeline, or there are several.
    """
    pipelines = list(captured.pipelines) or _variables(captured)
    if name is not None:
        return _named(captured, pipelines, path, name)
    if len(pipelines) == 1:
        return pipelines[0]
    names = [pipeline.pipeline_name for pipeline in pipelines]
    if names:
        raise CompileError(
            f"{path.name}: it has {len(names)} TFX pipelines {names}, expected one. Say which, as "
            f"{path.name}:{names[-1]}."
        )
    makers = _makers(captured)
    if len(makers) == 1:
        return _named(captured, pipelines, path, makers[0])
    functions = makers or _functions(captured)
    advice = (
        f"Name the function that makes it, as {path.name}:{functions[0]}."
        if functions
        else "Give a variable the pipeline, or call a runner with it."
    )
    raise CompileError(
        f"{path.name}: it imports `tfx`, but no runner was called and no variable is a "
        f"tfx.dsl.Pipeline. {advice}"
    )


def _variables(captured: Captured) -> list[Any]:
    found: list[Any] = []
    for value in vars(captured.module).values():
        if isinstance(value, Pipeline) and not any(value is other for other in found):
            found.append(value)
    inner = {each for pipeline in found for each in _within(pipeline)}
    return [each for each in found if each not in inner]


def _within(pipeline: Any) -> Iterator[Any]:
    for node in pipeline.components:
        if isinstance(node, Pipeline):
            yield node
            yield from _within(node)


def _functions(captured: Captured) -> list[str]:
    """Returns the functions of the file that can be called without arguments."""
    return [
        name
        for name, value in vars(captured.module).items()
        if inspect.isfunction(value) and value.__module__ == "__main__" and not _required(value)
    ]


def _makers(captured: Captured) -> list[str]:
    """Returns those of the functions that make a pipeline, as their names or annotations say."""
    return [
        name
        for name in _functions(captured)
        if "pipeline" in name.lower()
        or "Pipeline" in str(inspect.signature(vars(captured.module)[name]).return_annotation)
    ]


def _required(function: Any) -> list[str]:
    return [
        each.name
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]


def _named(captured: Captured, pipelines: Sequence[Any], path: Path, name: str) -> Any:
    for pipeline in pipelines:
        if pipeline.pipeline_name == name:
            return pipeline
    value = vars(captured.module).get(name)
    if isinstance(value, Pipeline):
        return value
    if not inspect.isfunction(value):
        known = [*(each.pipeline_name for each in pipelines), *_functions(captured)]
        advice = did_you_mean(name, known) or "Name one of those."
        raise CompileError(
            f"{path.name}: `{name}` is none of its TFX pipelines and functions {known}. {advice}"
        )
    required = _required(value)
    if required:
        raise CompileError(
            f"{path.name}: the function `{name}` has the arguments {required} without a default, "
            "so it cannot be called for its pipeline. Give them defaults, or name a function "
            "without arguments that calls it."
        )
    return _returned(value, path, name)


def _returned(function: Any, path: Path, name: str) -> Any:
    try:
        pipeline = function()
    except Exception as error:
        # As in `loading`: what the author's code raises is for the author.
        report = author_error(error, path.parent)
        if report is None:
            raise
        raise report from error
    if not isinstance(pipeline, Pipeline):
        raise CompileError(
            f"{path.name}: the function `{name}` returned {pipeline!r}, expected a "
            "tfx.dsl.Pipeline. Return it."
        )
    return pipeline
