"""What is known of Tuner before a run."""

from headrace_components.contract.split_needs import SplitNeed
from headrace_components.library.user_code.module_functions import check_source
from headrace_components.tuner.params import TunerParams


def check(params: TunerParams) -> None:
    """Rejects a function that is given in no way, or in two.

    Raises:
        InputError: Both or neither of `module_file` and `tuner_fn` are given, or the path is none.
    """
    check_source("tuner", params.module_file, "tuner_fn", params.tuner_fn)


def functions(params: TunerParams) -> list[tuple[str, ...]]:
    """Returns the function that the module must have."""
    return [("tuner_fn",)] if params.module_file else []


def splits_read(params: TunerParams) -> list[SplitNeed]:
    """Returns the splits to train on, and those to evaluate on where the author names them."""
    needs = [
        SplitNeed(port="examples", parameter="splits` of `train_args", names=params.train_splits)
    ]
    if params.eval_args.get("splits"):
        name = "splits` of `eval_args"
        needs.append(SplitNeed(port="examples", parameter=name, names=params.eval_splits))
    return needs
