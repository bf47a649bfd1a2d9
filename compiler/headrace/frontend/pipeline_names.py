"""Keeps kfp from giving a pipeline another name than its author did.

kfp makes names of lower-case letters a to z, digits and `-`: `Größe` becomes `gr-e`, and two
different pipelines may become one. The compiled pipeline does not contain the author's name, so it
is checked while kfp compiles.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from headrace.errors import CompileError


def check_pipeline_name(name: str) -> None:
    """Refuses a name of which kfp would lose letters.

    Raises:
        CompileError: It has letters other than a to z, or no letter or digit at all.
    """
    kept = _kept(name)
    if kept and not any(each.isalnum() and not each.isascii() for each in name):
        return
    raise CompileError(
        f"the pipeline is named {name!r}, of which kfp would keep {kept!r}. Name it with letters a "
        "to z, digits and -; `display_name` of dsl.pipeline may be any text."
    )


def check_function_name(name: str, pipeline: str) -> None:
    """Does the same as `check_pipeline_name`, for a compiled pipeline.

    Args:
        name: Name of its function.
        pipeline: Its own name; if it does not come from the function's name, the author gave it.

    Raises:
        CompileError: As there.
    """
    if pipeline == _kept(name):
        check_pipeline_name(name)


@contextmanager
def names_checked() -> Iterator[None]:
    """Checks the names of the pipelines that are decorated meanwhile."""
    from kfp.dsl import component_factory

    original: Callable[..., Any] = component_factory.create_graph_component_from_func

    def create(func: Callable[..., Any], name: str | None = None, **rest: Any) -> Any:
        check_pipeline_name(name or func.__name__)
        return original(func, name=name, **rest)

    component_factory.create_graph_component_from_func = create
    try:
        yield
    finally:
        component_factory.create_graph_component_from_func = original


def _kept(name: str) -> str:
    # `maybe_rename_for_k8s` of kfp.
    return re.sub("-+", "-", re.sub("[^-0-9a-z]+", "-", name.lower())).strip("-")
