"""Writes the files of a new project from a template.

The templates are in `project_templates/`: one folder for each, and `common/` with what all of them
have. Their files are those of a project with the name `my-project`. A file of a template takes the
place of the common one. `about.md` has the parts of the README that are the template's own.
"""

import contextlib
import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from headrace_components.contract.errors import InputError

TEMPLATES = {
    "tabular": "a table in CSV files, with numbers, words and gaps: is a payment fraud?",
    "images": "PNG files in TFRecords, several classes: what does a picture show?",
    "text": "sentences in CSV files, with a vocabulary: is a review positive?",
    "daily": "a new day of data for each run, compared with the day before: is an order late?",
    "from-tfx": "a pipeline file and a module file of TFX: does a passenger tip?",
}
"""The name of each template, with what it is for."""

DEFAULT_TEMPLATE = "tabular"

_FOLDER = Path(__file__).parents[1] / "project_templates"
_COMMON = "common"
_ABOUT = "about.md"

# The name in the files of templates, as a word and as a part of a variable.
_NAME = "my-project"
_VARIABLE = "MY_PROJECT"

# Files that would have an effect in Headrace's own source tree have no dot there.
_DOTTED = frozenset({"gitignore", "github"})

# What kfp keeps of a name, and what Vertex AI and Kubernetes accept.
_ALLOWED = re.compile(r"[a-z](?:-?[a-z0-9])*")
_MAX_LENGTH = 40


def write_project(path: Path, template: str) -> Path:
    """Writes a project, whole or not at all.

    Args:
        path: Its directory, which must not exist or be empty. The last part is its name.
        template: One of `TEMPLATES`.

    Returns:
        The directory, as an absolute path.

    Raises:
        InputError: The name is not allowed, something is in the way, or a file cannot be written.
    """
    directory = path.absolute()
    name = directory.name
    _check_name(name, str(path))
    if directory.is_symlink() or (directory.exists() and not _is_empty(directory)):
        raise InputError(
            f"headrace new: {str(path)!r} is already there, and is not overwritten. Choose another "
            "name, or move it away."
        )
    part = directory.with_name(f".{name}.{uuid.uuid4().hex[:8]}.part")
    try:
        part.mkdir()
        for target, content in _files(name, template).items():
            file = part / target
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        part.rename(directory)
    except OSError as error:
        raise InputError(
            f"headrace new: could not write {str(path)!r}: {error.strerror}. Make the directory "
            "around it, free space, or choose another place; nothing was left there."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(part)
    return directory


def _check_name(name: str, given: str) -> None:
    if _ALLOWED.fullmatch(name) and len(name) <= _MAX_LENGTH:
        return
    near = re.sub("[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")[:_MAX_LENGTH].rstrip("-")
    hint = f", for example {near!r}" if _ALLOWED.fullmatch(near) else ""
    raise InputError(
        f"headrace new: {given!r} is not a name for a project: expected lower-case letters a to z, "
        f"digits and single hyphens, a letter first, no hyphen last, and at most {_MAX_LENGTH} of "
        f"them, since the pipeline gets this name on every target. Choose another{hint}."
    )


def _is_empty(directory: Path) -> bool:
    return directory.is_dir() and not any(directory.iterdir())


def _files(name: str, template: str) -> Mapping[str, bytes]:
    """Returns the contents of a project's files, by their paths in it."""
    about = (_FOLDER / template / _ABOUT).read_text("utf-8")
    found: dict[str, bytes] = {}
    for folder in (_FOLDER / _COMMON, _FOLDER / template):
        for file in sorted(folder.rglob("*")):
            place = file.relative_to(folder)
            if file.is_file() and place.name != _ABOUT and "__pycache__" not in place.parts:
                found[_dotted(place)] = _named(file.read_bytes(), name)
    readme = found["README.md"].decode()
    for section, text in _sections(about).items():
        readme = readme.replace(f"{{{section}}}", _named(text.encode(), name).decode())
    return {**found, "README.md": readme.encode()}


def _dotted(place: Path) -> str:
    first, *rest = place.parts
    return Path(f".{first}" if first in _DOTTED else first, *rest).as_posix()


def _named(content: bytes, name: str) -> bytes:
    if b"\0" in content:  # no text
        return content
    variable = name.upper().replace("-", "_")
    return content.replace(_NAME.encode(), name.encode()).replace(
        _VARIABLE.encode(), variable.encode()
    )


def _sections(about: str) -> dict[str, str]:
    """Returns the texts of `about.md` by their headings."""
    parts = re.split(r"^## (\w+)\n", about, flags=re.MULTILINE)[1:]
    return {heading: text.strip() for heading, text in zip(parts[::2], parts[1::2], strict=True)}
