"""Splits of artifacts: their names in a property, and their directories."""

import json
import posixpath
import re
from collections.abc import Sequence
from typing import Protocol

_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)?")
# TFX wrote `train/` instead of `Split-train/` before this version.
_FIRST_WITH_PREFIX = (0, 29)


class _WithSplits(Protocol):
    """An artifact with splits."""

    uri: str
    split_names: str

    def get_string_custom_property(self, key: str) -> str: ...


def encode_split_names(splits: Sequence[str]) -> str:
    """Returns the JSON text of names.

    Raises:
        ValueError: A name has other characters than letters, digits, `-` and `_`.
    """
    for name in splits:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f"the name of a split is {name!r}, expected letters, digits, '-' and '_', "
                "with a letter or digit first"
            )
    return json.dumps(list(splits))


def decode_split_names(split_names: str) -> list[str]:
    """Returns the names of JSON text; none for an empty text."""
    names: list[str] = json.loads(split_names) if split_names else []
    return names


def get_split_uri(artifact_list: Sequence[_WithSplits], split: str) -> str:
    """Returns the directory of a split of the only artifact in a list.

    Raises:
        ValueError: There are several artifacts, or the artifact has no such split.
    """
    uris = get_split_uris(artifact_list, split)
    if len(uris) != 1:
        raise ValueError(
            f"split {split!r} is in {len(uris)} artifacts, expected one; get_split_uris takes more"
        )
    return uris[0]


def get_split_uris(artifact_list: Sequence[_WithSplits], split: str) -> list[str]:
    """Returns the directory of a split in each artifact.

    Raises:
        ValueError: An artifact has no such split.
    """
    uris = []
    for artifact in artifact_list:
        names = decode_split_names(artifact.split_names)
        if split not in names:
            raise ValueError(
                f"there is no split {split!r} in the artifact at {artifact.uri!r}, which has "
                f"{', '.join(names) or 'no splits'}"
            )
        folder = split if _is_without_prefix(artifact) else f"Split-{split}"
        uris.append(posixpath.join(artifact.uri, folder))
    return uris


def _is_without_prefix(artifact: _WithSplits) -> bool:
    written_by = artifact.get_string_custom_property("tfx_version")
    numbers = re.match(r"(\d+)\.(\d+)", written_by)
    return numbers is not None and tuple(map(int, numbers.groups())) < _FIRST_WITH_PREFIX
