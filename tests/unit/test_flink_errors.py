"""Reasons for the end of jobs from Flink 1.19, through a Beam job server."""

import pytest

from headrace_components.contract.errors import PlatformError, named
from headrace_components.library.beam.flink_errors import explained


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "RuntimeError: Pipeline headrace-slow_5227 failed in state FAILED: org.apache.flink."
            "runtime.jobmaster.JobMasterException: TaskManager with id localhost:42881-e39254 is "
            "no longer reachable.",
            "test: Flink lost the TaskManager localhost:42881-e39254 while the job ran",
        ),
        (
            "java.util.concurrent.TimeoutException: The heartbeat of TaskManager with id "
            "10.0.0.7:6122-6b1b43 timed out.",
            "test: Flink lost the TaskManager 10.0.0.7:6122-6b1b43 while the job ran",
        ),
        (
            "RemoteTransportException: Connection unexpectedly closed by remote task manager "
            "'10.0.0.7/10.0.0.7:41 [ 10.0.0.7:6122-6b1b43 ] '. This might indicate that the "
            "remote task manager was lost.",
            "test: Flink lost the TaskManager 10.0.0.7/10.0.0.7:41 while the job ran",
        ),
        (
            "failed in state FAILED: java.io.IOException: Insufficient number of network buffers: "
            "required 512, but only 426 available. The total number of network buffers is "
            "currently set to 4096 of 32768 bytes each.",
            "has 426 network buffers left, and a step of the job needs 512. Set "
            "`taskmanager.network.sort-shuffle.min-buffers: 64`",
        ),
        (
            "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not "
            "acquire the minimum required resources.",
            "test: Flink had no free slots for the job",
        ),
    ],
)
def test_a_reason_of_flink_becomes_what_to_do(reason: str, expected: str) -> None:
    with pytest.raises(PlatformError) as raised, named("test"):
        raise explained(reason) or AssertionError("it is not explained")

    assert expected in str(raised.value)


def test_other_reasons_stay_as_they_are() -> None:
    assert explained("ValueError: TaskManager of my own") is None
