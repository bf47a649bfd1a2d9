"""A value of a row, as a cell of a table. Standard library only."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

from headrace_components.library.previews.blocks import Cell, cut, size, soft

_MAX_ITEMS = 8
_MAX_IMAGE_BYTES = 200_000

# The first bytes of images that a browser draws without running anything of them: no SVG.
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
)


def cell(value: Any) -> Cell:
    """Returns the cell of a feature of a row.

    Args:
        value: None where the row lacks the feature, a list of its values, or a number or bytes.
    """
    if value is None:
        return soft("missing")
    if isinstance(value, Mapping):
        return cut(", ".join(f"{name}: {_plain(part)}" for name, part in value.items()))
    if isinstance(value, Sequence) and not isinstance(value, bytes | str):
        is_nested = bool(value) and isinstance(value[0], Sequence | Mapping)
        if len(value) == 1 and (not is_nested or isinstance(value[0], bytes | str)):
            return cell(value[0])
        return cut(_plain(value)) if value else soft("no value")
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, str):
        return cut(value) if value else soft("empty text")
    return cut(_plain(value))


def _bytes(value: bytes) -> Cell:
    if not value:
        return soft("empty text")
    kind = image_kind(value)
    if kind and len(value) <= _MAX_IMAGE_BYTES:
        data = base64.b64encode(value).decode()
        text = f"{kind.upper()} image, {size(len(value))}"
        return {"text": text, "image": f"data:image/{kind};base64,{data}"}
    return _text_of(value)


def image_kind(value: bytes) -> str:
    """Returns the subtype of an image's media type; empty for other bytes."""
    if value[:4] == b"RIFF" and value[8:12] == b"WEBP":
        return "webp"
    kind = next((kind for start, kind in _IMAGES if value.startswith(start)), "")
    if kind == "bmp" and int.from_bytes(value[2:6], "little") != len(value):
        return ""  # a text may begin with BM
    return kind


def _text_of(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text and all(char.isprintable() or char in "\n\r\t" for char in text[:1000]):
        return cut(text)
    return f"{size(len(value))}: {value[:16].hex(' ')}{' ...' if len(value) > 16 else ''}"


def _plain(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_plain(part)}" for name, part in value.items()) + "}"
    if isinstance(value, bytes):
        return cut(_text_of(value), 80)
    if isinstance(value, Sequence) and not isinstance(value, str):
        shown = ", ".join(_plain(part) for part in value[:_MAX_ITEMS])
        more = f", ... {len(value):,} values" if len(value) > _MAX_ITEMS else ""
        return f"[{shown}{more}]"
    if isinstance(value, float):
        return f"{value:.7g}" if math.isfinite(value) else str(value)
    return cut(str(value), 80)
