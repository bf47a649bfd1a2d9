"""Reads the table of TFX's names. Standard library only."""

import importlib
from collections.abc import Iterable, Iterator
from functools import cache
from types import ModuleType

from headrace_tfx.names import REFUSED, SIBLINGS, TABLE

_GUIDE = "docs/from-tfx.md"
_PAGE = "docs/tfx-names.md"


def module_of(name: str) -> str:
    """Returns our module that stands for a whole module of TFX; empty if there is none."""
    entry = TABLE.get(_below(name), "")
    return _ours(entry[1:]) if entry.startswith("=") else ""


@cache
def names_of(module: str) -> dict[str, tuple[str, str]]:
    """Returns the names in a module of TFX, each with our module and the name there.

    A whole module of ours is imported for this.
    """
    whole = module_of(module)
    if whole:
        return {name: (whole, name) for name in _public(importlib.import_module(whole))}
    found = {}
    for clause in TABLE.get(_below(module), "").splitlines():
        ours, _, names = clause.strip().partition(": ")
        for each in names.split():
            name, _, attribute = each.partition("=")
            found[name] = (_ours(ours), attribute or name)
    return found


def source(module: str, name: str) -> tuple[str, str] | None:
    """Returns our module and the name there for a name in a module of TFX, if there is one."""
    whole = module_of(module)
    if whole:
        return (whole, name) if hasattr(importlib.import_module(whole), name) else None
    return names_of(module).get(name)


def is_module(name: str) -> bool:
    """Returns whether there is a module of TFX of this name, or one below it."""
    return name in _modules() or is_folder(name)


def submodules(name: str) -> list[str]:
    """Returns the last parts of the modules directly below a module."""
    return sorted(
        each.removeprefix(f"{name}.") for each in _modules() if each.rpartition(".")[0] == name
    )


def siblings(name: str) -> tuple[str, ...]:
    """Returns the modules beside the author's file that a name may mean, the longest first.

    `tfx.experimental.templates.taxi.models.features` may mean `models.features` or `features`.
    Other names than those of TFX's examples and templates mean none.
    """
    parts = name.split(".")
    for prefix, depth in SIBLINGS.items():
        if name.startswith(f"{prefix}.") and len(parts) > depth:
            tail = parts[prefix.count(".") + 2 :]
            return tuple(".".join(tail[start:]) for start in range(len(tail)))
    return ()


def is_folder(name: str) -> bool:
    """Returns whether a name may be that of the folder of an example or template, or one in it."""
    for prefix, depth in SIBLINGS.items():
        if name.startswith(f"{prefix}."):
            return len(name.split(".")) <= depth + 1
    return False


def unknown(name: str) -> str:
    """Returns the error text for a name that does not exist, or that is refused."""
    refused = _refusal(_below(name))
    if refused:
        return f"{name!r} {refused}. See {_GUIDE}"
    if name.startswith(tuple(f"{prefix}." for prefix in SIBLINGS)):
        file = f"{name.rpartition('.')[2]}.py"
        return (
            f"{name!r} is not a file that came with the module. Put {file!r} beside the module "
            "file, from where it travels with it"
        )
    closest = _closest(name)
    return (
        f"{name!r} is not one of TFX's names that Headrace has"
        f"{f', did you mean {closest!r}?' if closest else '.'} {_PAGE} has all names. "
        "To use others in a module file, run in an image that has tfx"
    )


def _below(name: str) -> str:
    return name.removeprefix("tfx").removeprefix(".")


def _ours(module: str) -> str:
    return f"headrace_tfx{module}" if module.startswith(".") else module


@cache
def _modules() -> frozenset[str]:
    found = {"tfx"}
    for below in (*TABLE, *(f"{prefix.removeprefix('tfx.')}.x" for prefix in SIBLINGS)):
        name = f"tfx.{below}" if below else "tfx"
        if below in TABLE:
            found.add(name)
        while "." in name:
            name = name.rpartition(".")[0]
            found.add(name)
    return frozenset(found)


def _refusal(below: str) -> str:
    while below:
        if below in REFUSED:
            return REFUSED[below]
        below = below.rpartition(".")[0]
    return ""


def _closest(name: str) -> str:
    """Returns the name that was probably meant: the same elsewhere, or one like it."""
    module, _, last = name.rpartition(".")
    everywhere = list(_all_names())
    same = [each for each in everywhere if each.rpartition(".")[2] == last]
    here = [f"{module}.{each}" for each in (*names_of(module), *submodules(module))]
    # Of a wrong name only the last part counts here, else any name of a long module is similar.
    near = [each for each in here if _similar(last, [each.rpartition(".")[2]])]
    found = _similar(name, same, 0.0) or _similar(name, near, 0.0) or _similar(name, everywhere)
    return found[0] if found else ""


def _similar(name: str, names: Iterable[str], cutoff: float = 0.6) -> list[str]:
    import difflib  # only a message needs it

    return difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)


def _all_names() -> Iterator[str]:
    for below, entry in TABLE.items():
        module = f"tfx.{below}" if below else "tfx"
        yield module
        if not entry.startswith("="):  # would be imported
            yield from (f"{module}.{name}" for name in names_of(module))


def _public(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return sorted(listed)
    return sorted(
        name
        for name in dir(module)
        if not name.startswith("_")
        and not isinstance(value := getattr(module, name), ModuleType)
        and getattr(value, "__module__", module.__name__) == module.__name__
    )
