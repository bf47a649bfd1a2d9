"""Executes the text of a pipeline file and returns the kfp pipeline in it."""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from headrace.errors import CompileError
from headrace.frontend.author_errors import described
from headrace.frontend.pipeline_names import names_checked
from headrace.frontend.task_groups import groups_closed
from headrace.frontend.tfx_pipelines.plan import Plan
from headrace.frontend.tfx_pipelines.render import Rendered
from headrace.ir import carried_numbers

_FILE = "<headrace convert>"
_MODULE = "headrace_converted_pipeline"


def build(plan: Plan, rendered: Rendered) -> Any:
    """Returns the kfp pipeline of a rendered plan.

    Raises:
        CompileError: kfp, or a component, refuses it; the message names the author's file and the
            TFX node.
    """
    module = ModuleType(_MODULE)
    code = compile(rendered.text, _FILE, "exec")
    with _known(module):
        try:
            with carried_numbers.refused_by_kfp(), names_checked(), groups_closed():
                exec(code, vars(module))
        except Exception as error:
            lines = [
                frame.lineno or 0
                for frame in traceback.extract_tb(error.__traceback__)
                if frame.filename == _FILE
            ]
            if not lines:
                raise
            node = rendered.nodes.get(lines[-1], "")
            where = "".join(f"{each}: " for each in (plan.source, node) if each)
            raise CompileError(f"{where}{described(error)}") from error
    return vars(module)[plan.function]


@contextlib.contextmanager
def _known(module: ModuleType) -> Iterator[None]:
    # kfp looks up artifact classes in the module that the pipeline function names.
    sys.modules[_MODULE] = module
    try:
        yield
    finally:
        del sys.modules[_MODULE]
