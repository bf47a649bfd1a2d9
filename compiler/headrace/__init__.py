"""Headrace: TFX's job on Kubeflow Pipelines and Vertex AI Pipelines, one image per component.

`headrace.compile` and `headrace.run` do what the commands of the same names do, `headrace.resume`
what `headrace run --resume` does. They are imported when they are first used, so that `import
headrace` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.compilation.compiler import compile_pipeline as compile  # noqa: A004  the command's name is the function's
    from headrace.targets.local.run import resume as resume
    from headrace.targets.local.run import run as run

__all__ = ["compile", "resume", "run"]

__version__ = "0.1.0"

_EXPORTS = {
    "compile": ("headrace.compilation.compiler", "compile_pipeline"),
    "resume": ("headrace.targets.local.run", "resume"),
    "run": ("headrace.targets.local.run", "run"),
}


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'headrace' has no attribute {name!r}")
    module, attribute = _EXPORTS[name]
    return getattr(importlib.import_module(module), attribute)
