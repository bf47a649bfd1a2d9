"""What is known of InfraValidator before a run."""

from headrace_components.contract.split_needs import SplitNeed
from headrace_components.infra_validator.params import InfraValidatorParams


def splits_read(params: InfraValidatorParams) -> list[SplitNeed]:
    """Returns the split to ask about."""
    names = [params.split_name] if params.split_name else []
    return [SplitNeed(port="examples", parameter="split_name` of `request_spec", names=names)]
