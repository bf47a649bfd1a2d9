"""The runs that a list is about."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Listed(Protocol):
    """What a list knows of a run."""

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""

    @property
    def state(self) -> str:
        """Where it stands."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Values of its parameters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFilter:
    """The runs that count.

    Attributes:
        pipeline: Those of this pipeline; empty for all.
        state: Those in this state; empty for all.
        parameters: Those with these values, as texts, of these parameters.
    """

    pipeline: str = ""
    state: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def takes(self, run: Listed) -> bool:
        """Returns whether a run counts."""
        return (
            self.pipeline in ("", run.pipeline)
            and self.state in ("", run.state)
            and all(
                name in run.parameters and _is(run.parameters[name], text)
                for name, text in self.parameters.items()
            )
        )


EVERY_RUN = RunFilter()


def _is(value: Any, text: str) -> bool:
    """Returns whether a text stands for a value; 5 and 5.0 are the same."""
    if isinstance(value, str) and value == text:
        return True
    try:
        given = json.loads(text)
    except ValueError:
        return False
    return bool(given == value) and isinstance(given, bool) == isinstance(value, bool)
