"""Contract of import_schema_gen: what goes in, what lies on disk afterwards, what it refuses."""

from pathlib import Path

import pytest

from launcher import Launcher, Rules, TaskFailedError

SCHEMA = '# From the data team.\nfeature { name: "fare" type: FLOAT }\n'


def test_the_schema_is_copied_with_its_comments(launcher: Launcher, tmp_path: Path) -> None:
    source = tmp_path / "curated.pbtxt"
    source.write_text(SCHEMA, "utf-8")

    outcome = launcher.run("import_schema_gen", {"schema_file": str(source)})

    assert (outcome["schema"].path / "schema.pbtxt").read_text("utf-8") == SCHEMA


@pytest.mark.parametrize("rules", ["kfp-2.17", "kfp-next", "vertex"])
def test_the_entry_point_keeps_each_backends_rules(rules: Rules, tmp_path: Path) -> None:
    source = tmp_path / "curated.pbtxt"
    source.write_text(SCHEMA, "utf-8")
    launcher = Launcher(root=tmp_path / "launcher", rules=rules, subprocess=True)

    outcome = launcher.run("import_schema_gen", {"schema_file": str(source)})

    assert (outcome["schema"].path / "schema.pbtxt").is_file()


def test_a_file_that_is_no_schema_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    source = tmp_path / "notes.txt"
    source.write_text("fare is a float", "utf-8")

    with pytest.raises(TaskFailedError, match=r"import_schema_gen: .*notes.txt is not a schema"):
        launcher.run("import_schema_gen", {"schema_file": str(source)})


def test_a_missing_file_is_named(launcher: Launcher) -> None:
    with pytest.raises(TaskFailedError, match=r"`schema_file` is 'gone.pbtxt', which is no file"):
        launcher.run("import_schema_gen", {"schema_file": "gone.pbtxt"})
