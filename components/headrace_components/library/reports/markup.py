"""HTML from nested calls: text is escaped, attributes too. Standard library only."""

import html
import re
from collections.abc import Mapping

# Elements without content, which have no end tag.
_VOID = frozenset({"br", "hr", "img", "input", "meta", "wbr"})


class Markup(str):
    """Text that is HTML already and is written unchanged."""

    __slots__ = ()


def element(name: str, *children: str | int, **attributes: str | int | None) -> Markup:
    """Returns an HTML or SVG element.

    Args:
        name: Its tag, such as `td`.
        children: Markup, or text to escape.
        attributes: By name; `class_` is `class` and `aria_label` is `aria-label`. None leaves the
            attribute out.

    Example:
        >>> element("td", "a < b", class_="name")
        '<td class="name">a &lt; b</td>'
    """
    if name in _VOID:
        return Markup(f"<{name}{_given(attributes)}>")
    return Markup(f"<{name}{_given(attributes)}>{join(*children)}</{name}>")


def _given(attributes: Mapping[str, str | int | None]) -> str:
    return "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )


def join(*children: str | int) -> Markup:
    """Returns children one after the other, those that are text escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else html.escape(str(child), quote=False)
            for child in children
        )
    )


def breakable(text: str) -> Markup:
    """Returns a name with possible line breaks after `_`, `.` and `/`."""
    return Markup(re.sub(r"(?<=[_./])(?=[^\s_./])", "<wbr>", html.escape(text, quote=False)))


def prose(text: str) -> Markup:
    """Returns text in which the parts between backquotes are code."""
    parts = html.escape(text, quote=False).split("`")
    return Markup(
        "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
    )


def shortened(text: str, length: int) -> str:
    """Returns at most `length` characters of `text`, the last of them an ellipsis if it was cut."""
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"
