"""Loading user functions: their sources, and the messages for authors about errors."""

import errno
import inspect
import logging
import pickle
import re
import sys
import types
from pathlib import Path

import pytest

from headrace_components.contract.errors import InputError, PlatformError, named
from headrace_components.library.user_code.module_pack import pack
from headrace_components.library.user_code.user_module import (
    call_user_function,
    load_function,
    load_module,
)

SOURCE = "def run_fn(fn_args):\n    return fn_args + 1\n"


def write(folder: Path, name: str, text: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    return str(folder / name)


def test_a_function_comes_from_a_path(tmp_path: Path) -> None:
    run_fn = load_function("trainer", write(tmp_path, "module.py", SOURCE), "run_fn")

    assert run_fn(1) == 2
    assert inspect.getsource(run_fn) == SOURCE


def test_a_function_comes_from_a_uri(tmp_path: Path) -> None:
    uri = f"file://{write(tmp_path, 'module.py', SOURCE)}"

    assert load_function("trainer", uri, "run_fn")(1) == 2


def test_a_function_comes_from_a_pack_with_its_sibling() -> None:
    packed = pack(
        {
            "module.py": "import packed_names\n\n\ndef run_fn(x):\n    return packed_names.N\n",
            "packed_names.py": "N = 41\n",
        },
        "module.py",
    )

    run_fn = load_function("trainer", packed, "run_fn")

    assert run_fn(0) == 41
    assert "packed_names.N" in inspect.getsource(run_fn)


def test_a_function_comes_from_a_dotted_path() -> None:
    assert load_function("trainer", "", "run_fn", "os.path.basename")("a/b") == "b"


def test_siblings_of_two_pipelines_are_not_mixed_up(tmp_path: Path) -> None:
    text = "import features\n\n\ndef run_fn():\n    return features.NAME\n"
    for name in ("flights", "penguins"):
        write(tmp_path / name, "features.py", f"NAME = {name!r}\n")
        write(tmp_path / name, "module.py", text)

    flights = load_function("trainer", str(tmp_path / "flights/module.py"), "run_fn")
    penguins = load_function("trainer", str(tmp_path / "penguins/module.py"), "run_fn")

    assert (flights(), penguins()) == ("flights", "penguins")
    assert str(tmp_path / "flights") not in sys.path


def test_a_changed_sibling_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, "module.py", "from shared import N\n\n\ndef run_fn():\n    return N\n")
    write(tmp_path, "shared.py", "N = 1\n")
    before = load_function("trainer", path, "run_fn")
    write(tmp_path, "shared.py", "N = 1_000\n")

    assert (before(), load_function("trainer", path, "run_fn")()) == (1, 1000)


def test_a_module_keeps_clear_of_an_installed_one_and_can_be_pickled(tmp_path: Path) -> None:
    module = load_module("trainer", write(tmp_path, "json.py", SOURCE))

    assert sys.modules["json"] is not module
    assert pickle.loads(pickle.dumps(module.run_fn)) is module.run_fn


def test_a_relative_path_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "module.py", SOURCE)
    monkeypatch.chdir(tmp_path)

    assert load_function("trainer", "module.py", "run_fn")(1) == 2


@pytest.mark.parametrize(
    ("module_file", "dotted", "message"),
    [
        ("", "", r"trainer: neither `module_file` nor `run_fn` are given, expected one"),
        ("module.py", "a.run_fn", r"trainer: both `module_file` and `run_fn` are given"),
        ("", "run_fn", r"trainer: `run_fn` is 'run_fn', expected a dotted path"),
        ("", "no_such.module.run_fn", r"importing no_such.module raised ModuleNotFoundError"),
        ("", "os.path.bassename", r"has no function 'bassename'.*Rename 'basename'"),
        ("gone.py", "", r"`module_file` is 'gone.py', which is not a file"),
    ],
)
def test_a_function_that_cannot_be_found_is_explained(
    module_file: str, dotted: str, message: str
) -> None:
    with pytest.raises(InputError, match=message), named("trainer"):
        load_function("trainer", module_file, "run_fn", dotted)


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "module.py", "import os\n\ndef run_fn(fn_args)\n    pass\n")

    with (
        pytest.raises(
            InputError,
            match=r"trainer: module.py, line 3 is not Python: .*: 'def run_fn\(fn_args\)'",
        ),
        named("trainer"),
    ):
        load_function("trainer", path, "run_fn")


def test_a_syntax_error_of_a_sibling_names_the_sibling(tmp_path: Path) -> None:
    write(tmp_path, "helper.py", "x = (\n")
    path = write(tmp_path, "module.py", "import helper\n")

    with (
        pytest.raises(InputError, match=r"trainer: helper.py, line 1 is not Python"),
        named("trainer"),
    ):
        load_function("trainer", path, "run_fn")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_bytes(b"x = '\xff\xfe'\n")

    with pytest.raises(InputError, match=r"module.py.*codec can't decode"):
        load_function("trainer", str(tmp_path / "module.py"), "run_fn")


def test_an_exception_at_import_names_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "module.py", "import os\nimport no_such_library\n")

    with (
        pytest.raises(
            InputError,
            match=r"trainer: importing module.py raised ModuleNotFoundError at module.py, "
            r"line 2: No module named 'no_such_library'\. Install the package in this "
            r"environment, for example with `pip install no_such_library`. In a cluster .* "
            r"docs/images.md says how",
        ),
        named("trainer"),
    ):
        load_function("trainer", path, "run_fn")


def test_a_missing_function_names_the_nearest_and_all_there_are(tmp_path: Path) -> None:
    path = write(tmp_path, "module.py", "def run_fm(x): ...\n\n\ndef input_fn(x): ...\n")

    with (
        pytest.raises(
            InputError,
            match=r"trainer: module.py has no function 'run_fn'; it defines \['input_fn', "
            r"'run_fm'\]\. Rename 'run_fm' to 'run_fn'\.",
        ),
        named("trainer"),
    ):
        load_function("trainer", path, "run_fn")


def test_a_name_that_is_no_function_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "module.py", "run_fn = 3\n")

    with pytest.raises(InputError, match=r"'run_fn' in module.py is of type int, expected a func"):
        load_function("trainer", path, "run_fn")


def test_an_exception_in_user_code_names_its_innermost_user_frame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "inner.py", "import json\n\n\ndef parse(text):\n    return json.loads(text)\n")
    path = write(
        tmp_path, "module.py", "import inner\n\n\ndef run_fn(text):\n    return inner.parse(text)\n"
    )
    run_fn = load_function("trainer", path, "run_fn")

    with (
        caplog.at_level(logging.INFO),
        pytest.raises(
            InputError,
            match=r"trainer: run_fn raised JSONDecodeError at inner.py, line 5: Expecting value",
        ) as caught,
        named("trainer"),
    ):
        call_user_function("trainer", run_fn, "no json")

    assert "\n" not in str(caught.value)
    assert "json/decoder.py" in caplog.text


def test_a_wrong_number_of_arguments_names_the_functions_own_line(tmp_path: Path) -> None:
    run_fn = load_function(
        "trainer", write(tmp_path, "module.py", "\ndef run_fn():\n    ...\n"), "run_fn"
    )

    with pytest.raises(
        InputError, match=r"run_fn raised TypeError at module.py, line 2: run_fn\(\)"
    ):
        call_user_function("trainer", run_fn, object())


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("", "no message"),
        ("first\n\nsecond", "first second. Correct the code there"),
        (
            "Exception encountered when calling Functional.call().\n\n\x1b[1mInput 0 of layer is "
            "of shape (None, 3)\x1b[0m\n\nArguments received:\n  • inputs=x",
            "Exception encountered when calling Functional.call(). Input 0 of layer is of shape "
            "(None, 3) Arguments received: • inputs=x. Correct",
        ),
        ("\n".join("abcdefghijkl"), "a b c d e f g h i j [...]. Correct"),
        (
            'in user code:\n\n    File "/m.py", line 3, in f  *\n        x = g(y)\n'
            '    File "/m.py", line 9, in g  *\n        return 1 / 0\n\n'
            "    ZeroDivisionError: division by zero\n",
            "ZeroDivisionError: division by zero. Correct",
        ),
        ("{{function_node __wrapped__MatMul}} Matrix size-incompatible", "Matrix size-incomp"),
        (
            "Graph execution error:\n\nDetected at node late (most recent call last):\n"
            "  File module.py, line 3\n\nlogits and labels differ\n\t [[{{node late}}]]",
            "logits and labels differ",
        ),
        ("{{node x}} InputError: trainer: feature 'hour' holds int64\nTrace", "trainer: feature"),
    ],
)
def test_of_a_message_of_many_lines_the_telling_one_is_kept(raised: str, told: str) -> None:
    def run_fn(_: object) -> None:
        raise ValueError(raised)

    with pytest.raises(InputError, match=rf"line \d+: {re.escape(told)}"):
        call_user_function("trainer", run_fn, object())


@pytest.mark.parametrize(
    "text",
    [
        "    return rows['specie']",
        "    label = rows.pop('specie')",
        "    return {'ü': [\n        rows[\n            'specie'\n        ]]}",
        "    kept = {'rows': 1}\n    given = type('G', (), {})()\n    given.rows = rows\n"
        "    return given.rows['specie']",
    ],
)
def test_a_missing_column_is_told_with_those_that_there_are(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, "module.py", f"def run_fn(rows):\n{text}\n")
    run_fn = load_function("trainer", path, "run_fn")

    with pytest.raises(
        InputError,
        match=r"run_fn raised KeyError at module.py, line \d: 'specie', which is not among "
        r"\['island', 'species'\]. Did you mean 'species'\? Correct the code there",
    ):
        call_user_function("trainer", run_fn, {"species": 1, "island": 2})


@pytest.mark.parametrize(
    ("attribute", "told"),
    [
        ("mode_dir", r"no attribute 'mode_dir'\. Did you mean 'model_dir'\? Correct"),
        ("unlike", r"no attribute 'unlike'\. Correct"),
    ],
)
def test_a_misspelt_attribute_gets_the_near_name(attribute: str, told: str, tmp_path: Path) -> None:
    text = f"def run_fn(fn_args):\n    return fn_args.{attribute}\n"
    run_fn = load_function("trainer", write(tmp_path, "module.py", text), "run_fn")

    with pytest.raises(InputError, match=rf"AttributeError at module.py, line 2: .*{told}"):
        call_user_function("trainer", run_fn, types.SimpleNamespace(model_dir="x"))


def test_a_callable_object_is_named_by_its_type(tmp_path: Path) -> None:
    text = "class Train:\n    def __call__(self, _):\n        raise ValueError('no')\n"
    path = write(tmp_path, "module.py", f"{text}\n\nrun_fn = Train()\n")

    with (
        pytest.raises(InputError, match=r"trainer: an object of type Train raised ValueError at"),
        named("trainer"),
    ):
        call_user_function("trainer", load_function("trainer", path, "run_fn"), object())


def test_a_helper_for_sparse_tensors_is_told_why_its_tensor_is_dense(tmp_path: Path) -> None:
    text = "class SymbolicTensor: ...\n\n\ndef run_fn(x):\n    return SymbolicTensor().indices\n"
    run_fn = load_function("transform", write(tmp_path, "module.py", text), "run_fn")

    with pytest.raises(InputError, match=r"dense and not sparse: .* infer_feature_shape=False to"):
        call_user_function("transform", run_fn, 1)


def test_a_key_that_the_author_raises_is_told_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "module.py", "def run_fn(rows):\n    raise KeyError(rows['a'])\n")
    run_fn = load_function("trainer", path, "run_fn")

    with pytest.raises(InputError, match=r"KeyError at module.py, line 2: 'b'\. Correct"):
        call_user_function("trainer", run_fn, {"a": "b"})


def test_a_function_that_exits_the_process_is_a_failure(tmp_path: Path) -> None:
    text = "import sys\n\n\ndef run_fn(fn_args):\n    sys.exit(0)\n"
    run_fn = load_function("trainer", write(tmp_path, "module.py", text), "run_fn")

    with pytest.raises(InputError, match=r"run_fn raised SystemExit at module.py, line 5"):
        call_user_function("trainer", run_fn, object())


def test_a_full_disk_in_user_code_is_the_platforms_failure() -> None:
    def run_fn(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/checkpoints")

    with (
        pytest.raises(PlatformError, match=r"trainer: the disk is full while in run_fn"),
        named("trainer"),
    ):
        call_user_function("trainer", run_fn, object())


KERAS_OF_TWO_VERSIONS = """
import keras
import numpy as np
import tf_keras


def run_fn(fn_args):
    model = tf_keras.Sequential([tf_keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: None)
    model.fit(np.ones((4, 1)), np.ones((4, 1)), callbacks=[callback], verbose=0)
"""


@pytest.mark.slow
def test_an_object_of_another_version_of_keras_is_told_as_such(tmp_path: Path) -> None:
    run_fn = load_function("trainer", write(tmp_path, "m.py", KERAS_OF_TWO_VERSIONS), "run_fn")

    with pytest.raises(
        InputError, match=r"m\.py, line 11: .* One is of Keras 3, as `import keras`"
    ):
        call_user_function("trainer", run_fn, None)
