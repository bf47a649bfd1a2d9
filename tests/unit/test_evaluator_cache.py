"""A baseline that is not used is not part of the cache key."""

from pathlib import Path

from headrace_components.evaluator.baselines import relevant_inputs
from headrace_components.library.user_code.code_state import code_state
from headrace_components.library.user_code.module_pack import pack


def test_a_baseline_without_a_model_is_left_out(tmp_path: Path) -> None:
    inputs = {"model": ["/m"], "baseline_model": [str(tmp_path)], "examples": ["/e"]}

    assert relevant_inputs(inputs) == {"model": ["/m"], "examples": ["/e"]}


def test_a_baseline_that_is_the_candidate_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "Format-Serving").mkdir()
    inputs = {"model": [str(tmp_path)], "baseline_model": [str(tmp_path)]}

    assert relevant_inputs(inputs) == {"model": [str(tmp_path)]}


def test_another_model_and_a_remote_one_are_kept(tmp_path: Path) -> None:
    (tmp_path / "Format-Serving").mkdir()
    for baseline in (str(tmp_path), f"file://{tmp_path}", "gs://bucket/model"):
        inputs = {"model": ["/m"], "baseline_model": [baseline]}
        assert relevant_inputs(inputs) == inputs


def test_a_module_file_is_part_of_the_key(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("a = 1", "utf-8")
    before = code_state({"module_file": str(module)})
    module.write_text("a = 22", "utf-8")

    assert before
    assert code_state({"module_file": str(module)}) != before


def test_a_packed_module_needs_no_file() -> None:
    packed = pack({"module.py": "a = 1"}, "module.py")

    assert code_state({"module_file": packed}) == code_state({}) == ""
