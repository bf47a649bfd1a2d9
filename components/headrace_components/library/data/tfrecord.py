"""Reads and writes TFRecord files without TensorFlow, whose import takes longer than most files.

Format of one record, from `tensorflow/core/lib/io/record_writer.h`: length (uint64), masked CRC32C
of those eight bytes (uint32), the record, masked CRC32C of the record (uint32); little-endian.
"""

import queue
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import numpy as np

from headrace_components.contract.errors import InputError

GZIP_TRAILER_BYTES = 8
"""CRC32 and size of the uncompressed data: RFC 1952, section 2.3."""

_GZIP_START = b"\x1f\x8b\x08"
_READ_BYTES = 1 << 20
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")

# A mask protects the CRC of data that itself contains CRCs: core/lib/hash/crc32c.h.
_MASK_DELTA = 0xA282EAD8


def masked_crc(data: bytes) -> int:
    """Returns the masked CRC32C for TFRecord files."""
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def frame(records: Sequence[bytes]) -> bytes:
    """Returns records as the bytes of a TFRecord file, uncompressed."""
    crcs = np.fromiter(map(google_crc32c.value, records), np.uint32, len(records))
    masked = ((crcs >> np.uint32(15)) | (crcs << np.uint32(17))) + np.uint32(_MASK_DELTA)
    footers = masked.astype("<u4").tobytes()
    headers: dict[int, bytes] = {}  # records of one file share few lengths
    parts: list[bytes] = []
    for position, record in enumerate(records):
        length = len(record)
        header = headers.get(length)
        if header is None:
            header = headers[length] = _header(length)
        parts += (header, record, footers[4 * position : 4 * position + 4])
    return b"".join(parts)


def _header(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + _FOOTER.pack(masked_crc(packed))


class TFRecordWriter:
    """Writes one gzip TFRecord file; use it as a context manager.

    A thread compresses and writes while the caller encodes: zlib works outside the interpreter
    lock. At most a few batches wait in between, so memory is bounded by the batch.

    Args:
        path: The file to write.
        compression_level: gzip level, 1 (fast) to 9 (small).
    """

    def __init__(self, path: Path, *, compression_level: int = 1) -> None:
        self._file = path.open("wb")
        # wbits 31 is gzip with an empty header, without the time: same records, same bytes.
        self._compressor = zlib.compressobj(compression_level, zlib.DEFLATED, 31)
        self._batches: queue.Queue[Sequence[bytes] | None] = queue.Queue(maxsize=2)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._compress, name=f"write {path.name}")
        self._thread.start()

    def __enter__(self) -> "TFRecordWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, records: Sequence[bytes]) -> None:
        """Appends records.

        Raises:
            OSError: An earlier batch could not be written.
        """
        self._raise_failure()
        self._batches.put(records)

    def close(self) -> None:
        """Waits until all records are in the file.

        Raises:
            OSError: Some records could not be written.
        """
        if not self._file.closed:
            self._batches.put(None)
            self._thread.join()
            self._file.close()
        self._raise_failure()

    def _compress(self) -> None:
        while (records := self._batches.get()) is not None:
            if self._failure is None:
                self._attempt(records)
        if self._failure is None:
            self._attempt(None)

    def _attempt(self, records: Sequence[bytes] | None) -> None:
        try:
            if records is None:
                self._file.write(self._compressor.flush())
            else:
                self._file.write(self._compressor.compress(frame(records)))
        except BaseException as error:  # raised again in the thread that called write or close
            self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def read_records(path: Path) -> Iterator[bytes]:
    """Yields the records of a TFRecord file, gzip or not, checking every checksum.

    Args:
        path: The file; it is compressed if it begins with `1f 8b 08`, the start of a gzip stream.

    Raises:
        InputError: The file is cut off or corrupt; the message names it and the record.
    """
    with path.open("rb") as file:
        is_gzip = file.read(len(_GZIP_START)) == _GZIP_START
        file.seek(0)
        chunks = _inflated(file) if is_gzip else iter(lambda: file.read(_READ_BYTES), b"")
        advice = "Run the component that wrote it again, or copy the artifact again."
        yield from read_frames(chunks, f"{path}", advice)


def read_frames(chunks: Iterator[bytes], place: str, advice: str) -> Iterator[bytes]:
    """Yields the records of a TFRecord file, checking every checksum.

    Args:
        chunks: The file's content, inflated, in pieces of any size.
        place: Component and file, for the beginning of the error message.
        advice: The next step for a corrupt file, for the end of the error message.

    Raises:
        InputError: The content is cut off or corrupt; the message names the record.
    """
    number = 0
    try:
        for record in _unframed(chunks):
            yield record
            number += 1
    except (ValueError, zlib.error) as error:
        raise InputError(
            f"{place} is corrupt at record {number} (counted from 0): {error}. {advice}"
        ) from error


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(wbits=31)
    while data := file.read(_READ_BYTES):
        while data:
            if decompressor.eof:  # concatenated gzip members are one file: RFC 1952, section 2.2
                decompressor = zlib.decompressobj(wbits=31)
            yield decompressor.decompress(data)
            data = decompressor.unused_data
    if not decompressor.eof:
        raise ValueError("the compressed data end early")


def _unframed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    buffer = b""
    for chunk in chunks:
        buffer = buffer + chunk if buffer else chunk
        position, end = 0, len(buffer)
        while end - position >= _HEADER.size:
            length, length_crc = _HEADER.unpack_from(buffer, position)
            if masked_crc(buffer[position : position + 8]) != length_crc:
                raise ValueError("the checksum of its length does not match")
            start = position + _HEADER.size
            if end - start < length + _FOOTER.size:
                break
            record = buffer[start : start + length]
            if masked_crc(record) != _FOOTER.unpack_from(buffer, start + length)[0]:
                raise ValueError("its checksum does not match")
            yield record
            position = start + length + _FOOTER.size
        buffer = buffer[position:]
    if buffer:
        raise ValueError("the file ends within it")
