"""`headrace doctor`, in real processes with incomplete environments."""

import json
import os
import stat
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.doctor_checks import disk, google_credentials, macos, root_access

REPOSITORY = Path(__file__).parents[2]


def doctor(
    *arguments: str, path: str = "", python_path: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    sources = [str(REPOSITORY / "compiler"), str(REPOSITORY / "components")]
    front = [] if python_path is None else [str(python_path)]
    return subprocess.run(
        [sys.executable, "-m", "headrace.cli.main", "doctor", *arguments],
        capture_output=True,
        text=True,
        env={
            "PATH": path,
            "HOME": "/nonexistent",
            "PYTHONPATH": os.pathsep.join(front + sources),
            **environment,
        },
        check=False,
    )


def checks(result: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def distribution(folder: Path, name: str, version: str) -> None:
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(text, "utf-8")


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def test_a_whole_environment_is_ok_and_named_by_its_generation(tmp_path: Path) -> None:
    result = doctor("--json", "--root", str(tmp_path))

    assert result.returncode == 0, result.stderr
    found = checks(result)
    assert json.loads(result.stdout)["ok"] is True
    assert found["Embedded environment"]["state"] == "ok"
    assert metadata.version("tensorflow") in found["Embedded environment"]["found"]
    assert found["Headrace"]["found"].startswith(metadata.version("headrace"))
    assert {"Python", "C library", "CPU", "Memory", "Disk", "Root", "GPU"} < set(found)


def test_libraries_of_two_generations_are_broken(tmp_path: Path) -> None:
    other = "2.21.0" if metadata.version("tensorflow").startswith("2.16") else "2.16.2"
    distribution(tmp_path, "tensorflow", other)

    result = doctor("--json", python_path=tmp_path)

    assert result.returncode == 1
    check = checks(result)["Embedded environment"]
    assert check["state"] == "broken"
    assert f"libraries of several generations: tensorflow {other}" in check["found"]
    assert "make clean setup" in check["advice"]


def test_a_library_of_a_version_that_does_not_fit_is_broken(tmp_path: Path) -> None:
    distribution(tmp_path, "dill", "0.1.9")
    result = doctor("--json", python_path=tmp_path)
    assert result.returncode == 1
    assert checks(result)["Embedded environment"]["found"] == "dill is 0.1.9, expected >=0.3.8"


def bare_environment(folder: Path) -> Path:
    """Returns a directory with Headrace's package record and the imports of the command line."""
    for package in ("click", "rich", "markdown_it", "mdurl", "pygments"):
        module = __import__(package)
        (folder / package).symlink_to(Path(str(module.__file__)).parent)
    for name in ("kfp", "click", "rich", "PyYAML"):
        distribution(folder, name, metadata.version(name))
    distribution(folder, "headrace", "0.1.0")
    with (folder / "headrace-0.1.0.dist-info/METADATA").open("a", encoding="utf-8") as file:
        for requirement in metadata.requires("headrace") or ():
            file.write(f"Requires-Dist: {requirement}\n")
    return folder


def run_bare(folder: Path) -> subprocess.CompletedProcess[str]:
    sources = [folder, REPOSITORY / "compiler", REPOSITORY / "components"]
    return subprocess.run(
        [sys.executable, "-S", "-m", "headrace.cli.main", "doctor", "--json"],
        capture_output=True,
        text=True,
        env={"PATH": "", "PYTHONPATH": os.pathsep.join(map(str, sources))},
        check=False,
    )


def test_an_environment_to_compile_in_lacks_the_libraries_and_is_not_broken(
    tmp_path: Path,
) -> None:
    result = run_bare(bare_environment(tmp_path))
    assert result.returncode == 0, result.stderr
    check = checks(result)["Embedded environment"]
    assert (check["state"], check["found"]) == ("missing", "not installed")
    assert "headrace[embedded]" in check["advice"]


def test_half_of_the_libraries_are_broken(tmp_path: Path) -> None:
    bare_environment(tmp_path)
    distribution(tmp_path, "tensorflow", "2.16.2")
    result = run_bare(tmp_path)
    assert result.returncode == 1
    assert "tfx-bsl is not installed" in checks(result)["Embedded environment"]["found"]


def test_a_gpu_is_named_as_its_driver_names_it(tmp_path: Path) -> None:
    program(tmp_path, "nvidia-smi", 'echo "NVIDIA L4, 23034 MiB"')
    check = checks(doctor("--json", path=str(tmp_path)))["GPU"]
    assert (check["state"], check["found"]) == ("ok", "NVIDIA L4, 23034 MiB")


def test_a_driver_that_does_not_answer_is_quoted(tmp_path: Path) -> None:
    program(tmp_path, "nvidia-smi", 'echo "NVIDIA-SMI has failed: no driver."; exit 9')
    check = checks(doctor("--json", path=str(tmp_path)))["GPU"]
    assert check["state"] == "missing"
    assert check["found"] == "nvidia-smi: NVIDIA-SMI has failed: no driver."


def test_docker_without_its_daemon_is_missing_and_with_it_is_ok(tmp_path: Path) -> None:
    program(tmp_path, "docker", 'echo "Cannot connect to the Docker daemon." >&2; exit 1')
    check = checks(doctor("--json", path=str(tmp_path)))["docker"]
    assert (check["state"], check["found"]) == ("missing", "Cannot connect to the Docker daemon.")
    assert "podman" in check["advice"]

    program(tmp_path, "docker", "echo 27.1.1")
    assert checks(doctor("--json", path=str(tmp_path)))["docker"]["found"] == "27.1.1"


def test_kubectl_without_a_cluster_says_so(tmp_path: Path) -> None:
    program(tmp_path, "kubectl", 'echo "error: current-context is not set" >&2; exit 1')
    check = checks(doctor("--json", path=str(tmp_path)))["kubectl"]
    assert (check["state"], check["found"]) == ("missing", "installed, but no cluster is chosen")

    program(tmp_path, "kubectl", "echo kind-headrace")
    assert checks(doctor("--json", path=str(tmp_path)))["kubectl"]["found"] == (
        "context kind-headrace"
    )


def test_google_credentials_are_looked_for_and_not_read(tmp_path: Path) -> None:
    assert google_credentials({}, tmp_path).state == "missing"

    named = google_credentials({"GOOGLE_APPLICATION_CREDENTIALS": "/no/key.json"}, tmp_path)
    assert named.found == "GOOGLE_APPLICATION_CREDENTIALS names no file: /no/key.json"

    folder = tmp_path / ".config/gcloud"
    folder.mkdir(parents=True)
    file = folder / "application_default_credentials.json"
    file.write_text("no JSON", "utf-8")
    assert google_credentials({}, tmp_path).found == str(file)
    assert google_credentials({"CLOUDSDK_CONFIG": str(folder)}, Path("/nowhere")).state == "ok"


def test_a_root_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    check = root_access(tmp_path / "file/root")
    assert (check.state, check.found) == ("missing", f"{tmp_path / 'file'} is not a directory")


def test_a_root_that_is_not_there_yet_is_ok_and_is_not_made(tmp_path: Path) -> None:
    root = tmp_path / "a/b"
    assert root_access(root).state == "ok"
    assert disk(root).state in ("ok", "missing")
    assert not (tmp_path / "a").exists()


def test_people_read_what_is_missing_what_it_is_for_and_what_to_do() -> None:
    result = doctor()
    lines = [line.strip() for line in result.stdout.splitlines()]
    position = next(i for i, line in enumerate(lines) if line.startswith("missing  podman"))
    assert lines[position + 1].startswith("without it, you cannot build and run")
    assert lines[position + 2] == "Install podman, if you want that."


def test_the_doctor_imports_nothing_heavy() -> None:
    code = (
        "import sys; from headrace.cli.main import main; main(['doctor', '--json']);"
        "heavy = {'tensorflow', 'apache_beam', 'kfp', 'numpy', 'ml_metadata'} & set(sys.modules);"
        "sys.exit(','.join(heavy) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("release", "machine", "python", "state"),
    [
        ("14.5", "arm64", (3, 13), "ok"),
        ("26.1", "arm64", (3, 12), "ok"),
        ("14.5", "arm64", (3, 11), "missing"),
        ("13.6", "arm64", (3, 13), "missing"),
        ("14.5", "x86_64", (3, 13), "missing"),
    ],
)
def test_macos_needs_apple_silicon_and_the_newer_libraries(
    release: str, machine: str, python: tuple[int, int], state: str
) -> None:
    check = macos(release, machine, python)

    assert check.state == state
    assert bool(check.advice) == (state != "ok")
