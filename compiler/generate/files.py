"""The generated files of the source tree."""

import hashlib
from pathlib import Path

from generate import catalogue_page, catalogue_stub, tfx_names
from headrace.images import bake
from headrace_components.contract import declaration

ROOT = Path(__file__).parents[2]
EXAMPLE_PROFILE = ROOT / "examples/headrace.toml"


def generated() -> dict[Path, str]:
    """Returns the text of each generated file."""
    return {
        catalogue_stub.PATH: catalogue_stub.text(),
        ROOT / "docs/components.md": catalogue_page.text(),
        ROOT / "docs/tfx-names.md": tfx_names.text(),
        ROOT / "images" / bake.BAKE_FILE: bake.text(ROOT / "images"),
        EXAMPLE_PROFILE: _with_digests(EXAMPLE_PROFILE.read_text("utf-8")),
    }


def _with_digests(profile: str) -> str:
    """Returns the example profile with a digest for each component: that of its name."""
    head, table, _ = profile.partition("[images.digests]\n")
    lines = [
        f'{name} = "sha256:{hashlib.sha256(name.encode()).hexdigest()}"\n'
        for name in declaration.names()
    ]
    return head + table + "".join(lines)
