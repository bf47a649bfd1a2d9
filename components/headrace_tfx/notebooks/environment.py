"""Whether this is a notebook."""

import builtins
import functools
import logging
from collections.abc import Callable
from typing import Any


def is_ipython() -> bool:
    """Returns whether IPython runs this code: in a notebook, or at its prompt."""
    return bool(getattr(builtins, "__IPYTHON__", None))


def requires_ipython(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a method do nothing but warn in a plain Python program.

    A notebook that was exported as a program keeps its calls of `InteractiveContext.run`.
    """

    @functools.wraps(fn)
    def run_if_ipython(*args: Any, **kwargs: Any) -> Any:
        if is_ipython():
            return fn(*args, **kwargs)
        logging.getLogger("tfx").warning(
            "InteractiveContext.%s does nothing outside of a notebook. Run the pipeline with a "
            "runner, such as LocalDagRunner.",
            fn.__name__,
        )
        return None

    return run_if_ipython
