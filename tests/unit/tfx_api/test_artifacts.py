"""TFX's artifact classes behave as TFX's do, and explain what they refuse."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2
from ml_metadata.proto import metadata_store_pb2

from headrace_components.contract import artifact_types
from headrace_tfx.artifacts import simple, standard, system, utils, values
from headrace_tfx.artifacts.base import Artifact, contract_type
from headrace_tfx.artifacts.properties import Property, PropertyType
from headrace_tfx.artifacts.splits import decode_split_names, encode_split_names, get_split_uri
from headrace_tfx.files import json_utils


class Birds(Artifact):
    """As an author writes it."""

    TYPE_NAME = "Birds"
    TYPE_ANNOTATION = system.Dataset
    PROPERTIES = {
        "count": Property(type=PropertyType.INT),
        "weight": Property(PropertyType.FLOAT),
        "note": Property(type=PropertyType.STRING),
        "colours": Property(type=PropertyType.JSON_VALUE),
        "place": Property(type=PropertyType.PROTO),
        "rare": Property(type=PropertyType.BOOLEAN),
    }


ZERO = {"count": 0, "weight": 0.0, "note": "", "colours": None, "place": None, "rare": False}
SET = {
    "count": 3,
    "weight": 1.5,
    "note": "grey",
    "colours": ["grey", {"light": 1.0}],
    "place": struct_pb2.Value(string_value="pond"),
    "rare": True,
}


def test_declared_properties_are_attributes() -> None:
    birds = Birds()

    assert {name: getattr(birds, name) for name in ZERO} == ZERO
    assert not birds.has_property("count")
    for name, value in SET.items():
        setattr(birds, name, value)
    assert {name: getattr(birds, name) for name in SET} == SET
    assert birds.has_property("count")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "3"),
        ("count", 3.0),
        ("weight", 1),
        ("note", 7),
        ("colours", {1, 2}),
        ("place", "pond"),
        ("rare", 1),
    ],
)
def test_a_property_of_another_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"property '{name}' is .*, expected [A-Z_]+$"):
        setattr(Birds(), name, value)


def test_an_undeclared_property_is_refused_with_the_declared_ones() -> None:
    birds = Birds()

    with pytest.raises(AttributeError, match=r"'cuont' is not a declared .*colours, count, note"):
        birds.cuont = 1
    with pytest.raises(AttributeError, match=r"Birds has no property 'cuont', only colours, count"):
        _ = birds.cuont
    with pytest.raises(AttributeError, match=r"declared: none\). Declare it in PROPERTIES, or use"):
        standard.Model().blessed = 1


def test_custom_properties_keep_their_type() -> None:
    model = standard.Model()
    model.set_string_custom_property("text", "x")
    model.set_int_custom_property("number", value=True)
    model.set_float_custom_property("share", 1)
    model.set_bool_custom_property("good", value=True)
    model.set_json_value_custom_property("list", [1, 2.5])
    model.set_json_value_custom_property("whole", 4.0)
    model.set_proto_custom_property("message", struct_pb2.Value(number_value=1))

    assert model.get_string_custom_property("text") == "x"
    assert model.get_int_custom_property("number") == 1
    assert model.get_int_custom_property("whole") == 4
    assert model.get_float_custom_property("share") == 1.0
    assert model.get_bool_custom_property("good") is True
    assert model.get_json_value_custom_property("list") == [1, 2.5]
    assert model.get_custom_property("number") == 1
    message: Any = model.get_proto_custom_property("message")
    assert message.number_value == 1
    assert not model.has_custom_property("other")
    assert model.get_custom_property("other") is None
    # A property of another type counts as unset.
    assert model.get_int_custom_property("text") == 0
    assert model.get_string_custom_property("number") == ""
    assert model.get_float_custom_property("number") == 0.0
    assert model.get_json_value_custom_property("text") is None


def test_what_an_artifact_says_of_itself() -> None:
    model = standard.Model()
    model.uri, model.id = "/root/model/1", 7
    model.name = "mine"
    model.is_external = True

    assert (model.type, model.type_name, model.id) == (standard.Model, "Model", 7)
    assert (model.name, model.state, model.pipeline_name) == ("mine", "", "")
    assert model.is_external
    assert repr(model) == "Model(uri='/root/model/1', id=7, is_external=1, name='mine')"


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_an_artifact_can_be_copied_and_pickled(copied: Any) -> None:
    birds = Birds()
    birds.uri, birds.colours = "here", ["red"]
    birds.set_int_custom_property("x", 1)

    other = copied(birds)

    assert (other.uri, other.colours, other.get_int_custom_property("x")) == ("here", ["red"], 1)


def test_copy_from_takes_values_and_no_other_type() -> None:
    birds, others = Birds(), Birds()
    birds.colours = ["red"]
    others.copy_from(birds)
    others.colours.append("blue")

    assert birds.colours == ["red"]
    with pytest.raises(TypeError, match="cannot copy the properties of Birds to Model"):
        standard.Model().copy_from(birds)


def test_an_artifact_becomes_a_message_and_back() -> None:
    birds = Birds()
    birds.uri, birds.id = "/birds", 3
    for name, value in SET.items():
        setattr(birds, name, value)
    birds.set_json_value_custom_property("answer", 42.0)
    birds.set_string_custom_property("who", "me")
    birds.state = "published"

    message = birds.mlmd_artifact
    back = utils.deserialize_artifact(birds.artifact_type, message)

    assert message.properties["count"].int_value == 3
    assert message.custom_properties["answer"].struct_value["__value__"] == 42
    assert message.state == metadata_store_pb2.Artifact.LIVE
    assert "colours" not in Birds().mlmd_artifact.properties
    birds.place = None
    assert "place" not in birds.mlmd_artifact.properties
    birds.place = SET["place"]
    assert birds.artifact_type.base_type == metadata_store_pb2.ArtifactType.DATASET
    assert type(back) is Birds
    assert {name: getattr(back, name) for name in SET} == SET
    assert (back.uri, back.id, back.state) == ("/birds", 3, "published")
    assert back.get_custom_property("answer") == 42.0
    assert back.mlmd_artifact == message


def test_a_type_of_a_store_without_a_class_gets_one() -> None:
    stored = metadata_store_pb2.ArtifactType(name="Fish", id=9)
    stored.properties["length"] = metadata_store_pb2.DOUBLE
    message = metadata_store_pb2.Artifact(id=2, uri="/fish", create_time_since_epoch=123)
    message.properties["length"].double_value = 2.5

    fish = utils.deserialize_artifact(stored, message)

    assert (fish.type_name, fish.length, fish.id) == ("Fish", 2.5, 2)
    assert fish.artifact_type.id == 9
    assert fish.mlmd_artifact == message  # with its times
    assert utils.get_artifact_type_class(stored) is type(fish)
    assert Artifact(mlmd_artifact_type=stored).type_name == "Fish"
    text = metadata_store_pb2.ArtifactType(name="String_Model")
    assert issubclass(utils.get_artifact_type_class(text), values.String)


def test_artifacts_are_jsonable_also_without_their_class() -> None:
    birds = Birds()
    birds.uri, birds.count = "/birds", 3

    back = json_utils.loads(json_utils.dumps({"in": [birds], "type": Birds}))
    states = birds.to_json_dict() | {"__artifact_class_module__": "gone.away"}

    assert back["type"] is Birds
    assert (type(back["in"][0]), back["in"][0].count) == (Birds, 3)
    assert Artifact.from_json_dict(states).count == 3


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, r"Odd has TYPE_NAME None, expected a name: TYPE_NAME = 'Odd'"),
        ({"TYPE_NAME": 3}, r"TYPE_NAME 3"),
        ({"TYPE_NAME": "Odd", "PROPERTIES": {"x": PropertyType.INT}}, r"expected a dict of names"),
        ({"TYPE_NAME": "Odd", "PROPERTIES": ["x"]}, r"expected a dict of names"),
    ],
)
def test_a_wrong_type_is_explained(attributes: dict[str, Any], message: str) -> None:
    odd = type("Odd", (Artifact,), attributes)

    with pytest.raises(ValueError, match=message):
        odd()


def test_wrong_arguments_are_explained() -> None:
    with pytest.raises(ValueError, match=r"the type of a property is 'INT', expected one of"):
        Property(type="INT")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"has no type. Use a class of standard_artifacts"):
        Artifact()
    with pytest.raises(ValueError, match=r"Model\(mlmd_artifact_type=...\) has two types"):
        standard.Model(metadata_store_pb2.ArtifactType(name="x"))
    odd = type("Odd", (Artifact,), {"TYPE_NAME": "Odd", "TYPE_ANNOTATION": standard.Model})
    with pytest.raises(ValueError, match=r"TYPE_ANNOTATION .* expected Dataset, Model, Metrics"):
        odd()


@pytest.mark.parametrize(
    "kind", [standard.Examples, standard.ExampleStatistics, standard.ExampleAnomalies]
)
def test_splits_are_names(kind: type[standard.Examples]) -> None:
    artifact = kind()
    assert artifact.splits == []

    artifact.splits = ["train", "eval-1", ""]
    artifact.uri = "gs://b/x"

    assert artifact.split_names == '["train", "eval-1", ""]'
    assert artifact.splits == ["train", "eval-1", ""]
    assert get_split_uri([artifact], "eval-1") == "gs://b/x/Split-eval-1"
    with pytest.raises(TypeError, match=r"splits is 'train', expected a list of names"):
        artifact.splits = "train"
    with pytest.raises(ValueError, match=r"name of a split is '_x', expected letters"):
        artifact.splits = ["_x"]
    with pytest.raises(ValueError, match=r"there is no split 'test' in the artifact at 'gs://b/x'"):
        get_split_uri([artifact], "test")
    with pytest.raises(ValueError, match=r"is in 2 artifacts, expected one"):
        get_split_uri([artifact, artifact], "train")


def test_examples_know_the_directories_of_splits_also_old_ones() -> None:
    examples = standard.Examples()
    examples.uri = "/e"
    with pytest.raises(ValueError, match=r"no split 'train', only \[\]. Set `splits` first"):
        examples.path(split="train")
    examples.splits = ("train",)

    assert examples.path(split="train") == "/e/Split-train"
    examples.set_string_custom_property("tfx_version", "0.28.0")
    assert examples.path(split="train") == "/e/train"
    examples.set_string_custom_property("tfx_version", "1.16.0")
    assert examples.path(split="train") == "/e/Split-train"


def test_split_names_of_odd_texts() -> None:
    assert decode_split_names("") == []
    assert encode_split_names([]) == "[]"
    for odd in ("a b", "a/b", "a\n", "ä"):
        with pytest.raises(ValueError, match="the name of a split"):
            encode_split_names([odd])


@pytest.mark.parametrize(
    ("kind", "value", "content"),
    [
        (values.String, "ä\n", "ä\n".encode()),
        (values.String, "", b""),
        (values.Bytes, b"\x00\xff", b"\x00\xff"),
        (values.Integer, -(10**30), b"-" + b"1" + b"0" * 30),
        (values.Integer, True, b"1"),
        (values.Boolean, False, b"0"),
        (values.Float, 0.1, b"0.1"),
        (values.Float, float("inf"), b"Infinity"),
        (values.Float, float("-inf"), b"-Infinity"),
        (values.JsonValue, {"b": [1, None], "a": "x"}, b'{"a": "x", "b": [1, null]}'),
    ],
)
def test_a_value_is_in_the_file_at_the_uri(
    tmp_path: Path, kind: type[values.ValueArtifact], value: object, content: bytes
) -> None:
    written, read = kind(), kind()
    written.uri = read.uri = str(tmp_path / "value")

    written.value = value

    assert (tmp_path / "value").read_bytes() == content
    assert read.read() == value == read.value


def test_none_is_a_mark_and_an_empty_file(tmp_path: Path) -> None:
    written, read = values.String(), values.String()
    written.uri = read.uri = str(tmp_path / "value")
    written.value = None
    read.copy_from(written)

    assert (tmp_path / "value").read_bytes() == b""
    assert read.read() is None


def test_values_that_do_not_fit_are_explained(tmp_path: Path) -> None:
    number = values.Integer()
    with pytest.raises(ValueError, match="the value of this Integer was not read: call read"):
        _ = number.value
    number.uri = str(tmp_path / "missing")
    with pytest.raises(RuntimeError, match=r"there is no file at .*missing' for a Integer"):
        number.read()
    with pytest.raises(TypeError, match=r"a Integer is '3' of type str, expected int"):
        number.value = "3"
    with pytest.raises(NotImplementedError, match=r"Own defines no encode\(value\)"):
        type("Own", (values.ValueArtifact,), {"TYPE_NAME": "Own"})().encode(1)


def test_a_value_type_can_be_annotated() -> None:
    kind = values.String.annotate_as(system.Model)

    assert (kind.__name__, kind.TYPE_NAME, kind.TYPE_ANNOTATION) == (
        "String_Model",
        "String_Model",
        system.Model,
    )
    assert values.String.annotate_as(None) is values.String
    with pytest.raises(ValueError, match=r"annotate_as got .*, expected Dataset, Model"):
        values.String.annotate_as(standard.Model)  # type: ignore[arg-type]


def test_lists_of_artifacts(tmp_path: Path) -> None:
    model = standard.Model()
    model.uri = str(tmp_path)

    assert utils.get_single_instance([model]) is model
    assert utils.get_single_uri([model]) == str(tmp_path)
    for wrong in ([], [model, model]):
        with pytest.raises(ValueError, match=rf"has {len(wrong)} artifacts, expected one"):
            utils.get_single_instance(wrong)
    utils.verify_artifacts({"model": [model]})
    text = utils.jsonify_artifact_dict({"model": [model]})
    assert utils.parse_artifact_dict(text)["model"][0].uri == str(tmp_path)
    with pytest.raises(RuntimeError, match=r"has no URI"):
        utils.verify_artifacts([simple.File()])
    model.uri = str(tmp_path / "gone")
    with pytest.raises(RuntimeError, match=r"nothing at .*gone', the URI of a Model"):
        utils.verify_artifacts(model)


def test_headrace_has_types_of_the_same_names_and_properties() -> None:
    numbers = {"INT": PropertyType.INT, "STRING": PropertyType.STRING}
    by_name = {
        each.TYPE_NAME: each
        for each in vars(standard).values()
        if isinstance(each, type) and issubclass(each, Artifact) and each.TYPE_NAME
    }
    for title, ours in artifact_types.BY_TFX_TITLE.items():
        kind = by_name[title.removeprefix("tfx.")]
        assert contract_type(kind) is ours
        assert {name: each.type for name, each in (kind.PROPERTIES or {}).items()} == {
            name: numbers[each] for name, each in ours.properties.items()
        }
        base = kind.TYPE_ANNOTATION.__name__.upper() if kind.TYPE_ANNOTATION else ""
        assert base == ours.base
    assert contract_type(Birds) is None
    assert contract_type(values.String) is None


def test_artifacts_need_the_standard_library_alone() -> None:
    code = (
        "import sys; from headrace_tfx.artifacts import simple, standard, utils, values\n"
        "examples = standard.Examples(); examples.splits = ['train']; repr(examples)\n"
        "assert not {'google.protobuf', 'ml_metadata', 'tensorflow', 'kfp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
