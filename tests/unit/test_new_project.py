"""`headrace new`: what it writes, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli import new_project
from headrace.cli.main import main
from headrace.cli.new_project import TEMPLATES, write_project
from headrace_components.contract.errors import InputError

FOLDER = Path(new_project.__file__).parents[1] / "project_templates"


def texts(project: Path) -> dict[str, str]:
    files = (each for each in project.rglob("*") if each.is_file())
    return {
        each.relative_to(project).as_posix(): each.read_text("utf-8", "replace") for each in files
    }


def test_every_folder_of_templates_is_offered() -> None:
    folders = {each.name for each in FOLDER.iterdir() if each.is_dir()}

    assert folders == {*TEMPLATES, "common"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_project_has_its_own_name_everywhere_and_no_placeholder(
    tmp_path: Path, template: str
) -> None:
    project = write_project(tmp_path / "late-orders-2", template)

    written = texts(project)
    assert '"late-orders-2"' in written["pipeline.py"]
    assert written["README.md"].startswith("# late-orders-2\n")
    for file, text in written.items():
        assert "my-project" not in text, file
        assert "MY_PROJECT" not in text, file
    for word in ("{about}", "{files}", "{yours}", "\n## about"):
        assert word not in written["README.md"]
    assert {".gitignore", ".github/workflows/test.yml", "tests/test_pipeline.py"} <= set(written)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_readme_names_every_file_of_the_project(tmp_path: Path, template: str) -> None:
    written = texts(write_project(tmp_path / "fraud", template))

    told = {"README.md", ".gitignore", "requirements.txt", "pytest.ini"}
    for file in set(written) - told:
        top = file.split("/")[0]
        named = top if top == file else f"{top}/"
        assert f"`{named}" in written["README.md"], file


@pytest.mark.parametrize("template", sorted({*TEMPLATES} - {"images"}))
def test_the_data_are_those_of_the_script_beside_them(tmp_path: Path, template: str) -> None:
    project = write_project(tmp_path / "fraud", template)
    made = tmp_path / "made"
    (data,) = {each.relative_to(project) for each in [project / "data"]}
    files = sorted(each for each in (project / data).rglob("*") if each.is_file())
    target = made if template == "daily" else made / files[0].name

    subprocess.run([sys.executable, project / "prepare_data.py", target], check=True)

    again = sorted(each for each in made.rglob("*") if each.is_file())
    assert [each.read_bytes() for each in again] == [each.read_bytes() for each in files]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Fraud", "for example 'fraud'"),
        ("fraud_detection 2", "for example 'fraud-detection-2'"),
        ("2fast", "for example 'fast'"),
        ("größe", "for example 'gr-e'"),
        ("a--b", "for example 'a-b'"),
        ("fraud-", "for example 'fraud'"),
        ("x" * 41, f"for example '{'x' * 40}'"),
        ("..", "Choose another."),
        ("❄", "Choose another."),
        ("", "is not a name for a project"),
    ],
)
def test_a_name_that_a_target_would_refuse_is_refused_with_the_rule(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    advice: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    inside = tmp_path / "Inside"
    inside.mkdir()
    monkeypatch.chdir(inside)

    assert main(["new", name]) == 2

    said = capsys.readouterr().err
    assert "expected lower-case letters a to z, digits and single hyphens" in said
    assert advice in said
    assert list(inside.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/pipeline.py").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    for name in ("full", "file", "link"):
        with pytest.raises(InputError, match="already there"):
            write_project(tmp_path / name, "tabular")

    assert (tmp_path / "full/pipeline.py").read_text() == "mine"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "full", "link"]


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    (tmp_path / "fraud").mkdir()

    write_project(tmp_path / "fraud", "text")

    assert (tmp_path / "fraud/pipeline.py").is_file()


def test_what_could_not_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        if self.name == "model.py":
            raise OSError(28, "No space left on device")
        return original(self, content)

    original = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(InputError, match="No space left on device"):
        write_project(tmp_path / "fraud", "tabular")

    assert list(tmp_path.iterdir()) == []


def test_a_project_may_be_made_elsewhere_but_not_in_a_directory_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "My Documents").mkdir()

    assert main(["new", "My Documents/fraud"]) == 0
    said = capsys.readouterr().out
    assert "cd 'My Documents/fraud'" in said
    assert "headrace ui" in said
    assert (tmp_path / "My Documents/fraud/pipeline.py").is_file()

    assert main(["new", "nowhere/fraud"]) == 2
    assert "Make the directory around it" in capsys.readouterr().err


def test_the_files_are_readable_as_the_account_makes_files(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        project = write_project(tmp_path / "fraud", "tabular")
    finally:
        os.umask(before)

    assert project.stat().st_mode & 0o777 == 0o755
    assert (project / "pipeline.py").stat().st_mode & 0o777 == 0o644


def test_the_list_describes_each_template(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(TEMPLATES)
