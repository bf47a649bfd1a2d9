"""The author's code is part of a local cache key, for every source of the code."""

import sys
from pathlib import Path

import pytest

from headrace_components.library.user_code.code_state import code_state
from headrace_components.library.user_code.module_pack import pack
from support.cases import declared


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    write(folder / "acme/__init__.py", "raise AssertionError('nothing is imported')")
    write(folder / "acme/models/train.py", "from acme import features\ndef run_fn(fn_args): ...")
    write(folder / "acme/features.py", "NAMES = ['wing']")
    write(folder / "space/part/train.py", "def run_fn(fn_args): ...")
    write(folder / "single.py", "import beside\ndef run_fn(fn_args): ...")
    write(folder / "beside.py", "SIZE = 1")
    write(folder / "unrelated.py", "SIZE = 1")
    monkeypatch.syspath_prepend(str(folder))
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("dotted", "changed"),
    [
        ("acme.models.train.run_fn", "acme/models/train.py"),
        ("acme.models.train.run_fn", "acme/features.py"),
        ("acme.models.train.run_fn", "acme/new.py"),
        ("space.part.train.run_fn", "space/part/train.py"),
        ("single.run_fn", "single.py"),
        ("single.run_fn", "beside.py"),
    ],
)
def test_a_change_of_the_package_changes_the_state(dotted: str, changed: str, site: Path) -> None:
    states = [code_state({"run_fn": dotted}, "run_fn") for _ in range(2)]
    write(site / changed, "SIZE = 2")
    states.append(code_state({"run_fn": dotted}, "run_fn"))

    assert states[0] == states[1] != states[2]
    assert None not in states
    assert "acme" not in sys.modules


def test_other_files_count_for_nothing(site: Path) -> None:
    before = code_state({"run_fn": "single.run_fn"}, "run_fn")
    write(site / "unrelated.py", "SIZE = 2")
    write(site / "acme/features.py", "NAMES = []")

    assert code_state({"run_fn": "single.run_fn"}, "run_fn") == before


def test_the_state_is_that_of_the_content_and_not_of_the_place(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_state({"run_fn": "acme.models.train.run_fn"}, "run_fn")
    site.rename(tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))

    assert code_state({"run_fn": "acme.models.train.run_fn"}, "run_fn") == before


def test_the_working_directory_goes_first_as_in_the_process_of_a_task(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = code_state({"run_fn": "single.run_fn"}, "run_fn")
    write(tmp_path / "here/single.py", "def run_fn(fn_args): ...")
    monkeypatch.chdir(tmp_path / "here")

    assert code_state({"run_fn": "single.run_fn"}, "run_fn") != installed


@pytest.mark.parametrize("dotted", ["no_such_package.run_fn", "sys.exit", ".run_fn", "run fn"])
def test_code_that_is_not_found_leaves_the_answer_to_a_run(dotted: str) -> None:
    assert code_state({"run_fn": dotted}, "run_fn") is None


def test_a_module_file_counts_with_its_siblings(tmp_path: Path) -> None:
    write(tmp_path / "module.py", "from tfx.examples.birds import base\nimport numpy")
    states = [code_state({"module_file": str(tmp_path / "module.py")})]
    for content in ("SIZE = 1", "SIZE = 2", "this is not Python"):
        write(tmp_path / "base.py", content)
        states.append(code_state({"module_file": f"file://{tmp_path}/module.py"}))

    assert len(set(states) - {None}) == 4


def test_a_module_that_travels_needs_no_state_and_one_behind_a_uri_has_none(site: Path) -> None:
    assert code_state({"module_file": pack({"module.py": "a = 1"}, "module.py")}) == ""
    assert code_state({"run_fn": ""}, "run_fn") == ""
    assert code_state({"module_file": "gs://bucket/module.py"}) is None
    assert code_state({"module_file": str(site / "gone.py")}) is None


@pytest.mark.parametrize(
    ("component", "function"),
    [
        ("filter_examples", "filter_fn"),
        ("filter_examples", "filter_batch_fn"),
        ("trainer", "run_fn"),
        ("transform", "preprocessing_fn"),
        ("transform", "stats_options_updater_fn"),
        ("tuner", "tuner_fn"),
    ],
)
def test_each_component_that_takes_a_dotted_path_has_it_in_its_key(
    component: str, function: str, site: Path
) -> None:
    rules = declared.cache(component)
    before = rules.environment_state({function: "single.run_fn"})
    write(site / "beside.py", "SIZE = 2")

    assert before not in (None, "")
    assert rules.environment_state({function: "single.run_fn"}) != before
