"""The documentation as a site: built without a network, and read in a browser as files."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.programs.browser import WIDTHS, visit

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # Nothing can be loaded through a proxy that is not there.
    environment = os.environ | {"https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder


def pages(site: Path) -> list[Path]:
    return sorted(path for path in site.glob("*.html") if path.name != "404.html")


def test_every_document_is_a_page_that_the_menu_leads_to(site: Path) -> None:
    menu = set(
        re.findall(
            r'<a href="([\w-]+\.html)" class="md-nav__link',
            (site / "index.html").read_text("utf-8"),
        )
    )

    assert {path.name for path in pages(site)} == menu | {"index.html"}
    documents = {path.with_suffix(".html").name for path in (ROOT / "docs").glob("*.md")}
    assert documents <= menu


def test_a_page_asks_for_nothing_outside_of_the_site(site: Path, browser: Browser) -> None:
    for path in (site / "index.html", site / "api.html"):
        with visit(browser, path.as_uri()) as tab:
            tab.page.wait_for_load_state("networkidle")
            assert (tab.complaints, tab.foreign) == ([], [])


def test_the_search_finds_a_component_on_a_page_that_is_a_file(
    site: Path, browser: Browser
) -> None:
    with visit(browser, (site / "index.html").as_uri()) as tab:
        tab.page.keyboard.press("s")
        tab.page.keyboard.type("span_range")

        results = tab.page.locator(".md-search-result__item a")
        results.first.wait_for()
        found = [results.nth(index).get_attribute("href") for index in range(results.count())]
        assert any(link and "components.html" in link for link in found)


def test_the_python_interface_has_signatures_and_docstrings(site: Path) -> None:
    import headrace

    text = (site / "api.html").read_text("utf-8")

    for name in headrace.__all__:
        assert re.search(rf'id="[\w.]*\.{name}"', text), name
    assert "a function decorated" in text


def test_a_link_to_code_is_its_name(site: Path) -> None:
    text = (site / "index.html").read_text("utf-8")

    assert "<code>examples/penguins/pipeline.py</code>" in text
    assert not re.search(r'href="(?!http)[^"]*\.(py|toml|sh)"', text)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_is_wider_than_a_phone(site: Path, browser: Browser, *, dark: bool) -> None:
    with visit(browser, (site / "404.html").as_uri(), width=WIDTHS["phone"], dark=dark) as tab:
        for path in pages(site):
            tab.page.goto(path.as_uri())
            assert tab.overflow() == 0, path.name
