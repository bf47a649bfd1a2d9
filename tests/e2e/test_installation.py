"""The result of installing the wheel, in separate environments, with packages from the index."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from support.programs.tensorboards import scalar_tags

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
ADVICE = "pip install 'headrace[embedded]'"


def call(
    command: Sequence[object], directory: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    # Without packages from the environment of the tests.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(word) for word in command],
        cwd=directory,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def succeed(command: Sequence[object], directory: Path) -> str:
    result = call(command, directory)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return result.stdout + result.stderr


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    # Not pytest's directory, which would keep the gigabytes of several runs.
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="module")
def wheel(directory: Path) -> Path:
    build = [
        UV,
        "build",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
    ]
    succeed([*build, "--out-dir", directory / "wheel", REPOSITORY], directory)
    (built,) = (directory / "wheel").glob("headrace-*.whl")
    return built


@pytest.fixture(scope="module")
def penguins(directory: Path) -> Path:
    """A directory with only the pipeline, its module and its data."""
    copy = directory / "penguins"
    copy.mkdir()
    for name in ("pipeline.py", "module.py"):
        shutil.copy(REPOSITORY / "examples/penguins" / name, copy)
    script = REPOSITORY / "examples/penguins/prepare_data.py"
    subprocess.run([sys.executable, script, copy / "data/penguins.csv"], check=True)
    return copy


def test_the_wheel_has_types_for_editors_and_checkers(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {f"headrace{each}/py.typed" for each in ("", "_components", "_tfx")} <= names
    assert "headrace_components/catalog.pyi" in names


def test_the_wheel_has_what_the_pages_are_made_of(wheel: Path) -> None:
    pages = REPOSITORY / "compiler/headrace/ui"
    files = {path for folder in ("templates", "static") for path in (pages / folder).rglob("*.*")}
    expected = {f"headrace/ui/{path.relative_to(pages)}" for path in files}

    assert len(expected) > 20
    assert expected <= set(zipfile.ZipFile(wheel).namelist())


def environment(at: Path, *packages: str | Path) -> Path:
    """Makes a virtual environment of this Python, with the newest pip, and returns its `bin`."""
    succeed([UV, "venv", "--seed", "--python", sys.executable, at], at.parent)
    if packages:
        succeed([UV, "pip", "install", "--python", at / "bin/python", *packages], at.parent)
    return at / "bin"


def test_what_pip_resolves_runs_the_penguins_without_the_source_tree(
    directory: Path, wheel: Path, penguins: Path
) -> None:
    bin_ = environment(directory / "embedded")
    report = directory / "resolved.json"

    # An installation with pip would take two more minutes, and find the same.
    pip = [
        bin_ / "python",
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--report",
        report,
    ]
    said = succeed([*pip, f"{wheel}[embedded]"], directory)

    # pip's message after a dozen versions of one package.
    assert "This is taking longer than usual" not in said
    resolved = [
        f"{package['metadata']['name']}=={package['metadata']['version']}"
        for package in json.loads(report.read_text("utf-8"))["install"]
        if package["metadata"]["name"] != "headrace"
    ]
    install = [UV, "pip", "install", "--no-deps", "--python", bin_ / "python"]
    succeed([*install, wheel, *resolved], directory)

    checks = json.loads(call([bin_ / "headrace", "doctor", "--json"], directory).stdout)["checks"]
    (embedded,) = (check for check in checks if check["name"] == "Embedded environment")
    assert embedded["state"] == "ok", embedded

    headrace = [
        bin_ / "headrace",
        "run",
        "pipeline.py",
        "-pdata=data",
        "-ptrain_steps=150",
    ]
    said = succeed(headrace, penguins)
    (version,) = (penguins / "serving/penguins").iterdir()
    assert f"Pushed model: {version}" in said
    (run,) = json.loads(succeed([bin_ / "headrace", "lineage", "runs", "--json"], penguins))
    assert run["state"] == "complete"
    (model_run,) = penguins.glob("headrace_root/penguins/*/trainer/model_run")
    assert "epoch_loss" in scalar_tags(bin_ / "python", model_run)["train"]


@pytest.mark.parametrize(
    ("python", "platform", "generation"),
    [
        ("3.11", "x86_64-manylinux_2_36", "1.16"),
        ("3.11", "x86_64-manylinux_2_39", "1.16"),
        ("3.12", "x86_64-manylinux_2_39", "1.21"),
        ("3.13", "x86_64-manylinux_2_39", "1.21"),
        ("3.12", "aarch64-apple-darwin", "1.21"),
        ("3.13", "aarch64-apple-darwin", "1.21"),
    ],
)
def test_each_python_resolves_to_one_generation_of_tfx(
    tmp_path: Path, wheel: Path, python: str, platform: str, generation: str
) -> None:
    wanted = tmp_path / "wanted.in"
    wanted.write_text(f"headrace[embedded] @ {wheel.as_uri()}\n", "utf-8")
    resolve = [
        UV,
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--no-annotate",
        wanted,
    ]
    said = succeed([*resolve, "--python-version", python, "--python-platform", platform], tmp_path)
    versions = dict(line.split("==") for line in said.splitlines() if "==" in line)
    names = ("tfx-bsl", "tensorflow-data-validation", "tensorflow-transform")
    assert {versions[name].rpartition(".")[0] for name in names} == {generation}


def test_the_lock_for_macos_has_the_versions_of_linux() -> None:
    locks = REPOSITORY / "images/local"
    linux, macos = (
        dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (locks / name).read_text("utf-8"), re.M))
        for name in ("tfx-1.21.lock", "tfx-1.21-macos.lock")
    )
    # Two are for the passwords of a Linux desktop, and one keeps macOS from slowing a kernel down.
    assert linux.keys() - macos.keys() == {"jeepney", "secretstorage"}
    assert macos.keys() - linux.keys() == {"appnope"}
    assert {name: macos[name] for name in linux.keys() & macos.keys()} == {
        name: linux[name] for name in linux.keys() & macos.keys()
    }


@pytest.fixture(scope="module")
def base(directory: Path, wheel: Path) -> Path:
    """The `bin` directory of an environment with Headrace, without its extras."""
    return environment(directory / "base", wheel)


@pytest.fixture(scope="module")
def compiled(base: Path, penguins: Path) -> Path:
    file = penguins / "penguins.json"
    succeed(
        [base / "headrace", "compile", "pipeline.py", "--target", "local", "-o", file], penguins
    )
    return file


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "pipeline.py"],
        ["run", "penguins.json"],
        ["run", "penguins.json", "--runner", "process"],
        ["run", "--resume", "20260101-000000-abcdef"],
        ["lineage", "runs"],
    ],
    ids=" ".join,
)
def test_without_the_extra_a_command_says_what_to_install(
    base: Path, penguins: Path, compiled: Path, tmp_path: Path, arguments: list[str]
) -> None:
    root = tmp_path / "root"
    result = call([base / "headrace", arguments[0], "--root", root, *arguments[1:]], penguins)

    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: ")
    assert ADVICE in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not root.exists()


def test_without_the_extra_a_run_from_python_says_what_to_install(
    base: Path, penguins: Path, compiled: Path
) -> None:
    result = call(
        [base / "python", "-c", f"import headrace; headrace.run({compiled.name!r})"], penguins
    )
    assert "InputError: headrace run: " in result.stderr
    assert ADVICE in result.stderr


def test_without_the_extra_the_doctor_says_what_to_install(base: Path, penguins: Path) -> None:
    result = call([base / "headrace", "doctor", "--json"], penguins)
    assert result.returncode == 0, result.stderr
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert checks["Embedded environment"]["state"] == "missing"
    assert ADVICE in checks["Embedded environment"]["advice"]


def test_images_are_built_from_the_wheel_as_from_the_source_tree(
    base: Path, directory: Path, wheel: Path
) -> None:
    shown = """
from headrace.images.places import building_from, definitions_root
import hashlib, json, os
with building_from(definitions_root()) as root:
    tree = root.parent
    files = [each for each in sorted(tree.rglob("*")) if each.is_file()]
    print(json.dumps({
        str(each.relative_to(tree)): [
            hashlib.sha256(each.read_bytes()).hexdigest(), each.stat().st_mode & 0o111
        ] for each in files
    }))
print(tree.exists())
"""
    said = succeed([base / "python", "-c", shown], directory).splitlines()
    built = json.loads(said[0])

    assert said[1] == "False"
    # What the Dockerfile's context is, except for the documentation and bake's file.
    left_out = {"README.md", "docker-bake.hcl", "tfx-1.16.lock", "tfx-1.21.constraints"}
    left_out.add("tfx-1.21-macos.lock")
    listed = succeed(["git", "ls-files", "images", "components"], REPOSITORY).splitlines()
    wanted = {name for name in listed if Path(name).name not in left_out | {"digests.json"}}
    assert set(built) == {*wanted, "compiler/headrace/images/sbom.py"}
    for name, (digest, executable) in built.items():
        content = (REPOSITORY / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
        assert bool(executable) == name.endswith(".sh"), name
    assert wheel.stat().st_size < 6_000_000


def test_the_wheel_lists_its_images_and_keeps_its_locks(base: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()  # a project's, with digests
    (tmp_path / "images/digests.json").write_text("{}")

    rows = json.loads(succeed([base / "headrace", "images", "list", "--json"], tmp_path))

    assert {row["image"] for row in rows} >= {"trainer", "trainer_cuda", "pusher"}
    assert all(row["is_locked"] for row in rows)
    refused = call([base / "headrace", "images", "lock", "pusher"], tmp_path)
    assert refused.returncode == 2
    assert "belongs to the installed Headrace" in refused.stderr


def test_the_wheel_makes_projects_and_says_what_running_and_serving_need(
    base: Path, tmp_path: Path
) -> None:
    said = succeed([base / "headrace", "new", "fraud"], tmp_path)
    assert "pip install -r requirements.txt" in said

    project = tmp_path / "fraud"
    refused = call([base / "headrace", "compile", "pipeline.py", "--target", "vertex"], project)
    assert refused.returncode == 2
    assert "`headrace images build csv_example_gen " in refused.stderr
    assert "registry = 'HOST/PATH' to headrace.toml" in refused.stderr

    (project / "serving/fraud/1").mkdir(parents=True)
    (project / "serving/fraud/1/saved_model.pb").touch()
    for command in (["run", "pipeline.py"], ["serve", "serving/fraud"]):
        result = call([base / "headrace", *command], project)
        assert result.returncode == 2
        assert ADVICE in result.stderr


def test_make_setup_says_what_it_makes_while_it_does(directory: Path) -> None:
    lock = (REPOSITORY / "images/local/tfx-1.16.lock").read_text("utf-8")
    builds_headrace = {"editables", "hatchling", "packaging", "pathspec", "pluggy"}
    builds_headrace |= {"trove-classifiers"}
    entries = re.split(r"\n(?=[a-z])", lock)
    kept = [entry for entry in entries if entry.partition("==")[0] in builds_headrace]
    tiny = directory / "tiny.lock"
    tiny.write_text("\n".join(kept) + "\n", "utf-8")

    at = directory / "made"
    said = succeed(["make", "setup", f"VENV={at}", f"LOCK={tiny}"], REPOSITORY)

    steps = [line for line in said.splitlines() if re.match(r"\d/\d ", line)]
    assert [step[:3] for step in steps] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert f"3/5 the {len(kept)} packages of the lock" in steps
    assert f"Installed {len(kept)} packages" in said  # lines from uv itself
    assert " + hatchling" not in said
    assert (at / ".ready").is_file()
