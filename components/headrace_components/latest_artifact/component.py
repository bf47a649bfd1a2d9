"""Finds the newest artifact that a task of an earlier run left: LatestArtifactStrategy.

A model that goes on learning from where the last one stopped:

    last = latest_artifact(producer="trainer", output="model")
    trainer(examples=examples, base_model=last.outputs["artifact"], module_file="model.py")

In the first run there is none: the output is then an empty directory with metadata `found` 0,
which the optional inputs of Headrace's components take for nothing.
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
            ARTIFACT, "The artifact found, of whatever type, with its own metadata and `found` 1."
        ),
    },
    parameters=LatestArtifactParams,
    execution_type="tfx.dsl.components.common.resolver.Resolver",
    # The results of earlier runs are seen in the run. Only the image can search a store.
    cache=CacheHooks(
        external_state=unknown_before_the_run, earlier_state=in_executor("latest_artifact", "state")
    ),
    opens_store=True,
)
