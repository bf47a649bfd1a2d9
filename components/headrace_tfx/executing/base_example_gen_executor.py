"""TFX's `base_example_gen_executor`: executors that make examples of data of any form, on Beam."""

import abc
import bisect
import hashlib
import importlib
import json
import pickle
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headrace_tfx.artifacts.splits import encode_split_names
from headrace_tfx.executing.base_beam_executor import BaseBeamExecutor
from headrace_tfx.executing.base_executor import Artifacts
from headrace_tfx.executing.example_gen_utils import generate_output_split_names
from headrace_tfx.files.proto_utils import json_to_proto
from headrace_tfx.protos import example_gen_pb2

if TYPE_CHECKING:
    import apache_beam as beam

_MESSAGES: Any = example_gen_pb2  # made when it is imported, so without types

# The enum PayloadFormat of tfx/proto/example_gen.proto.
_PAYLOADS = {
    6: "FORMAT_TF_EXAMPLE",
    7: "FORMAT_TF_SEQUENCE_EXAMPLE",
    11: "FORMAT_PROTO",
}


class BaseExampleGenExecutor(BaseBeamExecutor, abc.ABC):
    """The base of executors that make examples.

    A class derived from this one defines `GetInputSourceToExamplePTransform`, or
    `GenerateExamplesByBeam` for splits that it makes itself.
    """

    @abc.abstractmethod
    def GetInputSourceToExamplePTransform(self) -> Any:  # noqa: N802  TFX's name
        """Returns a transform `(pipeline, exec_properties, split_pattern)` that yields records.

        A record is a tf.train.Example, a tf.train.SequenceExample, or a serialized message.
        """

    def GenerateExamplesByBeam(  # noqa: N802
        self, pipeline: "beam.Pipeline", exec_properties: dict[str, Any]
    ) -> dict[str, Any]:
        """Returns a PCollection of records by split.

        Args:
            pipeline: The pipeline of Beam.
            exec_properties: The parameters. `input_config` and `output_config` are JSON text.
        """
        import apache_beam as beam

        given, wanted = _configs(exec_properties)
        exec_properties["_beam_pipeline_args"] = list(self._beam_pipeline_args)
        transform = self.GetInputSourceToExamplePTransform()
        shares = wanted.split_config.splits
        if not shares:
            return {
                split.name: pipeline
                | f"InputToRecord[{split.name}]" >> transform(exec_properties, split.pattern)
                for split in given.splits
            }
        ends = _ends([split.hash_buckets for split in shares])
        feature = wanted.split_config.partition_feature_name
        parts = (
            pipeline
            | "InputToRecord" >> transform(exec_properties, given.splits[0].pattern)
            | "SplitData"
            >> beam.Partition(
                lambda record, _, ends, feature: _share(record, ends, feature),
                len(ends),
                ends,
                feature,
            )
        )
        return dict(zip(generate_output_split_names(given, wanted), parts, strict=True))

    def Do(  # noqa: N802
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Writes `Split-<name>/data_tfrecord-NNNNN-of-NNNNN.gz` of each split.

        Raises:
            RuntimeError: The configurations do not fit each other, or a record has no key for its
                split.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        (examples,) = output_dict["examples"]
        found = _found(exec_properties)
        properties = {**exec_properties, **found}
        given, wanted = _configs(properties)
        examples.set_string_custom_property("payload_format", _payload_format(properties))
        examples.set_string_custom_property("file_format", "tfrecords_gzip")
        _set_span(examples, found)
        examples.split_names = encode_split_names(generate_output_split_names(given, wanted))
        with self._make_beam_pipeline() as pipeline:
            for name, records in self.GenerateExamplesByBeam(pipeline, properties).items():
                _write(records, name, f"{examples.uri}/Split-{name}")


def _configs(exec_properties: Mapping[str, Any]) -> tuple[Any, Any]:
    given, wanted = _MESSAGES.Input(), _MESSAGES.Output()
    json_to_proto(exec_properties["input_config"], given)
    json_to_proto(exec_properties["output_config"], wanted)
    return given, wanted


def _found(exec_properties: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parameters that the files say: patterns for one span, and their fingerprint."""
    base = exec_properties.get("input_base")
    if not base:
        return {}
    # By name: TFX's names import nothing of the components, and only this task reads files.
    spans = importlib.import_module("headrace_components.python_component.spans")
    found: dict[str, Any] = spans.resolved(
        base, exec_properties["input_config"], exec_properties.get("range_config")
    )
    return found


def _set_span(examples: Any, found: Mapping[str, Any]) -> None:
    if "input_fingerprint" in found:
        examples.set_string_custom_property("input_fingerprint", found["input_fingerprint"])
        examples.span = found["span"]
        if found["version"] is not None:
            examples.version = found["version"]


def _payload_format(exec_properties: Mapping[str, Any]) -> str:
    number = exec_properties.get("output_data_format", 6)
    if number not in _PAYLOADS:
        raise RuntimeError(
            f"output_data_format is {number!r}, expected one of {_PAYLOADS}: an executor of one's "
            "own writes TFRecords"
        )
    return _PAYLOADS[number]


def _ends(buckets: Sequence[int]) -> list[int]:
    ends = [0]
    for number in buckets:
        ends.append(ends[-1] + number)
    return ends[1:]


def _share(record: Any, ends: Sequence[int], feature: str) -> int:
    """Returns the number of the split that a record belongs to, as TFX has it."""
    key = _key(record, feature)
    return bisect.bisect(ends, int(hashlib.sha256(key).hexdigest(), 16) % ends[-1])


def _key(record: Any, feature: str) -> bytes:
    if not feature:
        if isinstance(record, bytes):
            return record
        if isinstance(record, dict):
            return pickle.dumps(record)
        whole: bytes = record.SerializeToString(deterministic=True)
        return whole
    holder = getattr(record, "features", None) or getattr(record, "context", None)
    if holder is None or feature not in holder.feature:
        raise RuntimeError(
            f"a record has no feature {feature!r}, which decides on its split. Name a feature that "
            "each tf.Example has, or leave `partition_feature_name` out"
        )
    found = holder.feature[feature]
    if found.WhichOneof("kind") not in ("bytes_list", "int64_list"):
        raise RuntimeError(
            f"the feature {feature!r} decides on the split of a record, expected whole numbers or "
            "text"
        )
    key: bytes = found.SerializeToString(deterministic=True)
    return key


def _write(records: Any, name: str, folder: str) -> None:
    import apache_beam as beam

    _ = (
        records
        | f"Serialize[{name}]" >> beam.Map(_serialized)
        | f"Shuffle[{name}]" >> beam.transforms.Reshuffle()
        | f"Write[{name}]"
        >> beam.io.WriteToTFRecord(f"{folder}/data_tfrecord", file_name_suffix=".gz")
    )


def _serialized(record: Any) -> bytes:
    if isinstance(record, bytes):
        return record
    if isinstance(record, dict):
        raise TypeError(
            f"a record is the dict {json.dumps(record, default=str)[:100]}, expected a tf.Example. "
            "Convert it, as with dict_to_example"
        )
    content: bytes = record.SerializeToString(deterministic=True)
    return content
