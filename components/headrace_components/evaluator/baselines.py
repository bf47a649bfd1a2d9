"""Decides whether a baseline can be compared with the candidate. Standard library only."""

from headrace_components.contract.hooks import Inputs
from headrace_components.library.user_code.module_pack import is_remote


def relevant_inputs(inputs: Inputs) -> Inputs:
    """Returns `inputs` without a baseline that the candidate is not compared with.

    These are a baseline without a model, which a resolver leaves if it found none, and a baseline
    that is the candidate itself. With either, a run has the same results as without a baseline.
    """
    baseline = inputs.get("baseline_model", ())
    used = [uri for uri in baseline if is_comparable(uri, *inputs.get("model", ()))]
    if len(used) == len(baseline):
        return inputs
    return {
        key: used if key == "baseline_model" else uris
        for key, uris in inputs.items()
        if key != "baseline_model" or used
    }


def is_comparable(baseline_uri: str, *candidate_uris: str) -> bool:
    """Returns whether the baseline may hold a model, and another one than the candidate."""
    if baseline_uri in candidate_uris:
        return False
    if is_remote(baseline_uri):
        return True
    # The declaration imports this module: a compile, which asks nothing here, need not pay for it.
    from headrace_components.contract.task import local_path

    return (local_path(baseline_uri) / "Format-Serving").is_dir()
