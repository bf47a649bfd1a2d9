"""Finds the newest model that an evaluator of this pipeline blessed."""

from headrace_components.contract.artifact_types import MODEL, MODEL_BLESSING
from headrace_components.contract.declaration import Component, Output
from headrace_components.contract.hooks import CacheHooks, in_executor, only_a_run_can_tell
from headrace_components.latest_blessed_model.params import LatestBlessedModelParams

COMPONENT = Component(
    name="latest_blessed_model",
    doc=__doc__,
    outputs={
        "model": Output(
            MODEL, "The model found; empty, with metadata `found` 0, when there is none yet."
        ),
        "model_blessing": Output(MODEL_BLESSING, "Its blessing."),
    },
    parameters=LatestBlessedModelParams,
    execution_type="tfx.dsl.components.common.resolver.Resolver",
    # Only a run can tell what earlier runs left. What searches a store is in the image alone.
    cache=CacheHooks(
        external_state=only_a_run_can_tell,
        earlier_state=in_executor("latest_blessed_model", "state"),
    ),
    opens_store=True,
)
