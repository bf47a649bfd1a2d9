"""Explains Flink's reasons for the end of a job, as its job server quotes them."""

import re

from headrace_components.contract.errors import PlatformError

# Texts of Flink 1.19, from its sources: JobMaster, TaskExecutor, NetworkBufferPool and
# CreditBasedPartitionRequestClientHandler.
_LOST = re.compile(
    r"(?:TaskManager with id (\S+) is no longer reachable"
    r"|heartbeat of TaskManager with id (\S+) timed out"
    r"|unexpectedly closed by remote task manager '(\S+)"
    r"|(?:TaskManager|TaskExecutor) (\S+) is (?:shutting down|disconnected))",
    re.IGNORECASE,
)
_NO_BUFFERS = re.compile(
    r"Insufficient number of network buffers: required (\d+), but only (\d+) available"
)
_NO_SLOTS = re.compile(r"NoResourceAvailableException")


def explained(reason: str) -> PlatformError | None:
    """Returns why a job failed; None if the runner's own words are the best explanation."""
    if found := _LOST.search(reason):
        name = next(filter(None, found.groups())).strip(".,'")
        return PlatformError(
            f"Flink lost the TaskManager {name} while the job ran: it ended, was "
            "killed for want of memory, or its machine does not answer. Run the task again; if it "
            "is lost again, look at its own log, and give it more memory."
        )
    if found := _NO_BUFFERS.search(reason):
        return PlatformError(
            f"a TaskManager of Flink has {found[2]} network buffers left, and a step "
            f"of the job needs {found[1]}. Set `taskmanager.network.sort-shuffle.min-buffers: 64` "
            "in Flink's configuration, or give `taskmanager.memory.network.fraction` and `.max` "
            "more; then run the task again."
        )
    if _NO_SLOTS.search(reason):
        return PlatformError(
            "Flink had no free slots for the job. Add TaskManagers, or lower "
            "`parallelism` of its [beam.NAME]; then run the task again."
        )
    return None
