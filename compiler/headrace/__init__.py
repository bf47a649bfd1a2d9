"""Headrace: TFX's job on Kubeflow Pipelines and Vertex AI Pipelines, one image per component.

`compile`, `run` and `submit` do the same as the commands of these names; `resume` does the same as
`headrace run --resume`. Each name is imported when it is first used, so `import headrace` costs
nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.compilation.compiler import compile  # noqa: A004  the name of the command
    from headrace.contract.service import ContactLostError
    from headrace.errors import CompileError
    from headrace.profiles.profile import Profile
    from headrace.targets.local.graph import graph
    from headrace.targets.local.run import resume, run
    from headrace.targets.local.shared.container_options import ContainerOptions
    from headrace.targets.local.shared.observer import Silence
    from headrace.targets.local.shared.results import RunResult
    from headrace.targets.past_runs import RunList, runs
    from headrace.targets.remote.submitted_run import SubmittedRun, submit
    from headrace_components.contract.errors import InputError, PlatformError

__all__ = [
    "CompileError",
    "ContactLostError",
    "ContainerOptions",
    "InputError",
    "PlatformError",
    "Profile",
    "RunList",
    "RunResult",
    "Silence",
    "SubmittedRun",
    "compile",
    "graph",
    "resume",
    "run",
    "runs",
    "submit",
]

__version__ = "0.1.0"

_HOMES = {
    "CompileError": "headrace.errors",
    "ContactLostError": "headrace.contract.service",
    "ContainerOptions": "headrace.targets.local.shared.container_options",
    "InputError": "headrace_components.contract.errors",
    "PlatformError": "headrace_components.contract.errors",
    "Profile": "headrace.profiles.profile",
    "RunList": "headrace.targets.past_runs",
    "RunResult": "headrace.targets.local.shared.results",
    "Silence": "headrace.targets.local.shared.observer",
    "SubmittedRun": "headrace.targets.remote.submitted_run",
    "compile": "headrace.compilation.compiler",
    "graph": "headrace.targets.local.graph",
    "load_ipython_extension": "headrace.targets.local.graph",
    "resume": "headrace.targets.local.run",
    "run": "headrace.targets.local.run",
    "runs": "headrace.targets.past_runs",
    "submit": "headrace.targets.remote.submitted_run",
}


if not TYPE_CHECKING:  # otherwise a type checker would accept any name

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'headrace' has no attribute {name!r}")
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
