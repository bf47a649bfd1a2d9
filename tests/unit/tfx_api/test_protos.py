"""TFX's messages are real messages, whatever else is in the process."""

import copy
import importlib
import pickle
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from google.protobuf import any_pb2, json_format, struct_pb2, text_format
from google.protobuf.message import Message
from tensorflow_metadata.proto.v0 import path_pb2, schema_pb2

from headrace_tfx import names
from headrace_tfx.files import json_utils, proto_utils
from headrace_tfx.protos import declarations


def pb2(name: str) -> Any:
    return importlib.import_module(f"headrace_tfx.protos.{name}_pb2")


example_gen, pusher, infra, distribution = (
    pb2(name) for name in ("example_gen", "pusher", "infra_validator", "distribution_validator")
)
Input, Output, SplitConfig = example_gen.Input, example_gen.Output, example_gen.SplitConfig


def test_messages_are_made_as_authors_make_them() -> None:
    output: Any = Output(
        split_config=SplitConfig(
            splits=[
                SplitConfig.Split(name="train", hash_buckets=3),
                SplitConfig.Split(name="eval", hash_buckets=1),
            ]
        )
    )
    given = Input(splits=[Input.Split(name="train", pattern="train/*")])
    given.splits.add(name="eval", pattern="eval/*")

    assert isinstance(Input(), Message)
    assert output.HasField("split_config")
    assert [each.name for each in given.splits] == ["train", "eval"]
    assert output.split_config.splits[0].hash_buckets == 3
    assert given == Input(splits=[{"name": "train", "pattern": "train/*"}, given.splits[1]])
    with pytest.raises(ValueError, match=r"no.*pattren"):
        Input.Split(pattren="x")
    with pytest.raises(TypeError):
        Input.Split(pattern=3)


def test_one_of_several_fields_can_be_set() -> None:
    destination = pusher.PushDestination(
        filesystem=pusher.PushDestination.Filesystem(base_directory="/serving")
    )
    config = pb2("range_config").RangeConfig(static_range={"start_span_number": 1})

    config.rolling_range.num_spans = 2

    assert destination.WhichOneof("destination") == "filesystem"
    assert (config.WhichOneof("range"), config.HasField("static_range")) == ("rolling_range", False)


def test_enums_have_their_values_and_names() -> None:
    assert example_gen.FORMAT_PROTO == example_gen.PayloadFormat.FORMAT_PROTO == 11
    assert example_gen.PayloadFormat.Name(6) == "FORMAT_TF_EXAMPLE"
    assert example_gen.FileFormat.Value("FORMAT_TFRECORDS_GZIP") == 5
    assert example_gen.FileFormat.keys()[-1] == "FILE_FORMAT_PARQUET"
    assert pusher.Versioning.UNIX_TIMESTAMP == pusher.UNIX_TIMESTAMP == 1
    assert pb2("run_state").RunState.COMPLETE == 3


def test_messages_are_text_and_json_and_back() -> None:
    text = """
        tensorflow_serving { tags: "latest" }
        kubernetes { serving_pod_overrides {
            annotations { key: "a" value: "b" }
            env { name: "x" value_from { secret_key_ref { name: "s" key: "k" } } } } }
    """

    spec = text_format.Parse(text, infra.ServingSpec())
    fields = json_format.MessageToDict(spec)

    assert fields["kubernetes"]["servingPodOverrides"]["annotations"] == {"a": "b"}
    assert json_format.ParseDict(fields, infra.ServingSpec()) == spec
    assert proto_utils.json_to_proto(proto_utils.proto_to_json(spec), infra.ServingSpec()) == spec
    assert text_format.Parse(text_format.MessageToString(spec), infra.ServingSpec()) == spec
    assert infra.ServingSpec.FromString(spec.SerializeToString()) == spec


def test_json_text_has_the_names_of_the_proto_file() -> None:
    args = pb2("trainer").TrainArgs(num_steps=5, splits=["a"])

    assert proto_utils.proto_to_json(args) == '{\n  "num_steps": 5,\n  "splits": [\n    "a"\n  ]\n}'
    assert proto_utils.proto_to_dict(args) == {"splits": ["a"], "num_steps": 5}
    assert proto_utils.dict_to_proto({"num_steps": 5, "other": 1}, type(args)()).num_steps == 5


@pytest.mark.parametrize(
    "message",
    [
        Input(splits=[Input.Split(name="x")]),
        Input.Split(name="x"),
        pusher.PushDestination.Filesystem(base_directory="/x"),
        infra.PodOverrides(annotations={"a": "b"}),
        distribution.FeatureComparator(path={"step": ["x"]}),
        pb2("metadata").Path(step=["x"]),
    ],
)
def test_messages_can_be_copied_pickled_and_kept_as_json(message: Any) -> None:
    copied = type(message)()
    copied.CopyFrom(message)

    assert copied == message == copy.deepcopy(message)
    assert pickle.loads(pickle.dumps(message)) == message
    assert json_utils.loads(json_utils.dumps({"x": message})) == {"x": message}


def test_messages_of_tensorflow_metadata_are_accepted() -> None:
    path = path_pb2.Path(step=["pickup", "hour"])
    compared = schema_pb2.FeatureComparator(infinity_norm={"threshold": 0.25})
    config = distribution.DistributionValidatorConfig(
        default_slice_config=distribution.DistributionValidatorConfig.DatasetConfig(
            feature=[distribution.FeatureComparator(path=path, distribution_comparator=compared)],
            num_examples_comparator=schema_pb2.NumericValueComparator(min_fraction_threshold=0.5),
        )
    )
    other = distribution.FeatureComparator()
    other.path.CopyFrom(path)
    other.distribution_comparator.MergeFrom(compared)

    feature = config.default_slice_config.feature[0]
    assert feature == other
    assert list(feature.path.step) == ["pickup", "hour"]
    assert feature.distribution_comparator.infinity_norm.threshold == 0.25
    assert not feature.distribution_comparator.HasField("jensen_shannon_divergence")
    with pytest.raises(TypeError):
        distribution.FeatureComparator(path=compared)


def test_any_message_fits_into_a_custom_config() -> None:
    packed = any_pb2.Any()
    packed.Pack(struct_pb2.Value(string_value="x"))
    config = example_gen.CustomConfig(custom_config=packed)
    other = example_gen.CustomConfig()
    other.custom_config.Pack(struct_pb2.Value(string_value="x"))
    value = struct_pb2.Value()

    assert config == other
    assert config.custom_config.Unpack(value)
    assert value.string_value == "x"
    assert proto_utils.unpack_proto_any(packed) == value


def test_our_copies_of_tensorflow_metadata_are_the_same() -> None:
    for name, ours in vars(pb2("metadata")).items():
        if isinstance(ours, type):
            theirs = getattr(path_pb2 if name == "Path" else schema_pb2, name).DESCRIPTOR
            for field in ours.DESCRIPTOR.fields:  # type: ignore[attr-defined]
                same = theirs.fields_by_number[field.number]
                assert (
                    same.name,
                    same.type,
                    same.is_repeated if hasattr(same, "is_repeated") else same.label,
                ) == (
                    field.name,
                    field.type,
                    field.is_repeated if hasattr(field, "is_repeated") else field.label,
                )


def test_the_table_has_all_messages() -> None:
    for file, listed in names.MESSAGES.items():
        module = pb2(file)
        public = set(module.__all__) - {"DESCRIPTOR"}
        values = {each for each in public if isinstance(getattr(module, each), int)}
        assert set(listed.split()) == public - values
    assert set(names.PROTO_FILES) == set(declarations.FILES) - {"metadata", "run_state"}


def test_messages_of_the_same_name_in_the_common_pool_do_no_harm() -> None:
    code = """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    pool = descriptor_pool.Default()
    file = descriptor_pb2.FileDescriptorProto(
        name="tfx/proto/trainer.proto", package="tfx.components.trainer", syntax="proto3")
    file.message_type.add(name="TrainArgs").field.add(name="num_steps", number=2, type=5, label=1)
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName("tfx.components.trainer.TrainArgs")
    theirs = message_factory.GetMessageClass(found)
    from headrace_tfx.protos.trainer_pb2 import TrainArgs
    ours = TrainArgs(splits=["x"])
    ours.MergeFrom(theirs(num_steps=5))
    assert (ours.num_steps, list(ours.splits)) == (5, ["x"])
    import sys
    assert not {"tensorflow", "tensorflow_metadata"} & set(sys.modules)
    """

    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
