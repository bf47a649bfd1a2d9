"""A real Chromium, in which tests look at pages as people do."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from support.programs.finding import program

_LEFT = ("htmx:sendAbort", "htmx:afterRequest")
"""htmx says this when a question has no answer yet while a person goes to another page."""

WIDTHS = {"desktop": 1280, "phone": 390}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Starts the Chromium of this machine, without a window; start one for a whole module."""
    path = program("chromium", "no page can be looked at")
    with sync_playwright() as playwright:
        # Root, as in CI, has no sandbox of Chromium. Without /dev/shm of a size, pages crash.
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass(kw_only=True, slots=True)
class Visit:
    """A tab, and what the browser complained about.

    Attributes:
        page: The tab.
        complaints: Errors of scripts, violations of the page's policy, requests that failed.
        foreign: Addresses on other hosts that the page asked for.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def overflow(self) -> int:
        """Returns how many pixels of the page one must scroll sideways to see."""
        width: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width


@contextlib.contextmanager
def visit(
    browser: Browser,
    address: str,
    *,
    width: int = WIDTHS["desktop"],
    dark: bool = False,
    scripts: bool = True,
) -> Iterator[Visit]:
    """Opens an address in a tab with cookies of its own.

    Args:
        browser: The browser of `chromium`.
        address: The first page.
        width: Width of the window in pixels.
        dark: Whether the person prefers dark colours.
        scripts: Whether pages may run scripts.
    """
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    found = Visit(page=context.new_page())
    own = urlsplit(address).netloc

    def note_request(url: str) -> None:
        if urlsplit(url).netloc not in (own, ""):
            found.foreign.append(url)

    def note_message(kind: str, text: str) -> None:
        if kind == "error" and not text.startswith(_LEFT):
            found.complaints.append(text)

    context.on("console", lambda message: note_message(message.type, message.text))
    context.on("weberror", lambda error: found.complaints.append(str(error.error)))
    context.on("request", lambda request: note_request(request.url))
    context.on("dialog", lambda dialog: _refuse(found, dialog.message, dialog.dismiss))
    try:
        found.page.goto(address)
        yield found
    finally:
        context.close()


def _refuse(found: Visit, message: str, dismiss: object) -> None:
    found.complaints.append(f"a dialog was opened: {message}")
    if callable(dismiss):
        dismiss()
