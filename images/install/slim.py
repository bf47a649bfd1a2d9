"""Removes files that nothing reads from the packages just installed, and compiles the rest.

Usage: slim.py <site-packages> <file older than what was installed>. Off come the files of prune.txt
and debuggers' symbols.
"""

import compileall
import fnmatch
import functools
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# The mounted stage with the tools of the build.
_TOOLS = Path("/tools/usr")
_MAGIC = b"\x7fELF\x02\x01"  # of 64 bits, little-endian
_LOAD = 1


def main() -> None:
    """Removes the files and compiles the rest."""
    site, marker = map(Path, sys.argv[1:])
    unread = _unread(Path(__file__).with_name("prune.txt"))
    # Keep libraries with code for GPUs as their makers tested them: their symbols are small.
    whole = {"nvidia", "tensorflow"} if (site / "nvidia").is_dir() else set[str]()
    sources = []
    for file in list(_installed(site, marker.stat().st_ctime_ns)):
        if unread.match(str(file.relative_to(site))):
            _remove(file)
        elif ".so" in file.suffixes and file.relative_to(site).parts[0] not in whole:
            _strip(file)
        elif file.suffix == ".py":
            sources.append(file)
    # Templates of code, and code for other versions of Python, do not compile.
    compiled = functools.partial(compileall.compile_file, quiet=2)
    with ProcessPoolExecutor() as pool:
        list(pool.map(compiled, sources, chunksize=32))


def _installed(site: Path, since: int) -> Iterator[Path]:
    for directory, _, names in os.walk(site):
        for name in names:
            file = Path(directory, name)
            status = file.lstat()
            if status.st_ctime_ns >= since:
                yield file


def _unread(patterns: Path) -> re.Pattern[str]:
    lines = [line.strip() for line in patterns.read_text("utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    return re.compile("|".join(fnmatch.translate(p) for w in wanted for p in (w, f"{w}/*")))


def _remove(file: Path) -> None:
    file.unlink()
    parent = file.parent
    while not any(parent.iterdir()):  # an empty directory could be imported
        parent.rmdir()
        parent = parent.parent


def _strip(library: Path) -> None:
    """Removes symbols that only debuggers and linkers read: 200 MB of TensorFlow's library.

    `strip` misaligns some of the libraries that were given new paths when their wheel was made.
    The loader would refuse these, so they stay as they were.
    """
    with library.open("rb") as file:
        if library.is_symlink() or file.read(len(_MAGIC)) != _MAGIC:
            return
    stripped = library.with_name(f"{library.name}.stripped")
    environment = {**os.environ, "LD_LIBRARY_PATH": str(_TOOLS / "lib/x86_64-linux-gnu")}
    command = [str(_TOOLS / "bin/strip"), "--strip-unneeded", "-o", str(stripped), str(library)]
    subprocess.run(command, env=environment, check=True)
    if stripped.stat().st_size < library.stat().st_size and _is_aligned(stripped):
        stripped.chmod(library.stat().st_mode)
        stripped.replace(library)
    else:
        stripped.unlink()


def _is_aligned(library: Path) -> bool:
    """Returns whether every segment can be mapped; the offsets are those of `elf(5)`."""
    with library.open("rb") as file:
        header = file.read(64)
        (start,) = struct.unpack_from("<Q", header, 32)
        size, number = struct.unpack_from("<HH", header, 54)
        file.seek(start)
        table = file.read(size * number)
    for index in range(number):
        segment = struct.unpack_from("<IIQQQQQQ", table, index * size)
        kind, offset, address, alignment = segment[0], segment[2], segment[3], segment[7]
        if kind == _LOAD and alignment > 1 and (offset - address) % alignment:
            return False
    return True


if __name__ == "__main__":
    main()
