"""Reads why a task failed in its own words, from the file that Headrace's components leave.

Vertex AI itself knows no more than the exit code of a task's container.
"""

import json
import os
import warnings
from typing import Any

from headrace.targets.vertex.jobs_api import Location

# The rest of the run is not seen meanwhile.
_SECONDS = 10


class Reasons:
    """Reasons of failed tasks, each of them read once.

    Args:
        place: Where the tasks run.
    """

    def __init__(self, place: Location) -> None:
        self._place = place
        self._client: Any = None
        self._read: dict[str, str] = {}

    def of(self, directory: str) -> str:
        """Returns the reason of a task that has ended; empty if it left no readable reason.

        Args:
            directory: URI of the task's directory, `gs://bucket/...`.
        """
        if directory not in self._read:
            self._read[directory] = self._reason(directory)
        return self._read[directory]

    def _reason(self, directory: str) -> str:
        # A server of the API on this machine has no buckets, unless a Cloud Storage server is
        # named.
        if self._place.is_emulator and "STORAGE_EMULATOR_HOST" not in os.environ:
            return ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            from google.api_core.exceptions import GoogleAPIError
            from google.auth.exceptions import GoogleAuthError
            from google.cloud import storage
        bucket, _, path = directory.removeprefix("gs://").partition("/")
        try:
            if self._client is None:
                self._client = storage.Client(project=self._place.project)
            blob = self._client.bucket(bucket).blob(f"{path}/executor_error.json")
            reported = json.loads(blob.download_as_bytes(timeout=_SECONDS, retry=None))
            return str(reported["message"])
        except (GoogleAPIError, GoogleAuthError, OSError, ValueError, KeyError):
            # Not a component of Headrace, or killed, or not readable for this account: the message
            # of the service and the link to the log are shown instead.
            return ""
