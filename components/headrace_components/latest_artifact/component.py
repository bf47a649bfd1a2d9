"""Finds the newest artifact that a task made in an earlier run: TFX's LatestArtifactStrategy.

To continue training from the last model:

    last = latest_artifact(producer="trainer", output="model")
    trainer(examples=examples, base_model=last.outputs["artifact"], module_file="model.py")

In the first run nothing is found: the output is an empty directory with metadata `found` 0.
Headrace's components treat it like an optional input that is not connected.
"""

from headrace_components.contract.artifact_types import ARTIFACT
from headrace_components.contract.declaration import Component, Output
from headrace_components.contract.hooks import CacheHooks, in_executor, unknown_before_the_run
from headrace_components.latest_artifact.params import LatestArtifactParams

COMPONENT = Component(
    name="latest_artifact",
    doc=__doc__,
    outputs={
        "artifact": Output(
            ARTIFACT,
            "The artifact that was found, of any type, with its own metadata and `found` 1.",
        ),
    },
    parameters=LatestArtifactParams,
    execution_type="tfx.dsl.components.common.resolver.Resolver",
    # Only the run sees the results of earlier runs. Only the image can search a store.
    cache=CacheHooks(
        external_state=unknown_before_the_run, earlier_state=in_executor("latest_artifact", "state")
    ),
    opens_store=True,
)
