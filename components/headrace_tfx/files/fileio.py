"""TFX's `fileio`: files at paths and URIs.

Files at paths need the standard library alone. Those at URIs, such as `gs://bucket/file`, need
TensorFlow, which is imported for them.
"""

import builtins
import contextlib
import glob as glob_of_paths
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "FileStatistics",
    "NotFoundError",
    "PathType",
    "copy",
    "exists",
    "glob",
    "isdir",
    "listdir",
    "makedirs",
    "mkdir",
    "open",
    "remove",
    "rename",
    "rmtree",
    "stat",
    "walk",
]

PathType = str | bytes | os.PathLike[str]


class NotFoundError(FileNotFoundError):
    """The functions here raise this for a missing file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileStatistics:
    """What is known of a file without opening it.

    Attributes:
        length: Size in bytes.
        mtime_nsec: Time of the last change, in nanoseconds since the epoch.
        is_directory: Whether it is a directory.
    """

    length: int
    mtime_nsec: int
    is_directory: bool


def open(path: PathType, mode: str = "r") -> Any:
    """Returns a file object; texts are in UTF-8, and their line ends stay as they are."""
    name = _text(path)
    with _explained(name):
        if _is_uri(name):
            if "r" in mode:
                _remote(name).stat(name)  # GFile looks for the file only when it is read
            return _remote(name).GFile(name, mode)
        text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
        return builtins.open(name, mode, **text)  # type: ignore[call-overload]  # noqa: PTH123


def copy(src: PathType, dst: PathType, overwrite: bool = False) -> None:
    """Copies a file; an existing target is an error, unless `overwrite` is set."""
    source, target = _text(src), _text(dst)
    with _explained(source):
        if _is_uri(source) or _is_uri(target):
            _remote(source if _is_uri(source) else target).copy(source, target, overwrite)
            return
        _check_free(target, overwrite=overwrite)
        shutil.copyfile(source, target)


def exists(path: PathType) -> bool:
    """Returns whether there is a file or directory."""
    name = _text(path)
    return bool(_remote(name).exists(name)) if _is_uri(name) else Path(name).exists()


def glob(pattern: PathType) -> list[str]:
    """Returns the paths that match, sorted."""
    name = _text(pattern)
    if _is_uri(name):
        return sorted(_remote(name).glob(name))
    return sorted(glob_of_paths.glob(name, include_hidden=True))  # noqa: PTH207  as it is


def isdir(path: PathType) -> bool:
    """Returns whether there is a directory."""
    name = _text(path)
    return bool(_remote(name).isdir(name)) if _is_uri(name) else Path(name).is_dir()


def listdir(path: PathType) -> list[str]:
    """Returns the names in a directory, sorted; those of remote directories have a slash."""
    name = _text(path)
    with _explained(name):
        if _is_uri(name):
            return sorted(_remote(name).listdir(name))
        return sorted(each.name for each in Path(name).iterdir())


def makedirs(path: PathType) -> None:
    """Makes a directory and its parents; it may exist already."""
    name = _text(path)
    if _is_uri(name):
        _remote(name).makedirs(name)
    else:
        Path(name).mkdir(parents=True, exist_ok=True)


def mkdir(path: PathType) -> None:
    """Makes a directory, whose parent exists."""
    name = _text(path)
    with _explained(name):
        if _is_uri(name):
            _remote(name).mkdir(name)
        else:
            Path(name).mkdir()


def remove(path: PathType) -> None:
    """Deletes a file."""
    name = _text(path)
    with _explained(name):
        if _is_uri(name):
            _remote(name).remove(name)
        else:
            Path(name).unlink()


def rename(src: PathType, dst: PathType, overwrite: bool = False) -> None:
    """Moves a file or directory; an existing target is an error, unless `overwrite` is set."""
    source, target = _text(src), _text(dst)
    with _explained(source):
        if _is_uri(source) or _is_uri(target):
            _remote(source if _is_uri(source) else target).rename(source, target, overwrite)
            return
        _check_free(target, overwrite=overwrite)
        try:
            Path(source).replace(target)
        except OSError as error:
            if isinstance(error, FileNotFoundError) or Path(target).is_dir():
                raise
            shutil.move(source, target)  # to another disk


def rmtree(path: PathType) -> None:
    """Deletes a directory with its contents."""
    name = _text(path)
    with _explained(name):
        if _is_uri(name):
            _remote(name).rmtree(name)
        else:
            shutil.rmtree(name)


def stat(path: PathType) -> FileStatistics:
    """Returns the size of a file and when it changed."""
    name = _text(path)
    with _explained(name):
        if _is_uri(name):
            remote = _remote(name).stat(name)
            return FileStatistics(
                length=remote.length,
                mtime_nsec=remote.mtime_nsec,
                is_directory=remote.is_directory,
            )
        found = Path(name).stat()
        return FileStatistics(
            length=found.st_size, mtime_nsec=found.st_mtime_ns, is_directory=Path(name).is_dir()
        )


def walk(
    top: PathType, topdown: bool = True, onerror: Callable[..., None] | None = None
) -> Iterable[tuple[str, list[str], list[str]]]:
    """Yields each directory with the names of the directories and files in it."""
    name = _text(top)
    if _is_uri(name):
        yield from _remote(name).walk(name, topdown, onerror)
    else:
        yield from os.walk(name, topdown, onerror)


def _text(path: PathType) -> str:
    return os.fsdecode(path)


def _is_uri(name: str) -> bool:
    return "://" in name


def _remote(name: str) -> Any:
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            f"fileio opens {name} with TensorFlow, which is not here. Use a path, or an image with "
            "TensorFlow"
        ) from error
    return tf.io.gfile


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turns each error for a missing file into NotFoundError."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        missing = error.filename or name
        raise NotFoundError(error.errno, f"fileio found nothing at {missing!r}") from error
    except Exception as error:
        # TensorFlow's class, by name, so that paths need no TensorFlow.
        if type(error).__name__ == "NotFoundError" and not isinstance(error, OSError):
            raise NotFoundError(f"fileio found nothing at {name!r}: {error}") from error
        raise


def _check_free(target: str, *, overwrite: bool) -> None:
    if not overwrite and Path(target).exists():
        raise FileExistsError(f"{target!r} exists. Set overwrite=True to replace it")
