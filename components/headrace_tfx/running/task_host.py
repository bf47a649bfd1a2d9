"""The host in a task, which loads the author's file for one component in it."""

from typing import Any


class TaskHost:
    """Runs and compiles nothing: the file's runner calls were for the whole pipeline."""

    def run(self, pipeline: Any, **_: Any) -> None:
        """Does nothing."""

    def compile(self, pipeline: Any, **_: Any) -> dict[str, Any]:
        """Returns an empty document."""
        del pipeline
        return {}
