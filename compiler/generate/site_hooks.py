"""Hooks of MkDocs: the site has the pages outside of `docs/`, and says where code is.

On the site, README.md is the first page. Links between pages work there as they do in the source
tree. A link to a file that is not a page becomes its name.

`site_files/iframe-worker.js` is `shim/index.js` of iframe-worker 1.0.4 on npm, with its MIT licence
beside it.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parents[2]

_PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "images/README.md": "images-folder.md",
    "manifests/README.md": "manifests.md",
}
"""Files outside of `docs/` that are pages, with their names on the site."""

_FILES = Path(__file__).parent / "site_files"
_SHIM = "iframe-worker.js"
# The theme's plugin `offline` loads this script, by which a page that is a file searches.
_SHIM_ADDRESS = "https://unpkg.com/iframe-worker/shim"

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are not in `docs/`."""
    for source, name in _PAGES.items():
        text = (_ROOT / source).read_text("utf-8")
        files.append(File.generated(config, name, content=text))
    shim = (_FILES / _SHIM).read_text("utf-8")
    files.append(File.generated(config, f"assets/{_SHIM}", content=shim))
    return files


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """Lets the page load its script from the site."""
    own = posixpath.relpath(f"assets/{_SHIM}", posixpath.dirname(page.url) or ".")
    return output.replace(_SHIM_ADDRESS, own)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Rewrites links between pages, which are relative to the source tree."""
    name = page.file.src_uri
    source = next((path for path, own in _PAGES.items() if own == name), f"docs/{name}")
    return _LINK.sub(lambda found: _rewritten(found, source), markdown)


def _rewritten(found: re.Match[str], source: str) -> str:
    is_image, text, target, anchor = found[1], found[2], found[3], found[4] or ""
    if not target or re.match(r"\w+:", target):
        return found[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if path in _PAGES:
        return f"[{text}]({_PAGES[path]}{anchor})"
    if path.startswith("docs/"):
        return f"{is_image}[{text}]({path.removeprefix('docs/')}{anchor})"
    return f"{text} (`{path}`)" if text.strip("`") != path else f"`{path}`"
