"""The page of TFX's names, from their table in headrace_tfx."""

from collections.abc import Iterator

from headrace_tfx import surface
from headrace_tfx.names import REFUSED, SIBLINGS, TABLE

_HEAD = """# Names of TFX

Pipeline files and module files that were written for TFX find these names without TFX:
[From TFX](from-tfx.md) says how. A name that is not here is an error, which names the closest one.
Modules with the same names share a line. `make generate` writes this page.

| Module | Names |
|---|---|
"""

_REFUSED = """
These names are refused:

| Name | Why, and what to use instead |
|---|---|
"""


def text() -> str:
    """Returns the page."""
    refused = [f"| `tfx.{name}` | It {reason} |" for name, reason in REFUSED.items()]
    return _HEAD + "\n".join(_rows()) + "\n" + _REFUSED + "\n".join(refused) + "\n"


def _rows() -> Iterator[str]:
    modules: dict[str, list[str]] = {}
    for below in TABLE:
        full = f"tfx.{below}" if below else "tfx"
        names = ", ".join(f"`{name}`" for name in sorted(surface.names_of(full), key=str.lower))
        modules.setdefault(names, []).append(f"`{full}`")
    for names, sharing in modules.items():
        yield f"| {', '.join(sharing)} | {names} |"
    for prefix, depth in SIBLINGS.items():
        folders = ".<folder>" * (depth - prefix.count(".") - 1)
        yield f"| `{prefix}{folders}.<file>` | Your `<file>.py` beside the file that imports it |"
