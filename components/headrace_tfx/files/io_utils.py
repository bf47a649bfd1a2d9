"""TFX's `io_utils`: reads and writes files and messages.

Protobuf, TensorFlow Metadata and TensorFlow are imported by the functions that need them.
"""

import posixpath
import re
import tempfile
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from headrace_tfx.files import fileio

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from tensorflow_metadata.proto.v0 import schema_pb2

_M = TypeVar("_M", bound="Message")

NANO_PER_SEC = 1_000_000_000


class SchemaReader:
    """Reads schemas."""

    def read(self, schema_path: str) -> "schema_pb2.Schema":
        """Returns the schema of a text-format file."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        return parse_pbtxt_file(schema_path, schema_pb2.Schema())


def parse_pbtxt_file(file_name: str, message: _M) -> _M:
    """Returns `message`, filled from a text-format file."""
    from google.protobuf import text_format

    text_format.Parse(_read(file_name, "r"), message)
    return message


def parse_json_file(file_name: str, message: _M) -> _M:
    """Returns `message`, filled from a JSON file."""
    from google.protobuf import json_format

    json_format.Parse(_read(file_name, "r"), message)
    return message


def read_string_file(file_name: str) -> str:
    """Returns the text of a file; FileNotFoundError if there is none."""
    _check(file_name)
    return str(_read(file_name, "r"))


def read_bytes_file(file_name: str) -> bytes:
    """Returns the bytes of a file; FileNotFoundError if there is none."""
    _check(file_name)
    return bytes(_read(file_name, "rb"))


def write_string_file(file_name: str, string_value: str) -> None:
    """Writes a file of text, in a directory that is made if needed."""
    _write(file_name, "w", string_value)


def write_bytes_file(file_name: str, content: bytes) -> None:
    """Writes a file of bytes, in a directory that is made if needed."""
    _write(file_name, "wb", content)


def write_pbtxt_file(file_name: str, proto: "Message") -> None:
    """Writes a message in text format."""
    from google.protobuf import text_format

    write_string_file(file_name, text_format.MessageToString(proto))


def write_tfrecord_file(file_name: str, *proto: "Message") -> None:
    """Writes each message as a record."""
    import tensorflow as tf

    _make_folder(file_name)
    with tf.io.TFRecordWriter(file_name) as writer:
        for message in proto:
            writer.write(message.SerializeToString())


def ensure_local(file_path: str) -> str:
    """Returns a path of a file: its own, or that of a copy of a file at a URI."""
    if "://" not in file_path:
        return file_path
    path = posixpath.join(tempfile.mkdtemp(), posixpath.basename(file_path))
    fileio.copy(file_path, path)
    return path


def copy_file(src: str, dst: str, overwrite: bool = False) -> None:
    """Copies a file into a directory that is made if needed."""
    _make_folder(dst)
    fileio.copy(src, dst, overwrite)


def copy_dir(
    src: str,
    dst: str,
    allow_regex_patterns: Iterable[str] = (),
    deny_regex_patterns: Iterable[str] = (),
) -> None:
    """Copies a directory with all its contents; an existing `dst` is replaced.

    Args:
        src: The directory.
        dst: The new directory.
        allow_regex_patterns: If there are any, only files and directories are copied in whose path
            one of these expressions is found.
        deny_regex_patterns: Those are not copied in whose path one of these is found.
    """
    allowed = [re.compile(each) for each in allow_regex_patterns]
    denied = [re.compile(each) for each in deny_regex_patterns]

    def is_wanted(path: str) -> bool:
        if allowed and not any(each.search(path) for each in allowed):
            return False
        return not any(each.search(path) for each in denied)

    source, target = src.rstrip("/"), dst.rstrip("/")
    delete_dir(target)
    fileio.makedirs(target)
    for folder, directories, files in fileio.walk(source):
        copied = target + folder.rstrip("/")[len(source) :]
        for name in directories:
            if is_wanted(posixpath.join(folder, name)):
                fileio.makedirs(posixpath.join(copied, name))
        for name in files:
            if is_wanted(posixpath.join(folder, name)):
                fileio.makedirs(copied)
                fileio.copy(posixpath.join(folder, name), posixpath.join(copied, name))


def delete_dir(path: str) -> None:
    """Deletes a directory with its contents, if it exists."""
    if fileio.isdir(path):
        fileio.rmtree(path)


def get_only_uri_in_dir(dir_path: str) -> str:
    """Returns the path of the one file or directory in a directory."""
    names = fileio.listdir(dir_path)
    if len(names) != 1:
        raise RuntimeError(f"{dir_path} holds {names}, expected one file or directory")
    return posixpath.join(dir_path, names[0].rstrip("/"))


def all_files_pattern(file_pattern: str) -> str:
    """Returns the pattern of all files in a directory."""
    return posixpath.join(file_pattern, "*")


def generate_fingerprint(split_name: str, file_pattern: str) -> str:
    """Returns a text that changes with the number, sizes and times of the files of a pattern.

    Times count in whole seconds. The order of the files does not matter.
    """
    found = [fileio.stat(path) for path in fileio.glob(file_pattern)]
    seconds = [each.mtime_nsec // NANO_PER_SEC for each in found]
    xor = 0
    for each in seconds:
        xor ^= each
    num_bytes = sum(each.length for each in found)
    return (
        f"split:{split_name},num_files:{len(found)},total_bytes:{num_bytes},"
        f"xor_checksum:{xor},sum_checksum:{sum(seconds)}"
    )


def load_csv_column_names(csv_file: str) -> list[str]:
    """Returns the names in the first line of a CSV file."""
    with fileio.open(csv_file) as file:
        return str(file.readline()).strip().split(",")


def _read(file_name: str, mode: str) -> Any:
    with fileio.open(file_name, mode) as file:
        return file.read()


def _write(file_name: str, mode: str, content: str | bytes) -> None:
    _make_folder(file_name)
    with fileio.open(file_name, mode) as file:
        file.write(content)


def _make_folder(file_name: str) -> None:
    folder = posixpath.dirname(file_name)
    if folder:
        fileio.makedirs(folder)


def _check(file_name: str) -> None:
    if not fileio.exists(file_name):
        raise FileNotFoundError(f"{file_name} does not exist")
