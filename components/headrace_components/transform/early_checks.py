"""What is known of Transform before a run."""

from collections.abc import Mapping, Sequence

from headrace_components.contract.split_needs import SplitNeed
from headrace_components.library.user_code.module_functions import check_source
from headrace_components.transform.params import TransformParams


def check(params: TransformParams) -> None:
    """Rejects a function that is given in no way, or in two.

    Raises:
        InputError: Both or neither of `module_file` and `preprocessing_fn` are given, or the path
            is none.
    """
    check_source("transform", params.module_file, "preprocessing_fn", params.preprocessing_fn)


def functions(params: TransformParams) -> list[tuple[str, ...]]:
    """Returns the function that the module must have."""
    return [("preprocessing_fn",)] if params.module_file else []


def splits_read(params: TransformParams) -> list[SplitNeed]:
    """Returns the splits that are analyzed and transformed."""
    config = params.splits_config
    names = [*(config.get("analyze") or ("train",)), *(config.get("transform") or ())]
    return [SplitNeed(port="examples", parameter="splits_config", names=names)]


def splits_made(
    params: TransformParams, inputs: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Returns the splits that are transformed: all, unless `splits_config` names some."""
    named = params.splits_config.get("transform")
    if not params.splits_config and "examples" in inputs:
        return {"transformed_examples": inputs["examples"]}
    return {"transformed_examples": named} if named else {}
