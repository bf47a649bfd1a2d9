"""Records a task's job on a service beside the output, so that a retry of the task can find it."""

import json
from dataclasses import dataclass

from headrace_components.library.beam import locations

_FILE = ".headrace-beam-job.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierJob:
    """A job that an earlier try of the task may have left running.

    Attributes:
        job: The job's ID at the service; empty if only its name is known.
        name: A name that no other job ever has, or empty.
        scratch: Location of its intermediate files.
    """

    job: str = ""
    name: str = ""
    scratch: str


class JobRecord:
    """The record of one task, which remains if the task is killed.

    A task that is killed with SIGKILL cannot end its job. Its retry has the same outputs, finds the
    record there, and ends the job. Otherwise both jobs would write there, at twice the cost.

    Args:
        scratch: Location of the job's intermediate files, in the directory of the output.
    """

    def __init__(self, scratch: str) -> None:
        self._scratch = scratch
        self._is_own = False
        self.file = locations.join(scratch.rpartition("/")[0], _FILE)

    def earlier(self) -> EarlierJob | None:
        """Returns the record of an earlier attempt; None if there is none."""
        if not locations.exists(self.file):
            return None
        return EarlierJob(**json.loads(locations.read_bytes(self.file)))

    def write(self, *, job: str = "", name: str = "") -> None:
        """Records the job of this attempt."""
        found = {"job": job, "name": name, "scratch": self._scratch}
        locations.write_bytes(self.file, json.dumps(found).encode())
        self._is_own = True

    def forget(self) -> None:
        """Records that this attempt's job has ended; the record of an earlier attempt remains."""
        if self._is_own:
            self.remove()

    def remove(self) -> None:
        """Records that no job runs."""
        if locations.exists(self.file):
            locations.remove_file(self.file)
