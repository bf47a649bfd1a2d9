"""The blocks that reports are made of."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from headrace_components.library.reports import page
from headrace_components.library.reports.drawing import Bar, curve, density, histogram, strip
from headrace_components.library.reports.markup import (
    Markup,
    breakable,
    element,
    join,
    prose,
    shortened,
)
from headrace_components.library.reports.numbers import number, percent, signed
from headrace_components.library.reports.style import STYLE


def test_text_and_attributes_are_escaped_and_markup_is_not() -> None:
    cell = element("td", "<script>&", Markup("<b>x</b>"), title='"><img>', class_="num")

    assert cell == (
        '<td title="&quot;&gt;&lt;img&gt;" class="num">&lt;script&gt;&amp;<b>x</b></td>'
    )
    assert join("a<", 3) == "a&lt;3"


def test_an_attribute_of_none_is_left_out() -> None:
    assert element("th", "a", class_=None, aria_label="b") == '<th aria-label="b">a</th>'


def test_a_long_name_may_break_at_its_joints() -> None:
    assert breakable("a_<b>.c") == "a_<wbr>&lt;b&gt;.<wbr>c"


def test_what_stands_between_backquotes_is_code() -> None:
    assert prose("set `a<b` or c") == "set <code>a&lt;b</code> or c"


def test_long_text_ends_in_an_ellipsis() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\N{EN DASH}"),
        (0.0, "0"),
        (2013.0, "2013"),
        (336776, "336,776"),
        (12345.678, "12,346"),
        (0.123456, "0.1235"),
        (-2.5, "\N{MINUS SIGN}2.5"),
        (1e20, "1e+20"),
        (float("nan"), "NaN"),
        (float("-inf"), "\N{MINUS SIGN}\N{INFINITY}"),
    ],
)
def test_numbers_are_written_for_people(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_difference_has_a_sign() -> None:
    assert [signed(value) for value in (0.5, 0.0, -0.5)] == ["+0.5", "0", "\N{MINUS SIGN}0.5"]


def test_a_small_share_is_not_rounded_to_none_nor_a_large_one_to_all() -> None:
    shares = (None, 0.0, 1e-9, 0.5, 1 - 1e-9, 1.0)
    assert [percent(share) for share in shares] == [
        "\N{EN DASH}",
        "0 %",
        "<0.1 %",
        "50.0 %",
        ">99.9 %",
        "100 %",
    ]


def test_a_page_is_one_well_formed_file_without_network() -> None:
    content = page.page("Title", "Subtitle", page.section("Part", page.paragraph("a < b")))

    text = content.decode()
    assert text.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|url\(|@import|<link|src=", text)
    assert_well_formed(text)
    assert content == page.page("Title", "Subtitle", page.section("Part", page.paragraph("a < b")))


def test_the_policy_of_a_page_allows_its_own_script_alone() -> None:
    text = page.page("Title", "Subtitle").decode()

    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"


def test_who_shows_a_page_names_its_run() -> None:
    content = page.page("Title", "Subtitle")

    text = page.with_origin(content, "Pipeline <b>, run 1").decode()

    assert "<title>Title \N{EN DASH} Pipeline &lt;b&gt;, run 1</title>" in text
    assert '<p class="soft" data-origin="">Pipeline &lt;b&gt;, run 1</p></header>' in text
    assert_well_formed(text)


def test_a_page_of_another_program_is_not_changed() -> None:
    assert page.with_origin(b"<title>x</title>", "Pipeline p") == b"<title>x</title>"


def test_a_histogram_shows_density_and_says_what_it_shows() -> None:
    bars = [Bar(low=0, high=1, share=0.5), Bar(low=1, high=3, share=0.5)]
    tallest = max(density(bar, 0, 3) for bar in bars)

    chart = histogram(bars, 0, 3, tallest, "from 0 to 3")

    heights = [float(height) for height in re.findall(r"v-([\d.]+)h", chart)]
    assert heights == [50.0, 25.0]
    assert 'aria-label="from 0 to 3"' in chart


def test_a_single_value_is_drawn_inside_the_chart() -> None:
    bar = Bar(low=7, high=7, share=1.0)

    chart = histogram([bar], 7, 7, density(bar, 7, 7), "7 alone")

    assert re.search(r"M0\.0 52h3\.0v-50\.0h-3\.0z", chart)


def test_a_strip_without_a_range_has_its_dot_in_the_middle() -> None:
    assert 'cx="60.0"' in strip(0.5, None, None, (0.5, 0.5), "0.5")


def test_the_second_line_of_a_curve_is_drawn_below_the_first() -> None:
    chart = curve([[(0, 0), (1, 1)], [(0, 0), (0.5, 0.9), (1, 1)]], "x", "y", "two lines")

    assert chart.index('class="line2"') < chart.index('class="line"')


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(
    ("front", "back"),
    [
        ("text", "page"),
        ("text", "card"),
        ("soft", "page"),
        ("soft", "card"),
        ("mark", "page"),
        ("text", "fill"),
        ("good", "good-page"),
        ("bad", "bad-page"),
        ("warn", "warn-page"),
        ("warn", "card"),
        ("bad", "page"),
        ("good", "page"),
    ],
)
def test_text_stands_out_from_its_background_in_both_schemes(
    front: str, back: str, scheme: int
) -> None:
    colours = {
        name: values[scheme]
        for name in (front, back)
        if (values := re.findall(rf"--{name}:(#[0-9a-f]{{6}})", STYLE))
    }

    light, dark = sorted((_luminance(colours[front]), _luminance(colours[back])), reverse=True)

    # WCAG 2.1, success criterion 1.4.3.
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class _Nesting(HTMLParser):
    """Keeps the elements that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        if tag not in ("input", "meta", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_well_formed(text: str) -> None:
    """Asserts that every element is closed in its place."""
    parser = _Nesting()
    parser.feed(text)
    parser.close()
    assert parser.open == []
