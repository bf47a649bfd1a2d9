"""`with Cond(...)` and `with ForEach(...)`: what holds for the nodes that are made inside."""

import threading
from types import TracebackType
from typing import Any

from headrace_tfx.authoring.channels import BaseChannel, LoopChannel
from headrace_tfx.authoring.placeholders import Predicate


class _Active(threading.local):
    def __init__(self) -> None:
        self.scopes: list[_Scope] = []


_ACTIVE = _Active()


class _Scope:
    """A `with` block. Its nodes keep it in `BaseNode.scopes`."""

    def __init__(self) -> None:
        self._is_open = False

    def __enter__(self) -> Any:
        if self._is_open:
            raise RuntimeError(
                f"{type(self).__name__}: one object is used by two nested `with` blocks, expected "
                f"an own {type(self).__name__}(...) for each."
            )
        self._enter()
        self._is_open = True
        _ACTIVE.scopes.append(self)
        return self._handle()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_open = False
        _ACTIVE.scopes.remove(self)

    def _enter(self) -> None:
        """Checks the block against those around it."""

    def _handle(self) -> Any:
        """Returns what `as` names."""
        return None


class Cond(_Scope):
    """The nodes that are made inside run only if the predicate holds. Nested ones all have to hold.

    Attributes:
        predicate: The predicate.

    Raises:
        TypeError: The argument is no predicate.
        ValueError: An outer block has the same predicate.
    """

    def __init__(self, predicate: Predicate) -> None:
        super().__init__()
        if not isinstance(predicate, Predicate):
            raise TypeError(
                f"Cond: got {predicate!r}, expected a predicate. Compare a placeholder with a "
                "value, as in node.outputs['blessing'].future()[0].custom_property('blessed') == 1."
            )
        self.predicate = predicate

    def _enter(self) -> None:
        for outer in _ACTIVE.scopes:
            if isinstance(outer, Cond) and outer.predicate.internal_equals(self.predicate):
                raise ValueError(
                    f"Cond: the predicate {self.predicate!r} stands in two nested blocks, expected "
                    "different ones. Remove the inner block."
                )

    def __enter__(self) -> None:
        super().__enter__()


class ForEach(_Scope):
    """The nodes that are made inside run once for each artifact of a channel.

    Attributes:
        looped: The channel.
        variable: One artifact of it, as a channel; `as` names it.

    Raises:
        ValueError: The argument is no channel.
    """

    def __init__(self, loopable: BaseChannel) -> None:
        super().__init__()
        if not isinstance(loopable, BaseChannel):
            raise ValueError(
                f"ForEach: got {loopable!r}, expected a channel, such as node.outputs['examples']."
            )
        self.looped = loopable
        self.variable = LoopChannel(loopable)

    def _handle(self) -> LoopChannel:
        return self.variable


Scope = Cond | ForEach


def active_scopes() -> tuple[Scope, ...]:
    """Returns the blocks around this point of the file, outer first."""
    return tuple(scope for scope in _ACTIVE.scopes if isinstance(scope, (Cond, ForEach)))
