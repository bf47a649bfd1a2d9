"""All Markdown files: their links have targets, and the commands in them exist."""

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from headrace.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for folder in (".", "docs", "manifests", "images", "bench", "tests", "examples")
    for path in (ROOT / folder).glob("*.md")
)
_FENCED = re.compile(r"^(```+).*?^\1", re.DOTALL | re.MULTILINE)


def names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)", _FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    shown = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in shown}


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", _FENCED.sub("", page.read_text("utf-8")))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if re.match(r"\w+:", path):
            continue
        file = page.parent / path if path else page
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


def commands(page: Path) -> Iterator[list[str]]:
    """Yields the words after `headrace` of the calls in a page's blocks and texts."""
    text = page.read_text("utf-8")
    lines = text.replace("\\\n", " ").splitlines() + re.findall(r"`(headrace [^`\n]*)`", text)
    for line in lines:
        if re.match(r"(?:    )?headrace (?:[a-z]+|--[a-z]+)(?: |$)", line):
            yield shlex.split(line, comments=True)[1:]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_the_commands_of_a_page_are_there(page: Path) -> None:
    for words in commands(page):
        context = click.Context(cli)
        options: set[str] = set()
        # What stands behind two dashes belongs to the author's file.
        own = itertools.takewhile(lambda word: word != "--", words)
        for word in (word.strip("[]").split("|")[0] for word in own):
            group = context.command
            found = group.get_command(context, word) if isinstance(group, click.Group) else None
            context = click.Context(found, context, word) if found else context
            if word.startswith("-"):
                assert word.partition("=")[0] in options, words
            params = context.command.params
            options |= {name for each in params for name in (*each.opts, *each.secondary_opts)}
        # A page may name a group of commands, but not a word that is not a command.
        assert context.parent is not None, words
        assert not isinstance(context.command, click.Group) or words[-1] == context.info_name, words


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_the_make_targets_of_a_page_are_there(page: Path) -> None:
    rules = re.findall(r"^([a-z][a-z%/-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    text = page.read_text("utf-8")
    for words in re.findall(r"(?:^|`)(?:    )?make ((?:[a-z-]+(?:/\S+)? ?)+)", text, re.MULTILINE):
        for target in words.split():
            assert re.sub(r"/.*", "/%", target) in rules, target


def test_the_files_that_the_architecture_names_are_there() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    compiler, components = ROOT / "compiler/headrace", ROOT / "components"
    files = {file.relative_to(ROOT).as_posix() for file in compiler.rglob("*")}
    files |= {file.relative_to(ROOT).as_posix() for file in components.rglob("*")}
    for name in re.findall(r"`([\w./]+(?:/|\.py))`", page):
        place = name.removesuffix("/")
        assert (ROOT / place).exists() or any(each.endswith(f"/{place}") for each in files), name
    assert len(page.splitlines()) <= 100
