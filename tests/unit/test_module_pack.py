"""Packing a module file into a parameter, and unpacking it."""

import pytest

from headrace_components.contract.errors import InputError, named
from headrace_components.library.user_code.module_pack import is_packed, pack, unpack

FILES = {
    "module.py": "from features import LABEL\n\n\ndef run_fn(fn_args):\n    'Zürich'\n",
    "features.py": "LABEL = 'late'\n",
}


def test_what_is_packed_comes_back_whole() -> None:
    text = pack(FILES, "module.py")

    assert is_packed(text)
    assert "\n" not in text
    assert unpack(text) == ("module.py", FILES)


def test_the_same_files_give_the_same_text_in_any_order() -> None:
    backwards = dict(reversed(FILES.items()))

    assert pack(FILES, "module.py") == pack(backwards, "module.py")
    assert pack(FILES, "module.py") != pack({**FILES, "features.py": "LABEL = 1\n"}, "module.py")


@pytest.mark.parametrize("path", ["module.py", "gs://bucket/module.py", "/home/headrace/module.py"])
def test_a_path_or_uri_is_not_packed(path: str) -> None:
    assert not is_packed(path)


def test_the_entry_must_be_among_the_files() -> None:
    with pytest.raises(InputError, match=r"the entry 'train.py' is not among the files \['feat"):
        pack(FILES, "train.py")


@pytest.mark.parametrize(
    "name", ["../module.py", "/etc/x.py", "a//b.py", "a/../b.py", "notes.txt", "3d.py"]
)
def test_a_name_that_is_no_plain_module_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"are not names of Python modules"):
        pack({"module.py": "", name: ""}, "module.py")


def test_a_text_that_was_cut_short_is_refused() -> None:
    with (
        pytest.raises(InputError, match=r"trainer: the packed module 'module.py' was changed"),
        named("trainer"),
    ):
        unpack(pack(FILES, "module.py")[:-8])


def test_content_that_does_not_match_its_digest_is_refused() -> None:
    head, _, _ = pack(FILES, "module.py").rpartition(":")
    _, _, other = pack({"module.py": "import os\n"}, "module.py").rpartition(":")

    with pytest.raises(InputError, match=r"its SHA-256 is \w{12}, expected \w{12}\. Compile"):
        unpack(f"{head}:{other}")


def test_a_name_that_leaves_its_directory_is_refused() -> None:
    honest = pack({"module.py": "", "xxxxevil.py": ""}, "module.py")
    text = honest.replace(":module.py:", ":../module.py:", 1)

    with pytest.raises(InputError, match=r"was changed after it was packed: it holds"):
        unpack(text)


def test_another_version_of_the_format_is_named() -> None:
    text = pack(FILES, "module.py").replace(":v1:", ":v3:", 1)

    with pytest.raises(InputError, match=r"starts with 'headrace-module:v3:module.py:.*expected"):
        unpack(text)
