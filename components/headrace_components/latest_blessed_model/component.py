"""Finds the newest model that an evaluator of this pipeline blessed."""

from headrace_components.contract.artifact_types import MODEL, MODEL_BLESSING
from headrace_components.contract.declaration import Component, Output
from headrace_components.contract.hooks import CacheHooks, in_executor, unknown_before_the_run
from headrace_components.latest_blessed_model.params import LatestBlessedModelParams

COMPONENT = Component(
    name="latest_blessed_model",
    doc=__doc__,
    outputs={
        "model": Output(
            MODEL, "The model that was found; empty, with metadata `found` 0, if there is none yet."
        ),
        "model_blessing": Output(MODEL_BLESSING, "Its blessing."),
    },
    parameters=LatestBlessedModelParams,
    execution_type="tfx.dsl.components.common.resolver.Resolver",
    # Only the run sees the results of earlier runs. Only the image can search a store.
    cache=CacheHooks(
        external_state=unknown_before_the_run,
        earlier_state=in_executor("latest_blessed_model", "state"),
    ),
    opens_store=True,
)
