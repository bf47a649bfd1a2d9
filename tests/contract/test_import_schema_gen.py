"""Contract of import_schema_gen: its inputs, its files, and what it refuses."""

from pathlib import Path

import pytest

from support.launcher.entry_points import Launcher, Outcome, TaskFailedError

SCHEMA = '# From the data team.\nfeature { name: "fare" type: FLOAT }\n'


def test_the_schema_is_copied_with_its_comments(launcher: Launcher, tmp_path: Path) -> None:
    source = tmp_path / "curated.pbtxt"
    source.write_text(SCHEMA, "utf-8")

    outcome = launcher.run("import_schema_gen", {"schema_file": str(source)})

    assert (outcome["schema"].path / "schema.pbtxt").read_text("utf-8") == SCHEMA


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    source = tmp_path / "curated.pbtxt"
    source.write_text(SCHEMA, "utf-8")
    outcome = launcher.run("import_schema_gen", {"schema_file": str(source)})

    assert (outcome["schema"].path / "schema.pbtxt").is_file()
    return outcome


def test_a_file_that_is_no_schema_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    source = tmp_path / "notes.txt"
    source.write_text("fare is a float", "utf-8")

    with pytest.raises(TaskFailedError, match=r"import_schema_gen: .*notes.txt is not a schema"):
        launcher.run("import_schema_gen", {"schema_file": str(source)})


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("", r"feature 'fare' of the schema .*s.pbtxt has no `type`, expected INT, FLOAT or BYTES"),
        ("type: FLOAT shape {}", r"has a `shape`, but `presence` does not say .* min_fraction: 1"),
        ("type: STRUCT", r"is of type STRUCT, .* '##SEQUENCE##'. Declare the features within it"),
    ],
)
def test_a_schema_that_no_tensor_can_be_made_of_is_refused(
    feature: str, message: str, launcher: Launcher, tmp_path: Path
) -> None:
    source = tmp_path / "s.pbtxt"
    source.write_text(f'feature {{ name: "fare" {feature} }}', "utf-8")

    with pytest.raises(TaskFailedError, match=message):
        launcher.run("import_schema_gen", {"schema_file": str(source)})


@pytest.mark.parametrize(
    "text",
    [
        'feature { name: "fare" lifecycle_stage: DEPRECATED }',
        'feature { name: "fare" type: FLOAT shape {} presence { min_fraction: 1.0 } }',
        'feature { name: "##SEQUENCE##" type: STRUCT struct_domain { '
        'feature { name: "a" type: INT } } }',
        'feature { name: "i" type: INT shape {} } feature { name: "v" type: FLOAT shape {} } '
        'sparse_feature { name: "s" index_feature { name: "i" } value_feature { name: "v" } }',
    ],
)
def test_what_transform_can_read_is_taken(text: str, launcher: Launcher, tmp_path: Path) -> None:
    source = tmp_path / "s.pbtxt"
    source.write_text(text, "utf-8")

    assert launcher.run("import_schema_gen", {"schema_file": str(source)})["schema"].path.is_dir()


def test_a_missing_file_is_named(launcher: Launcher) -> None:
    with pytest.raises(
        TaskFailedError, match=r"`schema_file` is 'gone.pbtxt', which is not a file"
    ):
        launcher.run("import_schema_gen", {"schema_file": "gone.pbtxt"})


def test_a_schema_may_be_a_parameter(launcher: Launcher) -> None:
    given = {"feature": [{"name": "fare", "type": "FLOAT", "presence": {"min_count": "1"}}]}

    outcome = launcher.run("import_schema_gen", {"schema_json": given})

    text = (outcome["schema"].path / "schema.pbtxt").read_text("utf-8")
    assert " ".join(text.split()) == (
        'feature { name: "fare" type: FLOAT presence { min_count: 1 } }'
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "got no schema, expected one"),
        (
            {"schema_json": {"feature": [{"name": "a"}]}, "schema_file": "s.pbtxt"},
            "got both `schema_file` and `schema_json`, expected one",
        ),
        ({"schema_json": {"features": []}}, "`schema_json` is not a schema: .*features"),
        (
            {"schema_json": {"feature": [{"name": "a"}]}},
            "feature 'a' of the schema `schema_json` has no",
        ),
    ],
)
def test_schemas_that_are_none_are_refused(
    given: dict[str, object], message: str, launcher: Launcher
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        launcher.run("import_schema_gen", given)
