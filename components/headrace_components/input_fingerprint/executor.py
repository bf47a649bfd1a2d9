"""Outputs the fingerprint of the files that another component will read."""

import logging
import uuid
from typing import Any

from headrace_components.contract.declaration import cache_hooks
from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.contract.fingerprint_ports import COMPONENT, FINGERPRINT, PLACE, UNKNOWN
from headrace_components.contract.task import Task


def execute(task: Task) -> None:
    """Fills `fingerprint`; with a unique text if only the component can find out.

    Then the component runs, and reports what is wrong with its parameters or the files.
    """
    params = dict(task.params)
    component = params.pop(COMPONENT)
    state = _state(task, component, params)
    if state is None:
        logging.warning("There is no fingerprint, so %s is not answered from a cache.", component)
        state = f"{UNKNOWN}{uuid.uuid4().hex}"
    else:
        logging.info("%s", state)
    task.output_parameters[FINGERPRINT] = state


def _state(task: Task, component: str, params: dict[str, Any]) -> str | None:
    hooks = cache_hooks(component)
    if hooks.external_state is None:
        raise ComponentError(f"{component!r} reads nothing but its inputs.")
    if hooks.earlier_state is None:
        return hooks.external_state(params, {})
    try:
        return hooks.earlier_state(params, task.output(PLACE))
    except (InputError, PlatformError) as error:
        logging.info("%s: nothing is known of earlier runs: %s", component, error)
        return None
