"""Packs a user's module file into a parameter, so that a run has the code it was compiled with.

A packed module is one line of text:

    headrace-module:v1:<entry file>:<sha256 of the JSON>:<base64 of zlib of the JSON>

The JSON is an object from file name to source text: the entry and the files of its project that it
imports. It is v2 if a name has folders, such as `models/features.py`: these are packages from one
directory of the import path, and the entry is a module of a package. With the digest the value is a
cache key of the code, and a truncated value is noticed. Standard library only: the compiler packs,
the components unpack.
"""

import base64
import binascii
import hashlib
import io
import json
import re
import tokenize
import zlib
from collections.abc import Mapping

from headrace_components.contract.errors import InputError

DIRECTORY_PREFIX = "headrace-module-"
"""The beginning of the name of the directory into which a process unpacks modules."""

_PREFIX = "headrace-module:"
_VERSIONS = ("v1", "v2")
# A packed file becomes a file on disk: with such a name it stays in the pack's directory.
_FILE_NAME = re.compile(r"(?:[^\W\d]\w*/)*[^\W\d][\w-]*\.py")


def is_packed(text: str) -> bool:
    """Returns whether this is a packed module, and not a path or URI."""
    return text.startswith(_PREFIX)


def is_remote(text: str) -> bool:
    """Returns whether this is a URI for a store, and not a local path."""
    return "://" in text and not text.startswith("file://")


def pack(files: Mapping[str, str], entry: str) -> str:
    """Returns `files` as one line of text; the same files give the same text.

    Args:
        files: Source text by file name, such as `module.py` or `models/features.py`.
        entry: The file that defines the functions; it imports the others.

    Raises:
        InputError: `entry` is not among `files`, or a name is not valid for a Python module.
    """
    if entry not in files:
        raise InputError(
            f"module pack: the entry {entry!r} is not among the files {sorted(files)}. "
            "Pack the file that defines the functions together with its siblings."
        )
    unfit = sorted(name for name in files if not _FILE_NAME.fullmatch(name))
    if unfit:
        raise InputError(
            f"module pack: {unfit} are not names of Python modules. Expected names of "
            "letters, digits, `_` and `-` that end in .py; rename the files and folders."
        )
    document = json.dumps(dict(files), sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(document).hexdigest()
    payload = base64.b64encode(zlib.compress(document, 9)).decode()
    version = "v2" if any("/" in name for name in files) else "v1"
    return f"{_PREFIX}{version}:{entry}:{digest}:{payload}"


def unpack(text: str) -> tuple[str, dict[str, str]]:
    """Returns the entry's file name and the source text of all files by name.

    Args:
        text: The result of `pack`.

    Raises:
        InputError: The text was cut or changed, or is of another version of the format.
    """
    parts = text.removeprefix(_PREFIX).split(":")
    if not is_packed(text) or parts[0] not in _VERSIONS or len(parts) != 4:
        raise InputError(
            f"the packed module starts with {text[:40]!r}, expected "
            f"'{_PREFIX}{_VERSIONS[-1]}:<file>:<sha256>:<content>'. Compile the pipeline again "
            "with the Headrace version of the image."
        )
    _, entry, digest, payload = parts
    try:
        document = zlib.decompress(base64.b64decode(payload, validate=True))
    except (binascii.Error, zlib.error) as error:
        raise _damaged(entry, f"its content cannot be decoded ({error})") from error
    actual = hashlib.sha256(document).hexdigest()
    if actual != digest:
        raise _damaged(entry, f"its SHA-256 is {actual[:12]}, expected {digest[:12]}")
    files = json.loads(document)
    if entry not in files or not all(_FILE_NAME.fullmatch(name) for name in files):
        raise _damaged(entry, f"it holds {sorted(files)}")
    return entry, files


def encoded(source: str) -> bytes:
    """Returns source text as bytes, in the encoding that its first lines declare."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source.encode()).readline)
    return source.encode(encoding)


def _damaged(entry: str, what: str) -> InputError:
    return InputError(
        f"the packed module {entry!r} was changed after it was packed: {what}. "
        "Compile the pipeline again, and pass its parameters on whole."
    )
