"""Reads a value that a condition or a parameter needs and that only a run has.

A pipeline's conditions see parameters, and not the properties of artifacts. To push a model if
it was found good:

    blessed = read_value(artifact=evaluator.outputs["blessing"], property_name="blessed")
    with dsl.If(blessed.outputs["integer"] == 1):
        pusher(model=trainer.outputs["model"], base_directory="serving")

It also makes a dict of JSON text, and decides conditions with "or", which kfp does not have.
"""

from headrace_components.contract.artifact_types import ARTIFACT
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.read_value.params import ReadValueParams

COMPONENT = Component(
    name="read_value",
    doc=__doc__,
    inputs={
        "artifact": Input(ARTIFACT, "What has the property, of whatever type.", optional=True),
    },
    outputs={
        "text": Output(str, "The property, or the URI, as text."),
        "integer": Output(int, "The property as a whole number; 0 if it is none."),
        "number": Output(float, "The property as a number; 0 if it is none."),
        "json": Output(dict, "The object of `json_text`; empty without it."),
        "holds": Output(bool, "Whether `any_of` holds."),
    },
    parameters=ReadValueParams,
)
