"""The page of a report, and the blocks that all reports use."""

from collections.abc import Mapping, Sequence

from headrace_components.library.reports.markup import Markup, breakable, element, join
from headrace_components.library.reports.script import POLICY, SCRIPT
from headrace_components.library.reports.style import STYLE

# A report grows with the data; the UIs load it whole, and a person reads its first pages.
MAX_BYTES = 2_000_000

# Longer tables scroll within the page.
_MANY_ROWS = 30

# Who shows a page puts the run here. The file has no run: the same data gives the same bytes.
_ORIGIN = '<p class="soft" data-origin="" hidden=""></p>'


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
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    )
    header = (element("h1", title), element("p", subtitle, class_="soft"), Markup(_ORIGIN))
    body = element("main", element("header", *header), *blocks)
    script = element("script", Markup(SCRIPT))
    text = (
        f"{head}{element('title', title)}<style>{STYLE}</style></head>"
        f"<body>{body}{script}</body></html>\n"
    )
    return text.encode()


def with_origin(content: bytes, origin: str) -> bytes:
    """Returns a page whose header and title name the run that it belongs to.

    Args:
        content: The page, as `page` has written it; any other page is returned unchanged.
        origin: Such as `Pipeline penguins, run 20261122-101500-3f2a1b, 22 November 2026 10:15`.
    """
    head, mark, rest = content.partition(_ORIGIN.encode())
    if not mark:
        return content
    named = element("p", origin, class_="soft", data_origin="")
    head = head.replace(b"</title>", join(f" \N{EN DASH} {origin}").encode() + b"</title>", 1)
    return head + named.encode() + rest


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


def data_table(
    caption: str, head: Markup, rows: Sequence[Markup], *, sortable: bool = False
) -> Markup:
    """Returns a table that scrolls if it is wider than the screen, or very long.

    Args:
        caption: Description of the table.
        head: The rows of column headings.
        rows: The rows of the body; the first cell of each stays in sight.
        sortable: Whether a click on a heading sorts the rows; then `head` is one row.
    """
    table = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *rows),
        data_sortable="" if sortable else None,
    )
    long = " long-table" if len(rows) > _MANY_ROWS else ""
    # A region that can have the focus can be scrolled without a mouse.
    return element(
        "div", table, class_=f"scroll{long}", tabindex=0, role="region", aria_label=caption
    )


def search_box(label: str, kinds: Mapping[str, str] | None = None) -> Markup:
    """Returns a field that searches the elements of its section that have `data-name`.

    It is hidden where scripts do not run.

    Args:
        label: What is searched, such as `Find features`.
        kinds: Choices of a filter, by the word that `data-kinds` of the elements have.
    """
    parts = [element("label", f"{label} ", element("input", type="search", autocomplete="off"))]
    if kinds:
        options = [element("option", text, value=kind) for kind, text in kinds.items()]
        every = element("option", "all", value="")
        parts.append(element("label", "Show ", element("select", every, *options)))
    count = element("output", aria_live="polite")
    return element("div", *parts, count, class_="search", data_search="", hidden="")


def folded(summary: str, *blocks: str, is_open: bool = False) -> Markup:
    """Returns blocks that a click on their summary shows."""
    opened = "" if is_open else None
    return element("details", element("summary", summary), *blocks, open=opened)


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
