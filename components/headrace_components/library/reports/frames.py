"""A report within another page: the output of a notebook's cell."""

from headrace_components.library.reports.markup import Markup, element

_HEIGHT_PIXELS = 560
# Without a base, a link to a place in the report would load the notebook into the frame.
_BASE = '<base href="about:srcdoc">'


def frame(page: bytes, title: str, *, height_pixels: int = _HEIGHT_PIXELS) -> Markup:
    """Returns a frame that shows a page.

    The frame is a sandbox: the page runs no script and reaches nothing outside of itself.

    Args:
        page: A whole HTML file in UTF-8.
        title: What it shows, for who cannot see it.
        height_pixels: The height of the frame; the page scrolls within it.
    """
    head, mark, rest = page.decode("utf-8", "replace").partition("<head>")
    return element(
        "iframe",
        srcdoc=f"{head}{mark}{_BASE}{rest}" if mark else head,
        sandbox="",
        title=title,
        style=f"width:100%;height:{height_pixels}px;border:1px solid #8884;border-radius:8px",
    )
