"""TFRecord files without TensorFlow: the same format, and a message for every fault."""

import gzip
import struct
from pathlib import Path

import pytest

from headrace_components.contract.errors import InputError, named
from headrace_components.library.data.tfrecord import (
    TFRecordWriter,
    frame,
    masked_crc,
    read_records,
)

RECORDS = [b"", b"a", bytes(range(256)) * 300, b"last"]


def write(path: Path, records: list[bytes] = RECORDS) -> Path:
    with TFRecordWriter(path) as writer:
        writer.write(records)
    return path


def test_the_masked_checksum_is_the_published_one() -> None:
    # CRC32C of 32 zero bytes is 8a9136aa: RFC 3720, appendix B.4.
    crc = 0x8A9136AA
    assert masked_crc(bytes(32)) == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


@pytest.mark.slow
def test_tensorflow_reads_what_was_written_and_the_other_way_round(tmp_path: Path) -> None:
    import tensorflow as tf

    ours = write(tmp_path / "ours.gz")
    dataset = tf.data.TFRecordDataset(str(ours), compression_type="GZIP")
    assert [record.numpy() for record in dataset] == RECORDS

    theirs = tmp_path / "theirs"
    with tf.io.TFRecordWriter(str(theirs)) as writer:
        for record in RECORDS:
            writer.write(record)
    assert theirs.read_bytes() == frame(RECORDS)
    assert list(read_records(theirs)) == RECORDS


def test_records_are_read_back_from_many_batches(tmp_path: Path) -> None:
    path = tmp_path / "many.gz"
    with TFRecordWriter(path, compression_level=9) as writer:
        for _ in range(40):
            writer.write(RECORDS)

    assert list(read_records(path)) == RECORDS * 40


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.gz").read_bytes() == write(tmp_path / "b.gz").read_bytes()


def test_concatenated_gzip_members_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "two.gz"
    path.write_bytes(gzip.compress(frame(RECORDS)) + gzip.compress(frame(RECORDS)))

    assert list(read_records(path)) == RECORDS * 2


def test_a_file_without_records_is_read(tmp_path: Path) -> None:
    assert list(read_records(write(tmp_path / "none.gz", []))) == []


def test_a_changed_byte_is_found_and_its_record_named(tmp_path: Path) -> None:
    data = bytearray(frame(RECORDS))
    data[-6] ^= 1
    path = tmp_path / "changed.gz"
    path.write_bytes(gzip.compress(data))

    with (
        pytest.raises(InputError, match=r"test: .*changed.gz is corrupt at record 3 .*checksum"),
        named("test"),
    ):
        list(read_records(path))


def test_a_changed_length_is_found(tmp_path: Path) -> None:
    data = bytearray(frame(RECORDS))
    data[0] ^= 1
    path = tmp_path / "length"
    path.write_bytes(data)

    with pytest.raises(InputError, match=r"length is corrupt at record 0 .*checksum of its length"):
        list(read_records(path))


def test_a_file_that_was_cut_off_is_found(tmp_path: Path) -> None:
    compressed = write(tmp_path / "whole.gz").read_bytes()
    cut = tmp_path / "cut.gz"
    cut.write_bytes(compressed[:-12])
    short = tmp_path / "short"
    short.write_bytes(frame(RECORDS)[:-3])

    with pytest.raises(InputError, match=r"cut.gz is corrupt at record \d .*compressed data end"):
        list(read_records(cut))
    with pytest.raises(InputError, match=r"short is corrupt at record 3 .*the file ends within it"):
        list(read_records(short))


def test_a_file_that_is_no_tfrecord_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("fare,company\n2.5,A\n40,B\n", "utf-8")

    with pytest.raises(InputError, match=r"data.csv is corrupt at record 0"):
        list(read_records(path))


def test_a_full_disk_is_reported_to_the_writer() -> None:
    writer = TFRecordWriter(Path("/dev/full"))

    with pytest.raises(OSError, match="No space left on device"):
        for _ in range(100):
            writer.write([struct.pack("<Q", index) * 1000 for index in range(1000)])
    with pytest.raises(OSError, match="No space left on device"):
        writer.close()
