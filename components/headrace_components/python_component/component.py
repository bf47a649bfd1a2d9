"""Runs a function or a class that the author of the pipeline wrote.

The author names the ports, in `headrace_components.authoring.python_component`. The code is a
function whose arguments are artifacts and values, a component or an executor with TFX's interface.
"""

from headrace_components.contract.declaration import Component
from headrace_components.contract.hooks import CacheHooks, EarlyChecks, Params
from headrace_components.library.user_code.code_state import code_state
from headrace_components.python_component.arguments import check_arguments
from headrace_components.python_component.params import CODE, OBJECT, PythonComponentParams


def names(params: PythonComponentParams) -> list[tuple[str, ...]]:
    """Returns the function or class, which the file must have."""
    return [(params.headrace_object,)] if params.headrace_code else []


def check(params: PythonComponentParams) -> None:
    """Rejects a function whose arguments do not fit the ports."""
    check_arguments(params.headrace_code, params.headrace_object, params.headrace_ports)


def environment_state(params: Params) -> str | None:
    """Returns a fingerprint of the code that is installed here, or at a URI."""
    file = params.get(CODE, "")
    return code_state({"module_file": file, **({} if file else {OBJECT: params[OBJECT]})}, OBJECT)


COMPONENT = Component(
    name="python_component",
    doc=__doc__,
    outputs={},
    parameters=PythonComponentParams,
    cache=CacheHooks(
        environment_state=environment_state, module_names=lambda params: (params[OBJECT],)
    ),
    checks=EarlyChecks(check=check, functions=names),
    footprint="training",
    module_parameter=CODE,
    own_ports=True,
)
