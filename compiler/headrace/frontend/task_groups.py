"""Closes the loops and conditions that kfp leaves open.

After dsl.If and dsl.Elif without a dsl.Else, kfp keeps the group of both open. The end of the loop
around them then closes that group instead of the loop, and tasks after the loop are compiled into
it: they would run once for each item.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def groups_closed() -> Iterator[None]:
    """Makes each `with` of the pipelines that are decorated meanwhile close its own group."""
    from kfp.dsl import pipeline_context, tasks_group

    group: Any = tasks_group.TasksGroup
    original = group.__exit__

    def leave(self: Any, *error: Any) -> None:
        original(self, *error)
        open_groups: list[Any] = pipeline_context.Pipeline.get_default_pipeline().groups
        if any(each is self for each in open_groups):
            del open_groups[open_groups.index(self) :]

    group.__exit__ = leave
    try:
        yield
    finally:
        group.__exit__ = original
