"""Errors for arguments that a node does not take."""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

# Arguments that TFX has dropped, and what does their work since.
_GONE = {
    "instance_name": "name the node with .with_id(...)",
    "name": "name the node with .with_id(...)",
    "input": "write input_base=..., with the path itself",
    "input_data": "give the channel under the name of its input",
    "additional_pipeline_args": "write beam_pipeline_args=...",
    "executor_class": "write custom_executor_spec=ExecutorClassSpec(...)",
    "driver_class": "leave it out: drivers of one's own are not supported",
    "trainer_fn": "write run_fn=...: Estimators are gone from TensorFlow",
    "model_exports": "write model=...",
    "output": "leave it out: components make their outputs",
    "outputs": "leave it out: components make their outputs",
    "stats": "write statistics=...",
    "slicing_specs": "put them into eval_config",
    "run_options": "pass it to the runner: LocalDagRunner().run(pipeline, run_options=...)",
}


def argument_error(called: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> TypeError | None:
    """Explains why a class cannot be called with these arguments.

    Returns:
        The error; None if the arguments fit its `__init__`.
    """
    signature = inspect.signature(called.__init__)
    try:
        signature.bind(None, *args, **kwargs)
    except TypeError as error:
        name = called.__name__
        known = [
            each.name
            for each in list(signature.parameters.values())[1:]
            if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        ]
        unknown = [each for each in kwargs if each not in known]
        if unknown:
            return TypeError(_unknown(name, unknown[0], kwargs[unknown[0]], known))
        return TypeError(f"{name}: {error}. It takes {', '.join(known)}.")
    return None


def _unknown(name: str, argument: str, value: Any, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(argument, known, n=1)
    if argument in _GONE:
        advice = f"Instead, {_GONE[argument]}."
    elif near:
        advice = f"Did you mean `{near[0]}`?"
    else:
        advice = "Remove it."
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return (
        f"{name}: got an unknown argument `{argument}` = {shown}, expected one of "
        f"{', '.join(known)}. {advice}"
    )
