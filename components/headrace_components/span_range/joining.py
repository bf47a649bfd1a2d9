"""Makes one Examples artifact of the files of several."""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from headrace_components.data import columnar
from headrace_components.data.examples import ExamplesReader
from headrace_components.errors import InputError

_COMPONENT = "span_range"
_SHARD = re.compile(r"(?P<prefix>.+)-\d{5}-of-\d{5}(?P<suffix>.*)")


def join(sources: Sequence[Path], output: Path) -> list[str]:
    """Writes the files of several artifacts into one, without reading the rows.

    A file is linked where it lies in the same file system, and copied otherwise. There is a
    columnar twin where all sources have one.

    Args:
        sources: Directories of Examples artifacts; their rows follow one another in this order.
        output: Directory to write.

    Returns:
        The names of the splits.

    Raises:
        InputError: The sources differ in their splits.
    """
    readers = [ExamplesReader(source, _COMPONENT) for source in sources]
    names = readers[0].split_names
    for source, reader in zip(sources, readers, strict=True):
        if reader.split_names != names:
            raise InputError(
                f"{_COMPONENT}: {source} has the splits {list(reader.split_names)}, {sources[0]} "
                f"has {list(names)}, expected the same in each. Run the pipeline again on the "
                "spans that were divided otherwise, or ask for a range without them."
            )
    for name in names:
        files = [file for reader in readers for file in reader.tfrecord_files(name)]
        _link_all(files, output / f"Split-{name}")
        twins = [reader.twin_parts(name) for reader in readers]
        found = [part for twin in twins for part in twin or ()]
        if all(twin is not None for twin in twins):
            linked = _link_all([path for path, _ in found], output / f"Columnar-{name}")
            # With the checksums of those who wrote them: a damaged file stays one.
            parts = [
                replace(part.file, name=path.name)
                for path, (_, part) in zip(linked, found, strict=True)
            ]
            columnar.vouch(output, name, parts)
    return list(names)


def _link_all(files: Sequence[Path], directory: Path) -> list[Path]:
    directory.mkdir(parents=True)
    targets = []
    for index, file in enumerate(files):
        shard = _SHARD.fullmatch(file.name)
        prefix, suffix = (shard["prefix"], shard["suffix"]) if shard else (file.name, "")
        targets.append(directory / columnar.numbered(prefix, suffix, index, len(files)))
        _link(file, targets[-1])
    return targets


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links, as a mounted bucket
        shutil.copyfile(source, target)
