"""`NodeExecutionOptions`: retries, and when a node runs though another failed."""

import enum
from dataclasses import dataclass


class TriggerStrategy(enum.IntEnum):
    """When a node runs."""

    TRIGGER_STRATEGY_UNSPECIFIED = 0
    ALL_UPSTREAM_NODES_SUCCEEDED = 1
    ALL_UPSTREAM_NODES_COMPLETED = 2
    LAZILY_ALL_UPSTREAM_NODES_SUCCEEDED = 4
    LAZILY_ALL_UPSTREAM_NODES_COMPLETED = 5


@dataclass
class NodeExecutionOptions:
    """Options of one node. Released versions of TFX ignore them; Headrace carries out the retries.

    Attributes:
        trigger_strategy: When it runs.
        success_optional: Whether the pipeline succeeds though the node failed.
        max_execution_retries: How often it is tried again; less than 0 counts as 0.
        execution_timeout_sec: When it is stopped, in seconds; 0 for never.
        reset_stateful_working_dir: Whether a new try starts without what the last one left.
        lifetime_start: Id of the node at whose end this one runs.
    """

    trigger_strategy: TriggerStrategy = TriggerStrategy.ALL_UPSTREAM_NODES_SUCCEEDED
    success_optional: bool = False
    max_execution_retries: int | None = None
    execution_timeout_sec: int = 0
    reset_stateful_working_dir: bool = False
    lifetime_start: str | None = None

    def __post_init__(self) -> None:
        if self.max_execution_retries is not None:
            self.max_execution_retries = max(self.max_execution_retries, 0)
