"""TFX's `io_utils`: reads and writes files and messages."""

import posixpath
from typing import Any, TypeVar

import tensorflow as tf
from google.protobuf import json_format, text_format
from google.protobuf.message import Message
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_tfx.files import fileio

_M = TypeVar("_M", bound=Message)


class SchemaReader:
    """Reads schemas."""

    def read(self, schema_path: str) -> schema_pb2.Schema:
        """Returns the schema of a text-format file."""
        return parse_pbtxt_file(schema_path, schema_pb2.Schema())


def parse_pbtxt_file(file_name: str, message: _M) -> _M:
    """Returns `message`, filled from a text-format file."""
    text_format.Parse(_read(file_name, "r"), message)
    return message


def parse_json_file(file_name: str, message: _M) -> _M:
    """Returns `message`, filled from a JSON file."""
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


def write_pbtxt_file(file_name: str, proto: Message) -> None:
    """Writes a message in text format."""
    write_string_file(file_name, text_format.MessageToString(proto))


def write_tfrecord_file(file_name: str, *proto: Message) -> None:
    """Writes each message as a record."""
    _make_folder(file_name)
    with tf.io.TFRecordWriter(file_name) as writer:
        for message in proto:
            writer.write(message.SerializeToString())


def copy_file(src: str, dst: str, overwrite: bool = False) -> None:
    """Copies a file into a directory that is made if needed."""
    _make_folder(dst)
    fileio.copy(src, dst, overwrite)


def copy_dir(src: str, dst: str) -> None:
    """Copies a directory with all its contents; an existing `dst` is replaced."""
    source, target = src.rstrip("/"), dst.rstrip("/")
    delete_dir(target)
    fileio.makedirs(target)
    for folder, directories, files in fileio.walk(source):
        copied = target + folder.rstrip("/")[len(source) :]
        for name in directories:
            fileio.makedirs(posixpath.join(copied, name))
        for name in files:
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
