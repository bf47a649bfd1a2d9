"""The generated files of the source tree."""

import hashlib
from pathlib import Path

from generate import catalogue_page, catalogue_stub, cli_page, tfx_names
from headrace.images import bake
from headrace.images.definitions import IN_FILE, images
from headrace_components.contract import declaration

ROOT = Path(__file__).parents[2]
EXAMPLE_PROFILE = ROOT / "examples/headrace.toml"


def generated() -> dict[Path, str]:
    """Returns the text of each generated file."""
    return {
        catalogue_stub.PATH: catalogue_stub.text(),
        ROOT / "docs/cli.md": cli_page.text(),
        ROOT / "docs/components.md": catalogue_page.text(),
        ROOT / "docs/tfx-names.md": tfx_names.text(),
        ROOT / "images" / bake.BAKE_FILE: bake.text(ROOT / "images"),
        EXAMPLE_PROFILE: _with_digests(EXAMPLE_PROFILE.read_text("utf-8")),
    }


def missing(root: Path = ROOT) -> list[str]:
    """Returns what a component lacks to be in the generated files, one sentence for each.

    Components are found by the file `component.py`, and images by their `requirements.in`. So a
    component whose file has another name would be left out, without a message.
    """
    package, image_root = root / "components/headrace_components", root / "images"
    undeclared = [
        f"{file.parent.name}/ has {sorted(path.name for path in file.parent.glob('*.py'))}, "
        "expected component.py. Give the file of its declaration this name."
        for file in sorted(package.glob("*/params.py"))
        if not (file.parent / "component.py").is_file()
    ]
    declared = sorted(file.parent.name for file in package.glob("*/component.py"))
    built = [image.component for image in images(image_root)]
    return [
        *undeclared,
        *(
            f"images/{name}/{IN_FILE} does not exist, expected the requirements of the component "
            f"{name}. Write the file, then run `make lock/{name}`."
            for name in sorted({*declared} - {*built})
        ),
        *(
            f"images/{name}/ is for no component, expected one of {declared}. Rename the folder."
            for name in sorted({*built} - {*declared})
        ),
    ]


def _with_digests(profile: str) -> str:
    """Returns the example profile with a digest for each component: that of its name."""
    head, table, _ = profile.partition("[images.digests]\n")
    lines = [
        f'{name} = "sha256:{hashlib.sha256(name.encode()).hexdigest()}"\n'
        for name in declaration.names()
    ]
    return head + table + "".join(lines)
