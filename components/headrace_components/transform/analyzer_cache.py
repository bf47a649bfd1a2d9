"""Reads and writes analyzer accumulators, in the files of `tensorflow_transform.beam`.

One directory per data set contains three kinds of files. `MANIFEST` numbers the entries by their
key. Each entry is a gzip TFRecord file named by its number. `METADATA` has one record with the size
of the data. MANIFEST and METADATA are pickles: when they are read, only the name of bytes is
resolved.
"""

import hashlib
import io
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_transform.beam import analyzer_cache as tft_cache

from headrace_components.contract.errors import InputError

Entries = Mapping[bytes, Sequence[bytes]]


class _PlainUnpickler(pickle.Unpickler):
    """Reads numbers, bytes and dicts; an artifact from elsewhere must not run code here."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):  # for bytes in pickle protocol 0
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def dataset_key(split: str, contents: str, features: bytes) -> tft_cache.DatasetKey:
    """Returns the name of a data set in a cache: it depends on the rows, not on their location.

    Args:
        split: The split of the rows.
        contents: A digest of its files.
        features: The rules for making tensors of columns, for example the default for a missing
            value.
    """
    digest = hashlib.sha256(f"{split} {contents} ".encode() + features).hexdigest()
    return tft_cache.DatasetKey(f"Split-{split}-{digest}")


def read(directory: Path, key: tft_cache.DatasetKey) -> Entries:
    """Returns the encoded accumulators of a data set; empty if the cache does not have it.

    Raises:
        InputError: The cache is damaged.
    """
    folder = directory / key.key
    if not (folder / "MANIFEST").is_file():
        return {}
    entries: dict[bytes, Sequence[bytes]] = {}
    try:
        for name, number in _manifest(folder).items():
            files = sorted(str(file) for file in folder.glob(f"{number}-*-of-*"))
            records = tf.data.TFRecordDataset(files, compression_type="GZIP")
            entries[name] = [record.numpy() for record in records]
    except (pickle.UnpicklingError, tf.errors.OpError, EOFError, ValueError) as error:
        raise InputError(
            f"`analyzer_cache` holds {folder}, which is not a cache that TensorFlow "
            f"Transform wrote ({error}). Leave `analyzer_cache` unconnected, or connect the "
            "updated_analyzer_cache of an earlier run."
        ) from error
    return entries


def copy(source: str, target: str, keys: Sequence[tft_cache.DatasetKey]) -> None:
    """Copies the entries of data sets to another cache; both are locations."""
    for key in keys:
        folder, copied = f"{source}/{key.key}", f"{target}/{key.key}"
        if tf.io.gfile.isdir(folder):
            tf.io.gfile.makedirs(copied)
            for name in tf.io.gfile.listdir(folder):
                tf.io.gfile.copy(f"{folder}/{name}", f"{copied}/{name}")


def write(directory: Path, key: tft_cache.DatasetKey, entries: Entries, size_bytes: int) -> None:
    """Adds accumulators of a data set to a cache.

    Args:
        directory: The cache.
        key: The data set.
        entries: Encoded accumulators by entry key.
        size_bytes: Size of the data set's batches in memory.
    """
    folder = directory / key.key
    folder.mkdir(parents=True, exist_ok=True)
    manifest = dict(_manifest(folder)) if (folder / "MANIFEST").is_file() else {}
    first = max(manifest.values(), default=-1) + 1
    for number, (name, records) in enumerate(entries.items(), first):
        manifest[name] = number
        with tf.io.TFRecordWriter(str(folder / f"{number}-00000-of-00001.gz"), "GZIP") as writer:
            for record in records:
                writer.write(record)
    metadata = tft_cache.DatasetCacheMetadata(dataset_size=size_bytes)
    with tf.io.TFRecordWriter(str(folder / "METADATA-00000-of-00001")) as writer:
        writer.write(metadata.encode())
    (folder / "MANIFEST").write_bytes(pickle.dumps(manifest, protocol=0))


def _manifest(folder: Path) -> Mapping[bytes, int]:
    content = (folder / "MANIFEST").read_bytes()
    manifest: Mapping[bytes, int] = _PlainUnpickler(io.BytesIO(content)).load()
    return manifest
