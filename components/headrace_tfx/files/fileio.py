"""TFX's `fileio`: files at paths and URIs that TensorFlow can open."""

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf

NotFoundError = tf.errors.NotFoundError
"""The functions here raise this for a missing file."""


def open(path: str, mode: str = "r") -> Any:
    """Returns a file object."""
    return tf.io.gfile.GFile(path, mode)


def copy(src: str, dst: str, overwrite: bool = False) -> None:
    """Copies a file; an existing target is an error, unless `overwrite` is set."""
    tf.io.gfile.copy(src, dst, overwrite)


def exists(path: str) -> bool:
    """Returns whether there is a file or directory."""
    return bool(tf.io.gfile.exists(path))


def glob(pattern: str) -> list[str]:
    """Returns the paths that match."""
    return list(tf.io.gfile.glob(pattern))


def isdir(path: str) -> bool:
    """Returns whether there is a directory."""
    return bool(tf.io.gfile.isdir(path))


def listdir(path: str) -> list[str]:
    """Returns the names in a directory, those of directories on remote storage with a slash."""
    return list(tf.io.gfile.listdir(path))


def makedirs(path: str) -> None:
    """Makes a directory and its parents; it may exist already."""
    tf.io.gfile.makedirs(path)


def mkdir(path: str) -> None:
    """Makes a directory."""
    tf.io.gfile.mkdir(path)


def remove(path: str) -> None:
    """Deletes a file."""
    tf.io.gfile.remove(path)


def rename(src: str, dst: str, overwrite: bool = False) -> None:
    """Moves a file or directory."""
    tf.io.gfile.rename(src, dst, overwrite)


def rmtree(path: str) -> None:
    """Deletes a directory with its contents."""
    tf.io.gfile.rmtree(path)


def stat(path: str) -> Any:
    """Returns `length` in bytes and `mtime_nsec` of a file."""
    return tf.io.gfile.stat(path)


def walk(
    top: str, topdown: bool = True, onerror: Callable[..., None] | None = None
) -> Iterable[tuple[str, list[str], list[str]]]:
    """Yields each directory with the names of the directories and files in it."""
    directories: Iterable[tuple[str, list[str], list[str]]]
    directories = tf.io.gfile.walk(top, topdown, onerror)
    return directories
