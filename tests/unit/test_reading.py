"""One reader for nested data: both spellings, whole numbers, and messages about mistakes."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from headrace_components.contract.errors import InputError
from headrace_components.contract.messages import Messages
from headrace_components.contract.parameters import read as read_parameters
from headrace_components.contract.reading import MESSAGE, PARAMETERS, given, nearest, read


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    split_name: str = ""
    hash_buckets: int = 0
    feature_names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitConfig:
    splits: tuple[Share, ...] = ()
    is_sorted: bool = False
    sample_rate: float = 1.0
    seed_value: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputConfig:
    split_config: SplitConfig = SplitConfig()
    other_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Params:
    output_config: OutputConfig = OutputConfig()
    num_rows: int = 0


EXPECTED = OutputConfig(
    split_config=SplitConfig(
        splits=(Share(split_name="train", hash_buckets=2, feature_names=("a",)), Share()),
        is_sorted=True,
        sample_rate=1.0,
        seed_value=7,
    ),
    other_options={"maxRows": 3, "deep": [{"n": 5}]},
)
BY_PROTO = {
    "split_config": {
        "splits": [{"split_name": "train", "hash_buckets": 2, "feature_names": ["a"]}, {}],
        "is_sorted": True,
        "sample_rate": 1,
        "seed_value": 7,
    },
    "other_options": {"maxRows": 3.0, "deep": [{"n": 5.0}]},
}
BY_JSON = {
    "splitConfig": {
        "splits": [{"splitName": "train", "hashBuckets": "2", "featureNames": ["a"]}, {}],
        "isSorted": True,
        "sampleRate": 1.0,
        "seedValue": 7.0,
    },
    "otherOptions": {"maxRows": 3.0, "deep": [{"n": 5.0}]},
}


@pytest.mark.parametrize("values", [BY_PROTO, BY_JSON])
def test_both_spellings_are_read_at_each_depth(values: dict[str, Any]) -> None:
    assert read(OutputConfig, values, "output_config", MESSAGE) == EXPECTED
    params = read_parameters(Params, {"output_config": values, "num_rows": 4.0}, "test")
    assert params == Params(output_config=EXPECTED, num_rows=4)


def test_what_is_absent_or_null_has_its_default() -> None:
    assert read(OutputConfig, {}, "output_config", MESSAGE) == OutputConfig()
    nulls = {"splitConfig": {"splits": None, "isSorted": None, "seed_value": None}}
    assert read(OutputConfig, nulls, "output_config", MESSAGE) == OutputConfig()


def test_parameters_have_one_spelling_and_no_null() -> None:
    with pytest.raises(InputError, match=r"test: unknown parameters \['numRows'\]; it knows"):
        read_parameters(Params, {"numRows": 4}, "test")
    with pytest.raises(InputError, match="test: parameter `num_rows` is null, expected an integer"):
        read_parameters(Params, {"num_rows": None}, "test")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"split_confg": {}},
            r"`output_config` has fields \['split_confg'\], expected only \['other_options', "
            r"'split_config'\]. Did you mean 'split_config'\?",
        ),
        (
            {"zzz": 1, "yyy": 2},
            r"has fields \['yyy', 'zzz'\], expected only .* Correct their names, or leave",
        ),
        (
            {"splitConfig": {"spilts": []}},
            r"`output_config.splitConfig` has fields \['spilts'\], .* Did you mean 'splits'\?",
        ),
        (
            {"split_config": {"splits": [{}, {"name": "a"}]}},
            r"`output_config.split_config.splits\[1\]` has fields \['name'\].* 'split_name'\?",
        ),
        (
            {"split_config": {}, "splitConfig": {}},
            "`output_config` has the field 'split_config' in two spellings. Keep one.",
        ),
        (
            {"splitConfig": {"isSorted": True, "is_sorted": True}},
            "`output_config.splitConfig` has the field 'is_sorted' in two spellings",
        ),
        ({"split_config": 3}, "`output_config.split_config` is 3, expected an object with the"),
        ({"split_config": {"splits": {}}}, r"`splits` of `output_config.split_config` is \{\}, .*"),
        ({"split_config": {"splits": ["a"]}}, r"`output_config.split_config.splits\[0\]` is 'a'"),
        (
            {"split_config": {"splits": [{"hash_buckets": 1.5}]}},
            r"`hash_buckets` of `output_config.split_config.splits\[0\]` is 1.5, expected a whole",
        ),
        ({"split_config": {"seed_value": -1}}, "is -1, expected a whole number of 0 or more"),
        ({"split_config": {"seed_value": True}}, "is True, expected a whole number"),
        ({"split_config": {"is_sorted": "yes"}}, "is 'yes', expected true or false"),
        ({"split_config": {"sample_rate": "x"}}, "is 'x', expected a number"),
        (
            {"split_config": {"splits": [{"featureNames": ["a", 1.0]}]}},
            r"`feature_names\[1\]` of `output_config.split_config.splits\[0\]` is 1, expected a",
        ),
        ({"split_config": {"seed_value": -1.0}}, "is -1, expected a whole number of 0 or more"),
        ({"other_options": []}, r"`other_options` of `output_config` is \[\], expected an object"),
    ],
)
def test_faults_are_refused_with_their_place(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=f"^{reason}" if reason.startswith("`") else reason):
        read(OutputConfig, values, "output_config", MESSAGE)
    with pytest.raises(InputError, match=f"test: .*{reason}"):
        read_parameters(Params, {"output_config": values}, "test")


def test_what_was_given_is_shown_as_its_author_wrote_it() -> None:
    values = {
        "splitConfig": {"splits": [{"splitName": "a"}], "sampleRate": 2.0},
        "otherOptions": {"n": 5.0},
    }
    message = read(OutputConfig, values, "output_config", MESSAGE)

    assert str(given(message)) == (
        "{'split_config': {'splits': [{'split_name': 'a'}], 'sample_rate': 2}, "
        "'other_options': {'n': 5}}"
    )


def test_a_message_may_have_words_of_its_own() -> None:
    @dataclass(frozen=True, kw_only=True, slots=True)
    class TrainArgs:
        num_steps: int = 0

    style = dataclasses.replace(MESSAGE, otherwise="Pass anything else in `custom_config`.")
    with pytest.raises(InputError, match="Pass anything else in `custom_config`"):
        read(TrainArgs, {"zzz": 5}, "train_args", style)


def test_the_nearest_name_is_found() -> None:
    assert nearest("AUC", ["Accuracy", "auc"]) == "auc"
    assert nearest("numsteps", ["num_steps", "splits"]) == "num_steps"
    assert nearest("x", ["num_steps", "splits"]) is None
    assert PARAMETERS.similar == ""


def test_tables_of_a_library_are_read_by_the_same_rules() -> None:
    tables = {
        "Outer": {"inner_message": "list message Inner", "by_name": "map message Inner"},
        "Inner": {"num_rows": "integer", "outer_message": "message Outer"},
    }
    messages = Messages("test", tables)
    values = {
        "innerMessage": [{"numRows": "3"}, {"outer_message": {"byName": {"a": {"numRows": 1.0}}}}],
    }

    assert messages.read(values, "Outer", "config") == {
        "inner_message": [{"num_rows": 3}, {"outer_message": {"by_name": {"a": {"num_rows": 1}}}}]
    }
    with pytest.raises(InputError, match=r"test: config.innerMessage\[0\] has the field 'num_row'"):
        messages.read({"innerMessage": [{"num_row": 3}]}, "Outer", "config")
    with pytest.raises(InputError, match="config has the field 'num_rows' in two"):
        messages.read({"num_rows": 3, "numRows": 3}, "Inner", "config")
