"""What `InteractiveContext.run` returns."""

from typing import Any


class ExecutionResult:
    """A node that ran.

    Attributes:
        component: The node; its outputs have their artifacts now.
        execution_id: Number of its execution in ML Metadata.
    """

    def __init__(self, component: Any, execution_id: int) -> None:
        self.component = component
        self.execution_id = execution_id

    def __repr__(self) -> str:
        outputs = [
            f"        {line}"
            for key, channel in self.component.outputs.items()
            for line in f"{key}: {channel!r}".splitlines()
        ]
        return "\n".join(
            [
                "ExecutionResult(",
                f"    component_id: {self.component.id}",
                f"    execution_id: {self.execution_id}",
                "    outputs:",
                *outputs,
                ")",
            ]
        )
