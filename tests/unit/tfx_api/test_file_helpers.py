"""TFX's functions for files, messages and JSON."""

import datetime
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import struct_pb2

from headrace_tfx.artifacts import blessings, standard
from headrace_tfx.executing import example_gen_utils
from headrace_tfx.files import fileio, io_utils, json_utils, path_utils, proto_utils
from headrace_tfx.protos import example_gen_pb2
from headrace_tfx.running import vertex

PROTOS: Any = example_gen_pb2


@pytest.fixture(params=["path", "uri"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A directory of files: as a path, or as a URI that TensorFlow opens."""
    if request.param == "path":
        yield str(tmp_path / "files")
    else:
        import tensorflow as tf

        uri = f"ram://{tmp_path.name}/files"
        tf.io.gfile.makedirs(uri)
        yield uri
        tf.io.gfile.rmtree(uri)


def names(found: list[str]) -> list[str]:
    return [each.rstrip("/").rpartition("/")[2] for each in found]


def test_files_are_written_read_moved_and_deleted(root: str) -> None:
    fileio.makedirs(f"{root}/a/b")
    fileio.makedirs(f"{root}/a/b")
    with fileio.open(f"{root}/a/x.txt", "w") as file:
        file.write("ä\r\nb\n")
    with fileio.open(f"{root}/a/x.txt", "rb") as file:
        assert file.read() == "ä\r\nb\n".encode()
    with fileio.open(f"{root}/a/x.txt") as file:
        assert file.read() == "ä\r\nb\n"
    with fileio.open(f"{root}/a/x.txt", "a") as file:
        file.write("c")

    fileio.copy(f"{root}/a/x.txt", f"{root}/a/.y")
    with pytest.raises(Exception, match="exists"):
        fileio.copy(f"{root}/a/x.txt", f"{root}/a/.y")
    fileio.copy(f"{root}/a/x.txt", f"{root}/a/.y", overwrite=True)
    fileio.rename(f"{root}/a/x.txt", f"{root}/a/z.txt")

    assert names(fileio.listdir(f"{root}/a")) == [".y", "b", "z.txt"]
    assert names(fileio.glob(f"{root}/a/*")) == [".y", "b", "z.txt"]
    assert fileio.glob(f"{root}/none/*") == []
    assert fileio.isdir(f"{root}/a/b")
    assert not fileio.isdir(f"{root}/a/z.txt")
    assert fileio.exists(f"{root}/a/z.txt")
    assert fileio.stat(f"{root}/a/z.txt").length == 7
    assert not fileio.stat(f"{root}/a/z.txt").is_directory
    fileio.remove(f"{root}/a/z.txt")
    assert not fileio.exists(f"{root}/a/z.txt")
    fileio.rmtree(f"{root}/a")
    assert not fileio.exists(f"{root}/a")


def test_a_directory_is_walked(root: str) -> None:
    for name in ("a/1", "a/b/2"):
        io_utils.write_string_file(f"{root}/{name}", name)

    found = {top.rstrip("/"): (names(dirs), files) for top, dirs, files in fileio.walk(f"{root}/a")}

    assert found == {f"{root}/a": (["b"], ["1"]), f"{root}/a/b": ([], ["2"])}


@pytest.mark.parametrize(
    "act",
    [
        lambda path: fileio.open(path).read(),
        lambda path: fileio.copy(path, f"{path}.copy"),
        fileio.listdir,
        fileio.remove,
        lambda path: fileio.rename(path, f"{path}.new"),
        fileio.rmtree,
        fileio.stat,
    ],
)
def test_a_missing_file_is_not_found(root: str, act: Any) -> None:
    fileio.makedirs(root)

    with pytest.raises(fileio.NotFoundError, match="missing"):
        act(f"{root}/missing")
    with pytest.raises(FileNotFoundError):
        act(f"{root}/missing")


def test_odd_paths(tmp_path: Path) -> None:
    with fileio.open(os.fsencode(tmp_path / "bytes"), "wb") as file:
        file.write(b"x")
    assert fileio.exists(tmp_path / "bytes")
    with pytest.raises(fileio.NotFoundError):
        fileio.mkdir(str(tmp_path / "no/parent"))
    with pytest.raises(fileio.NotFoundError):
        fileio.listdir(str(tmp_path / "bytes"))
    with pytest.raises(FileExistsError, match=r"exists. Set overwrite=True"):
        fileio.rename(str(tmp_path / "bytes"), str(tmp_path))


def test_paths_need_no_tensorflow(tmp_path: Path) -> None:
    code = f"""
    import sys
    sys.modules["tensorflow"] = None
    from headrace_tfx.files import fileio, io_utils, json_utils, path_utils
    io_utils.write_string_file({str(tmp_path / "x")!r}, "x")
    assert io_utils.read_string_file({str(tmp_path / "x")!r}) == "x"
    assert "google.protobuf" not in sys.modules
    try:
        fileio.exists("gs://bucket/x")
    except ImportError as error:
        print(error)
    """

    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, text=True
    )

    assert found.stdout.startswith("fileio opens gs://bucket/x with TensorFlow, which is not here")


def test_directories_are_copied_with_patterns(tmp_path: Path) -> None:
    for name in ("a/x.txt", "a/y.bin", "b/c/z.txt"):
        io_utils.write_string_file(str(tmp_path / "from" / name), name)
    io_utils.write_string_file(str(tmp_path / "to/old"), "")

    io_utils.copy_dir(
        f"{tmp_path}/from/", f"{tmp_path}/to/", [r"\.txt$", "a$"], deny_regex_patterns=[r"x\."]
    )

    found = sorted(str(each.relative_to(tmp_path / "to")) for each in (tmp_path / "to").rglob("*"))
    assert found == ["a", "b", "b/c", "b/c/z.txt"]


def test_small_helpers_of_io_utils(tmp_path: Path) -> None:
    path = str(tmp_path / "a/data.csv")
    io_utils.write_bytes_file(path, b"a, b,c\n1,2,3\n")
    os.utime(path, (5, 5))

    assert io_utils.load_csv_column_names(path) == ["a", " b", "c"]
    assert io_utils.get_only_uri_in_dir(str(tmp_path / "a")) == path
    assert io_utils.all_files_pattern("/x") == "/x/*"
    assert io_utils.ensure_local(path) == path
    assert io_utils.generate_fingerprint("train", f"{tmp_path}/a/*") == (
        "split:train,num_files:1,total_bytes:13,xor_checksum:5,sum_checksum:5"
    )
    io_utils.copy_file(path, str(tmp_path / "new/data.csv"))
    assert Path(tmp_path / "new/data.csv").is_file()
    with pytest.raises(RuntimeError, match=r"holds \['a', 'new'\], expected one file"):
        io_utils.get_only_uri_in_dir(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="missing does not exist"):
        io_utils.read_bytes_file(str(tmp_path / "missing"))


def test_a_remote_file_is_made_local(tmp_path: Path) -> None:
    import tensorflow as tf

    uri = f"ram://{tmp_path.name}.txt"
    with tf.io.gfile.GFile(uri, "w") as file:
        file.write("x")

    path = io_utils.ensure_local(uri)

    assert Path(path).read_text() == "x"


def test_paths_of_models_new_and_old(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    (new / "Format-Serving").mkdir(parents=True)
    (old / "serving_model_dir/export/chicago/123").mkdir(parents=True)
    (old / "eval_model_dir/456").mkdir(parents=True)

    assert path_utils.serving_model_path(str(new)) == str(new / "Format-Serving")
    assert path_utils.eval_model_path(str(new)) == str(new / "Format-Serving")
    (new / "Format-TFMA").mkdir()
    (new / "Format-TFMA/saved_model.pb").touch()
    assert path_utils.eval_model_path(str(new)) == str(new / "Format-TFMA")
    assert path_utils.serving_model_path(str(old), is_old_artifact=True) == str(
        old / "serving_model_dir/export/chicago/123"
    )
    assert path_utils.eval_model_path(str(old), True) == str(old / "eval_model_dir/456")  # noqa: FBT003
    assert path_utils.get_model_dir_by_type("/m", "tfma_eval") == "/m/Format-TFMA"
    assert path_utils.get_model_dir_by_type("/m", "tf_keras") == "/m/Format-Serving"
    assert path_utils.stamped_model_path("/m") == "/m/stamped_model"
    assert path_utils.warmup_file_path("/m").endswith("assets.extra/tf_serving_warmup_requests")


class Nest(json_utils.Jsonable):
    """As an author writes it."""

    class Egg(json_utils.Jsonable):
        """A class in a class."""

        def __init__(self, colour: str) -> None:
            self.colour = colour

    def __init__(self, eggs: list[Any]) -> None:
        self.eggs = eggs


def test_json_text_holds_objects_classes_and_messages() -> None:
    value = {
        "nest": Nest([Nest.Egg("blue"), None]),
        "class": Nest.Egg,
        "message": struct_pb2.Value(string_value="x"),
        "plain": [1, 2.5, "ä", None, True, {}],
    }

    back = json_utils.loads(json_utils.dumps(value))

    assert back["nest"].eggs[0].colour == "blue"
    assert back["class"] is Nest.Egg
    assert back["message"] == value["message"]
    assert back["plain"] == value["plain"]
    assert json_utils.dumps({"b": 1, "a": None}) == '{"a": null, "b": 1}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"__tfx_object_type__": "jsonable", "__module__": "os", "__class__": "getcwd"}',
            r"kind 'jsonable' and class <built-in function getcwd>, expected",
        ),
        (
            '{"__tfx_object_type__": "odd", "__module__": "json", "__class__": "JSONDecoder"}',
            r"an object of kind 'odd'",
        ),
        (
            '{"__tfx_object_type__": "proto", "__module__": "google.protobuf.struct_pb2",'
            ' "__class__": "Value"}',
            r"expected .* a 'proto' message with '__proto_value__'",
        ),
    ],
)
def test_wrong_json_text_is_explained(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        json_utils.loads(text)


def test_what_json_cannot_hold_is_explained() -> None:
    with pytest.raises(TypeError, match=r"\{1\} of type set cannot be written as JSON. Use"):
        json_utils.dumps([{1}])


def test_files_of_descriptors_come_with_those_they_import() -> None:
    found = proto_utils.gather_file_descriptors(PROTOS.DESCRIPTOR)

    assert [each.name.rpartition("/")[2] for each in found] == ["any.proto", "example_gen.proto"]


def test_blessings() -> None:
    blessing = standard.ModelBlessing()
    assert not blessings.is_model_blessed(blessing)
    blessing.set_int_custom_property("blessed", 1)
    assert blessings.is_model_blessed(blessing)
    assert blessings.is_infra_validated(blessing)


def test_examples_are_made_of_dicts() -> None:
    example = example_gen_utils.dict_to_example(
        {
            "number": 3,
            "numpy": np.float32(1.5),
            "array": np.array([1, 2]),
            "text": "ä",
            "bytes": b"x",
            "list": ["a", b"b"],
            "nothing": None,
            "zero": 0,
            "empty": [],
        }
    )

    feature = example.features.feature
    assert list(feature["number"].int64_list.value) == [3]
    assert list(feature["numpy"].float_list.value) == [1.5]
    assert list(feature["array"].int64_list.value) == [1, 2]
    assert list(feature["text"].bytes_list.value) == ["ä".encode()]
    assert list(feature["list"].bytes_list.value) == [b"a", b"b"]
    for name in ("nothing", "zero", "empty"):
        assert feature[name].WhichOneof("kind") is None
    with pytest.raises(RuntimeError, match=r"feature 'odd' is \{'a': 1\}, expected numbers"):
        example_gen_utils.dict_to_example({"odd": {"a": 1}})


def test_usual_configs_of_example_gens() -> None:
    one = example_gen_utils.make_default_input_config("*.csv")
    two = PROTOS.Input(splits=[{"name": "a", "pattern": "a"}, {"name": "b", "pattern": "b"}])
    output = example_gen_utils.make_default_output_config(one)

    assert (one.splits[0].name, one.splits[0].pattern) == ("single_split", "*.csv")
    assert [(each.name, each.hash_buckets) for each in output.split_config.splits] == [
        ("train", 2),
        ("eval", 1),
    ]
    assert example_gen_utils.make_default_output_config(two) == PROTOS.Output()
    assert example_gen_utils.generate_output_split_names(one, output) == ["train", "eval"]
    assert example_gen_utils.generate_output_split_names(two, PROTOS.Output()) == ["a", "b"]
    assert example_gen_utils.generate_output_split_names(
        {"splits": [{"name": "x", "pattern": "*"}]}, {}
    ) == ["x"]


@pytest.mark.parametrize(
    ("given", "wanted", "message"),
    [
        ({}, {}, r"the splits are \[\], expected different names, at least one"),
        (
            {"splits": [{"name": "a", "pattern": "x"}] * 2},
            {},
            r"the splits are \['a', 'a'\], expected different names",
        ),
        (
            {"splits": [{"name": "a", "pattern": "x"}] * 2},
            {"split_config": {"splits": [{"name": "b", "hash_buckets": 1}]}},
            r"the output config has splits, and the input config has 2, expected one",
        ),
        (
            {"splits": [{"name": "a", "pattern": "x"}]},
            {"split_config": {"splits": [{"name": "b", "hash_buckets": 0}]}},
            r"expected one with a name and hash_buckets above 0",
        ),
        ({"splits": [{"name": "a", "pattern": ""}]}, {}, r"a name and a pattern"),
    ],
)
def test_wrong_splits_are_explained(given: Any, wanted: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        example_gen_utils.generate_output_split_names(given, wanted)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (["RUNNING", "SUCCEEDED"], ""),
        (["FAILED"], r"the job j is FAILED, expected SUCCEEDED"),
        (["RUNNING"] * 1000, r"the job j did not end within 0:00:00.05"),
    ],
)
def test_a_job_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, states: list[str], message: str
) -> None:
    from google.cloud.aiplatform import pipeline_jobs

    left = iter(states)

    class Job:
        @property
        def state(self) -> str:
            return f"PIPELINE_STATE_{next(left)}"

    monkeypatch.setattr(pipeline_jobs.PipelineJob, "get", lambda **_: Job())
    timeout = datetime.timedelta(seconds=0.05)
    if not message:
        vertex.poll_job_status("j", datetime.timedelta(seconds=60), 0)
        return
    with pytest.raises(RuntimeError, match=message):
        vertex.poll_job_status("j", timeout, 0.01)  # type: ignore[arg-type]
