"""The common checks of `trainer` and `tuner` before a run. Standard library only."""

from typing import Any

from headrace_components.contract.hooks import EarlyChecks, SplitNeed
from headrace_components.library.user_code.module_functions import check_source


def training_checks(function: str) -> EarlyChecks:
    """Returns the checks of a component that calls the author's function to train.

    Args:
        function: Name of the function in the module file, and of the parameter that takes its
            dotted path instead.
    """

    def check(params: Any) -> None:
        check_source(params.module_file, function, getattr(params, function))

    def functions(params: Any) -> list[tuple[str, ...]]:
        return [(function,)] if params.module_file else []

    return EarlyChecks(check=check, functions=functions, splits_read=_splits_read)


def _splits_read(params: Any) -> list[SplitNeed]:
    """Returns the splits to train on, and those to evaluate on if the author names them."""
    needs = [
        SplitNeed(port="examples", parameter="splits` of `train_args", names=params.train_splits)
    ]
    if params.eval_args.splits:
        name = "splits` of `eval_args"
        needs.append(SplitNeed(port="examples", parameter=name, names=params.eval_splits))
    return needs
