"""What a shell offers for the values of arguments and options: found by how help calls them."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from headrace.contract.run_names import WORDS
from headrace.targets.local.shared.options import DEFAULT_ROOT
from headrace_components.contract.errors import ComponentError

if TYPE_CHECKING:
    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType  # older versions of click know no type in brackets

_MAX_RUNS = 50


def complete_values(command: click.Command) -> None:
    """Lets a command, and those below it, complete the values that this module knows."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            complete_values(each)
    for param in command.params:
        known = _by_metavar(param.metavar or "") or _BY_NAME.get(param.name or "")
        if known is not None and not isinstance(param.type, click.Choice):
            param.type = _Completed(param.type, known)


_Complete = Callable[[click.Context, str], Iterable[CompletionItem]]


class _Completed(_Type):
    """A type that converts like another one, and completes by a function."""

    def __init__(self, inner: _Type, complete: _Complete) -> None:
        self._inner = inner
        self._complete = complete
        self.name = inner.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Converts a value."""
        return self._inner.convert(value, param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002  click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Returns what a shell offers; nothing where a root or a run cannot be read."""
        with contextlib.suppress(ComponentError, OSError):
            return list(self._complete(ctx, incomplete))
        return []


def _files(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    del ctx
    return [CompletionItem(incomplete, type="file")]


def _runs(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    target = ctx.params.get("target") or getattr(ctx.params.get("place"), "target", None)
    if target not in (None, "local"):
        return []  # a service would take seconds
    from headrace.targets.local.history import LocalRuns

    words = [CompletionItem(word) for word in WORDS if word.startswith(incomplete)]
    ids = LocalRuns(_root(ctx)).ids(incomplete)[:_MAX_RUNS]
    return [*words, *map(CompletionItem, ids)]


def _models(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    directories = [CompletionItem(incomplete, type="dir")]
    with contextlib.suppress(ComponentError, OSError):
        return [*directories, *_runs(ctx, incomplete)]  # a shell forgets those before directories
    return directories


def _tasks(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    from headrace.contract.run_names import resolved
    from headrace.targets.local.history import LocalRuns

    runs = LocalRuns(_root(ctx))
    run = runs.describe(resolved(runs, str(ctx.params.get("run_id", ""))))
    return [CompletionItem(task.name) for task in run.tasks if task.name.startswith(incomplete)]


def _images(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    from headrace.images import definitions, places

    root = places.definitions_root()
    chosen: Sequence[str] = ctx.params.get("names") or ()
    return [
        CompletionItem(each.name)
        for each in [*definitions.images(root), *definitions.variants(root)]
        if each.name.startswith(incomplete) and each.name not in chosen
    ]


def _root(ctx: click.Context) -> Path:
    found = ctx.params.get("root") or getattr(ctx.params.get("place"), "root", None)
    return Path(found or DEFAULT_ROOT)


_BY_NAME: Mapping[str, _Complete] = {"task": _tasks, "names": _images}


def _by_metavar(metavar: str) -> _Complete | None:
    if metavar == "DIR|RUN":
        return _models
    if metavar in ("RUN", "[RUN]", "RUN RUN..."):
        return _runs
    return _files if metavar.startswith(("PIPELINE.py", "FILE", "headrace.toml")) else None
