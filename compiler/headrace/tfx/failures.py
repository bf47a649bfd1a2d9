"""Raises for a run that failed, as TFX's runners do."""

import re

from headrace.targets.local.shared.results import RunResult
from headrace_components.contract.errors import ComponentError, InputError, PlatformError

_COMPONENT = re.compile(r"[a-z_]+: ")
_ERRORS = {"input": InputError, "platform": PlatformError, "crash": ComponentError}


def raise_failure(result: RunResult) -> None:
    """Does nothing if a run succeeded.

    Raises:
        InputError: A task failed for a reason that its author can mend.
        PlatformError: A task failed, and a retry may help.
        ComponentError: A task ended without a reason.
        KeyboardInterrupt: The run was interrupted.
    """
    if result.failures:
        failure = result.failures[0]
        # The node's id in place of the component's name, with which a message begins.
        message = _COMPONENT.sub("", failure.message)
        log = f" (log: {failure.log})" if failure.log else ""
        raise _ERRORS[failure.kind](f"{failure.task}: {message}{log}")
    if result.state == "interrupted":
        raise KeyboardInterrupt
