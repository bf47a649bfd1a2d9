"""`ManualNode`: a step that a person does. Headrace refuses it when the pipeline is read."""

from typing import Any

from headrace_tfx.authoring.nodes import BaseNode

DESCRIPTION_KEY = "description"


class ManualNode(BaseNode):
    """A step that a person does.

    Attributes:
        description: What to do.
    """

    def __init__(self, description: str) -> None:
        super().__init__()
        self.description = description

    @property
    def inputs(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    @property
    def outputs(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    @property
    def exec_properties(self) -> dict[str, Any]:
        """The description."""
        return {DESCRIPTION_KEY: self.description}
