"""The page of a report, and the blocks that all reports use."""

from collections.abc import Sequence

from headrace_components.library.reports.markup import Markup, breakable, element, join
from headrace_components.library.reports.style import STYLE

# A report grows with the data; the UIs load it whole, and a person reads its first pages.
MAX_BYTES = 2_000_000


def page(title: str, subtitle: str, *blocks: str) -> bytes:
    """Returns a whole HTML file, the same bytes for the same blocks.

    Args:
        title: Heading of the page.
        subtitle: One line below it.
        blocks: The content, from top to bottom.
    """
    # The doctype comes first: stores that guess a file's type from its beginning must see HTML.
    head = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
    )
    body = element(
        "main",
        element("header", element("h1", title), element("p", subtitle, class_="soft")),
        *blocks,
    )
    text = (
        f"{head}{element('title', title)}<style>{STYLE}</style></head><body>{body}</body></html>\n"
    )
    return text.encode()


def section(heading: str, *blocks: str) -> Markup:
    """Returns a section under a heading."""
    return element("section", element("h2", heading), *blocks)


def paragraph(*children: str | int) -> Markup:
    """Returns a paragraph of explanation."""
    return element("p", *children, class_="soft")


def banner(kind: str, heading: str, *blocks: str) -> Markup:
    """Returns a verdict: `kind` is `good`, `warn` or `bad`."""
    return element("div", element("strong", heading), *blocks, class_=f"banner {kind}")


def badge(kind: str, text: str) -> Markup:
    """Returns a short label: `kind` is `good`, `warn`, `bad` or `plain`."""
    return element("span", text, class_=f"badge {kind}")


def bullets(items: Sequence[str], kind: str | None = None) -> Markup:
    """Returns a list of points."""
    return element("ul", *(element("li", item) for item in items), class_=kind)


def data_table(caption: str, head: Markup, rows: Sequence[Markup]) -> Markup:
    """Returns a table that scrolls sideways if it is wider than the screen.

    Args:
        caption: Description of the table.
        head: The rows of column headings.
        rows: The rows of the body; the first cell of each stays in sight.
    """
    table = element(
        "table", element("caption", caption), element("thead", head), element("tbody", *rows)
    )
    # A region that can have the focus can be scrolled without a mouse.
    return element("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)


def heading_row(names: Sequence[str], texts: Sequence[str] = ()) -> Markup:
    """Returns column headings: of the row headings, then of numbers, then of text."""
    first, *numbers = names
    return element(
        "tr",
        element("th", first, scope="col"),
        *(element("th", name, scope="col", class_="num") for name in numbers),
        *(element("th", name, scope="col") for name in texts),
    )


def row(name: str, numbers: Sequence[str], *texts: str) -> Markup:
    """Returns a row of a table: its heading, cells of numbers, then cells of text."""
    return element(
        "tr",
        element("th", name if isinstance(name, Markup) else breakable(name), scope="row"),
        *(element("td", cell, class_="num") for cell in numbers),
        *(element("td", cell) for cell in texts),
    )


def lines(*parts: str) -> Markup:
    """Returns parts, one below the other."""
    return join(*(element("div", part, class_="whole") for part in parts))
