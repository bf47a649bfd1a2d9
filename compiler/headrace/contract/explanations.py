"""Why a task of a run ran, or did not: what `headrace why` and the pages show."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A part of a key that differs between two executions.

    Attributes:
        kind: `code`, `parameter`, `input`, `container`, `output` or `other`.
        name: What it is, such as `module.py: preprocessing_fn`, or the name of a parameter or port.
        text: How it differs, in words.
        because: Why the task ran that made the input.
    """

    kind: str
    name: str
    text: str
    because: "Explanation | None" = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why a task ended as it did.

    Attributes:
        run: The run.
        task: Its name.
        state: How it ended: `done`, `cached`, `skipped`, `failed`, `running` and so on.
        text: The reason, in a sentence without the name of the task.
        by: The run whose result it has, or with which it is compared; empty for none.
        changes: What differs between it and the nearest earlier execution.
    """

    run: str
    task: str
    state: str
    text: str
    by: str = ""
    changes: tuple[Change, ...] = field(default_factory=tuple)
