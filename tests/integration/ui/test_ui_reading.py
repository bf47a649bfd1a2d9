"""The pages of runs for people who see little, or use a keyboard or a screen reader."""

import itertools

import pytest
from playwright.sync_api import Browser, expect

from integration.ui.conftest import Shown, pages_of
from support.programs.browser import visit

# Of each text: its colour and what is behind it, as the browser computed them.
COLOURS = """() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const isClear = text => !text || text === "none" || parse(text)[3] === 0;
  const behind = element => {
    const box = element.closest && element.closest("a.box");
    const areas = [...document.querySelectorAll("rect.area")];
    if (box) {
      const fill = getComputedStyle(box.querySelector("rect")).fill;
      if (!isClear(fill)) return fill;
      if (areas.length) return getComputedStyle(areas[0]).fill;
    }
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (!isClear(colour)) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const found = {};
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || element.closest("title, option, .hidden")) continue;
    const style = getComputedStyle(element);
    const colour = element.closest("svg") ? style.fill : style.color;
    found[colour + " on " + behind(element)] = [parse(colour), parse(behind(element)),
      texts.currentNode.data.trim().slice(0, 40)];
  }
  return Object.values(found);
}"""


def luminance(colour: list[float]) -> float:
    parts = [part / 255 for part in colour[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_text_has_the_contrast_that_people_with_weak_eyes_need(
    browser: Browser, shown: Shown, dark: bool
) -> None:
    for name, path in pages_of(shown).items():
        with visit(browser, shown.address + path, dark=dark) as tab:
            found = tab.page.evaluate(COLOURS)
            assert found
            for colour, behind, text in found:
                light, shade = sorted([luminance(colour), luminance(behind)], reverse=True)
                assert (light + 0.05) / (shade + 0.05) >= 4.5, (name, text, colour, behind)


def test_pages_have_one_title_headings_in_order_and_labels(browser: Browser, shown: Shown) -> None:
    titles = set()
    for name, path in pages_of(shown).items():
        with visit(browser, shown.address + path) as tab:
            page = tab.page
            titles.add(page.title())
            assert page.get_by_role("main").count() == 1, name
            assert page.get_by_role("navigation", name="Pages", exact=True).count() == 1, name
            levels = page.evaluate(
                "[...document.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1]))"
            )
            assert levels[0] == 1 and levels.count(1) == 1, name
            assert all(b <= a + 1 for a, b in itertools.pairwise(levels)), name
            nameless = page.evaluate(
                "[...document.querySelectorAll('a, button, input:not([type=hidden]), select,"
                " iframe, [role=region]')].filter(e => !(e.textContent.trim() ||"
                " e.ariaLabel || e.title || (e.labels && e.labels.length) ||"
                " e.getAttribute('aria-labelledby')))"
                ".map(e => e.outerHTML)"
            )
            assert nameless == [], name
            twice = page.evaluate(
                "[...document.querySelectorAll('[id]')].map(e => e.id)"
                ".filter((id, index, all) => all.indexOf(id) !== index)"
            )
            assert twice == [], name
    assert len(titles) >= len(pages_of(shown)) - 1  # both lists have the same


def test_the_keyboard_skips_to_the_content_and_shows_where_it_is(
    browser: Browser, shown: Shown
) -> None:
    with visit(browser, f"{shown.address}/runs/{shown.good}") as tab:
        page = tab.page
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        box = page.locator("svg.graph a.box").first
        box.focus()
        page.keyboard.press("Tab")
        width = page.evaluate(
            "getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth"
        )
        assert width == "4px"
