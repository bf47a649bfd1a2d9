"""What is known of Trainer before a run."""

from headrace_components.contract.split_needs import SplitNeed
from headrace_components.library.user_code.module_functions import check_source
from headrace_components.trainer.params import TrainerParams


def check(params: TrainerParams) -> None:
    """Rejects a function that is given in no way, or in two.

    Raises:
        InputError: Both or neither of `module_file` and `run_fn` are given, or the path is none.
    """
    check_source("trainer", params.module_file, "run_fn", params.run_fn)


def functions(params: TrainerParams) -> list[tuple[str, ...]]:
    """Returns the function that the module must have."""
    return [("run_fn",)] if params.module_file else []


def splits_read(params: TrainerParams) -> list[SplitNeed]:
    """Returns the splits to train on, and those to evaluate on where the author names them."""
    needs = [
        SplitNeed(port="examples", parameter="splits` of `train_args", names=params.train_splits)
    ]
    if params.eval_args.get("splits"):
        name = "splits` of `eval_args"
        needs.append(SplitNeed(port="examples", parameter=name, names=params.eval_splits))
    return needs
