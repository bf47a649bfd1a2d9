"""Loads a model into a server, sends requests with some examples, and blesses it if it answers."""

import shutil

from headrace_components.contract.artifact_types import EXAMPLES, INFRA_BLESSING, MODEL
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.fingerprints import file_fingerprint
from headrace_components.contract.hooks import CacheHooks, EarlyChecks, Params, SplitNeed
from headrace_components.infra_validator.params import InfraValidatorParams


def environment_state(params: Params) -> str | None:
    """Returns the fingerprint of the model server's binary; a fixed word without a binary."""
    del params
    binary = shutil.which("tensorflow_model_server")
    return file_fingerprint(binary) if binary else "embedded"


def splits_read(params: InfraValidatorParams) -> list[SplitNeed]:
    """Returns the split that requests are made from."""
    names = [params.split_name] if params.split_name else []
    return [SplitNeed(port="examples", parameter="split_name` of `request_spec", names=names)]


COMPONENT = Component(
    name="infra_validator",
    doc=__doc__,
    inputs={
        "model": Input(MODEL, "The model, a SavedModel."),
        "examples": Input(
            EXAMPLES,
            "Rows to make requests from, in the format that the model's signatures parse.",
            optional=True,
        ),
    },
    outputs={
        "blessing": Output(
            INFRA_BLESSING,
            """Whether the server loaded the model and answered; a pusher reads it. With
            `make_warmup` it also has the model with its warm-up requests, which a pusher can
            push.""",
        ),
    },
    parameters=InfraValidatorParams,
    execution_type="tfx.components.infra_validator.component.InfraValidator",
    cache=CacheHooks(environment_state=environment_state),
    checks=EarlyChecks(splits_read=splits_read),
    footprint="statistics",
    logs_notices=True,
)
