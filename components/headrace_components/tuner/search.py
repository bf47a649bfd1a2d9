"""Calls the user's tuner_fn and runs the search of its tuner."""

import importlib.util
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Task
from headrace_components.library.user_code.fn_args import FnArgs
from headrace_components.library.user_code.training_inputs import common_arguments
from headrace_components.library.user_code.user_module import (
    call_user_function,
    file_of,
    forget_package,
    load_function,
)
from headrace_components.tuner import keras_choice
from headrace_components.tuner.params import TunerParams

GAVE_UP = "consecutive failures"
"""The text of the RuntimeError that KerasTuner raises after several failed trials in a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """The result of the user's tuner_fn.

    Attributes:
        tuner: A `keras_tuner` tuner.
        fit_kwargs: Arguments of its `search`.
        module: File that defines tuner_fn, or an empty string.
    """

    tuner: Any
    fit_kwargs: Mapping[str, Any]
    module: str

    def run(self) -> None:
        """Tries hyperparameters until the tuner has enough; trials that fail stay in its oracle.

        Raises:
            InputError: The tuner, or the user's code outside of a trial, raised.
        """
        try:
            call_user_function("tuner", _unless_given_up(self.tuner.search), **self.fit_kwargs)
        except _GivenUpError:
            logging.info("tuner: KerasTuner stopped after trials that failed one after the other.")


class _GivenUpError(InputError):
    """KerasTuner stopped the search after several failed trials in a row."""


def _unless_given_up(function: Callable[..., None]) -> Callable[..., None]:
    def search(**kwargs: Any) -> None:
        try:
            function(**kwargs)
        except Exception as error:
            if GAVE_UP in str(error):
                raise _GivenUpError(str(error)) from error
            raise

    return search


def prepare(task: Task, params: TunerParams, working_dir: str) -> Search:
    """Calls the user's tuner_fn, with KerasTuner imported for the Keras of its models.

    Args:
        task: The task.
        params: Its parameters.
        working_dir: Where trials may keep files.

    Raises:
        InputError: An input is incomplete, or tuner_fn raised or returned no TunerFnResult.
    """
    named = _keras_versions(params)
    keras_choice.choose(2 if named == {2} else 3)
    search = _prepare(task, params, working_dir)
    if named not in ({2}, {3}) and keras_choice.version_built(search.tuner) == 2:
        # The code names both or none, but the model shows the version.
        keras_choice.choose(2)
        forget_package(params.tuner_fn)
        search = _prepare(task, params, working_dir)
    return search


def _keras_versions(params: TunerParams) -> set[keras_choice.KerasVersion]:
    try:
        if params.module_file:
            return keras_choice.versions_in(file_of(params.module_file))
        spec = importlib.util.find_spec(params.tuner_fn.rpartition(".")[0])
        return keras_choice.versions_in(Path(spec.origin)) if spec and spec.origin else set()
    except (ImportError, SyntaxError, ValueError):  # loading the function reports this
        return set()


def _prepare(task: Task, params: TunerParams, working_dir: str) -> Search:
    component = task.component
    tuner_fn = load_function(component, params.module_file, "tuner_fn", params.tuner_fn)
    fn_args = FnArgs(working_dir=working_dir, **common_arguments(task, params))
    result = call_user_function(component, tuner_fn, fn_args)
    tuner, fit_kwargs = getattr(result, "tuner", None), getattr(result, "fit_kwargs", {})
    for name in ("search", "oracle", "get_best_hyperparameters"):
        if not hasattr(tuner, name) or not isinstance(fit_kwargs, Mapping):
            raise InputError(
                f"tuner_fn returned {_described(result)}, expected a TunerFnResult "
                "with a KerasTuner tuner as `tuner` and a dict as `fit_kwargs`. Return "
                "TunerFnResult(tuner=..., fit_kwargs={...})."
            )
    code = getattr(tuner_fn, "__code__", None)
    return Search(tuner=tuner, fit_kwargs=fit_kwargs, module=code.co_filename if code else "")


def _described(result: Any) -> str:
    parts = [
        f"`{name}` of type {type(getattr(result, name)).__name__}"
        for name in ("tuner", "fit_kwargs")
        if hasattr(result, name)
    ]
    kind = type(result).__name__
    return f"{kind} with {' and '.join(parts)}" if parts else f"an object of type {kind}"


def failure_of(trial: Any, module: str) -> str:
    """Returns one line about a failed trial: the exception, and its place in the user's module.

    Args:
        trial: A `keras_tuner.engine.trial.Trial`; its message is a traceback.
        module: The user's module file, or an empty string.
    """
    lines = [line.strip() for line in (trial.message or "").splitlines() if line.strip()]
    # The lines of an exception's message are not indented; a traceback's frames are.
    raised = re.findall(
        r"^([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt)\b.*)$", "\n".join(lines), re.M
    )
    reason = (raised or lines or ["no message"])[-1][:400].rstrip(".")
    found = re.findall(rf'File "{re.escape(module)}", line (\d+)', trial.message or "")
    where = f" at {module.rsplit('/', 1)[-1]}, line {found[-1]}" if module and found else ""
    return f"{reason}{where}"
