"""The checks of `headrace doctor`. Nothing here imports TensorFlow, Beam or kfp."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headrace.cli.doctor_packages import embedded, headrace, numbers
from headrace.contract.checks import Check

# A tool that does not answer within this time does not work.
_TIMEOUT_SECONDS = 5.0

_GIB = 2**30
# TensorFlow, Beam and a worker or two fit into this with room for the examples' data.
_MEMORY_BYTES = 4 * _GIB
_DISK_BYTES = 2 * _GIB


def all_checks(root: Path) -> list[Check]:
    """Returns every check, in the order in which they are shown.

    Args:
        root: Directory that runs write to. It need not exist, and is not made.
    """
    checks: Sequence[Callable[[], Check]] = (
        _python,
        _glibc,
        headrace,
        embedded,
        _cpu,
        _memory,
        lambda: disk(root),
        lambda: root_access(root),
        _gpu,
        _docker,
        lambda: _tool("podman", "build and run component images without a daemon"),
        lambda: _tool("buildah", "build component images without a daemon"),
        _kubectl,
        lambda: _tool("gcloud", "set up Google Cloud from the command line"),
        lambda: google_credentials(os.environ, Path.home()),
    )
    # Several wait for a program to answer, so they wait side by side.
    with ThreadPoolExecutor(len(checks)) as pool:
        return list(pool.map(lambda check: check(), checks))


def _python() -> Check:
    enables = "compile pipelines and run them"
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check(name="Python", state="ok", found=version, enables=enables)
    return Check(
        name="Python",
        state="broken",
        found=f"{version}, expected 3.11 to 3.13",
        enables=enables,
        advice="Install one of these and set up again with `make setup PYTHON=...`.",
    )


def _glibc() -> Check:
    if sys.platform == "darwin":
        return macos(platform.mac_ver()[0], platform.machine(), sys.version_info[:2])
    library, version = platform.libc_ver()
    enables = "install the TFX libraries"
    name = "C library"
    found = f"{library} {version}".strip() or "not glibc"
    if library != "glibc":
        return Check(
            name=name,
            state="missing",
            found=found,
            enables=enables,
            advice="Use a Linux with glibc, such as Debian or Ubuntu, or compile for a cluster.",
        )
    if numbers(version) >= (2, 39):
        return Check(name=name, state="ok", found=f"{found}, for TFX 1.21", enables=enables)
    if sys.version_info[:2] == (3, 11):
        return Check(name=name, state="ok", found=f"{found}, for TFX 1.16", enables=enables)
    return Check(
        name=name,
        state="missing",
        found=f"{found}, but on Python {platform.python_version()} the libraries need glibc 2.39",
        enables=enables,
        advice="Use Python 3.11, whose TFX 1.16 libraries need no newer glibc.",
    )


def macos(release: str, machine: str, python: tuple[int, int]) -> Check:
    """Returns whether the TFX libraries have wheels for this macOS.

    Args:
        release: Such as "14.5".
        machine: Such as "arm64".
        python: Major and minor version.
    """
    fits = machine == "arm64" and numbers(release) >= (14,) and python >= (3, 12)
    return Check(
        name="C library",
        state="ok" if fits else "missing",
        found=f"macOS {release} on {machine}"
        + (", for TFX 1.21" if fits else f" with Python {python[0]}.{python[1]}"),
        enables="install the TFX libraries",
        advice=""
        if fits
        else "The libraries have wheels for macOS 14 on Apple silicon, with Python 3.12 or 3.13.",
    )


def _cpu() -> Check:
    # Those that this process may use, as far as the system can tell.
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return Check(
        name="CPU",
        state="ok",
        found=f"{len(usable)} cores",
        enables="run as many tasks side by side",
    )


def _memory() -> Check:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    # A container may have less than the machine: control groups, version 2 and 1.
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = Path("/sys/fs/cgroup") / name
        if limit.is_file() and limit.read_text("ascii").strip().isdigit():
            total = min(total, int(limit.read_text("ascii")))
    enough = total >= _MEMORY_BYTES
    return Check(
        name="Memory",
        state="ok" if enough else "missing",
        found=f"{total / _GIB:.1f} GiB",
        enables="train and evaluate; 4 GiB do for the examples",
        advice="" if enough else "Use a larger machine, or compile for a remote target.",
    )


def disk(root: Path) -> Check:
    """Checks that there is room for the artifacts of some runs."""
    free = shutil.disk_usage(_nearest(root)).free
    enough = free >= _DISK_BYTES
    return Check(
        name="Disk",
        state="ok" if enough else "missing",
        found=f"{free / _GIB:.1f} GiB free for {root}",
        enables="keep the artifacts of runs; 2 GiB do for the examples",
        advice="" if enough else "Free space, or choose another --root.",
    )


def root_access(root: Path) -> Check:
    """Checks that runs may write to their root, or make it."""
    nearest = _nearest(root)
    enables = "write artifacts, logs and lineage"
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        found = str(root) if nearest == root else f"{root}, which the first run makes"
        return Check(name="Root", state="ok", found=found, enables=enables)
    reason = "may not be written" if nearest.is_dir() else "is not a directory"
    return Check(
        name="Root",
        state="missing",
        found=f"{nearest} {reason}",
        enables=enables,
        advice="Choose another --root, or change the owner of this one.",
    )


def _nearest(path: Path) -> Path:
    """Returns `path`, or the nearest directory above it that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def _gpu() -> Check:
    enables = "train on a GPU"
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    code, output = _answer(query)
    if code == 0 and output:
        found = "; ".join(output.splitlines())
        return Check(name="GPU", state="ok", found=found, enables=enables)
    return Check(
        name="GPU",
        state="missing",
        found="nvidia-smi is not installed" if code is None else f"nvidia-smi: {_last(output)}",
        enables=enables,
        advice="Nothing, if the CPU will do; else install NVIDIA's driver.",
    )


def _docker() -> Check:
    enables = "build and run component images"
    code, output = _answer(["docker", "version", "--format", "{{.Server.Version}}"])
    if code == 0:
        return Check(name="docker", state="ok", found=output, enables=enables)
    if code is None:
        return _tool("docker", enables)
    return Check(
        name="docker",
        state="missing",
        found=_last(output),
        enables=enables,
        advice="Start the daemon, or join its group; podman and buildah do without one.",
    )


def _kubectl() -> Check:
    enables = "reach a Kubeflow Pipelines cluster"
    code, output = _answer(["kubectl", "config", "current-context"])
    if code == 0:
        return Check(name="kubectl", state="ok", found=f"context {output}", enables=enables)
    if code is None:
        return _tool("kubectl", enables)
    return Check(
        name="kubectl",
        state="missing",
        found="installed, but no cluster is chosen",
        enables=enables,
        advice="Choose one with `kubectl config use-context NAME`.",
    )


def _tool(name: str, enables: str) -> Check:
    path = shutil.which(name)
    return Check(
        name=name,
        state="ok" if path else "missing",
        found=path or "not installed",
        enables=enables,
        advice="" if path else f"Install {name}, if you want that.",
    )


def google_credentials(environment: Mapping[str, str], home: Path) -> Check:
    """Checks that application-default credentials are there; they are not read or tried.

    The places are those of google.auth.default: a file named by the environment, then gcloud's.
    """
    enables = "submit to Vertex AI and read gs:// paths"
    named = environment.get("GOOGLE_APPLICATION_CREDENTIALS")
    folder = Path(environment.get("CLOUDSDK_CONFIG") or home / ".config/gcloud")
    path = Path(named) if named else folder / "application_default_credentials.json"
    if path.is_file():
        return Check(name="Google credentials", state="ok", found=str(path), enables=enables)
    reason = "GOOGLE_APPLICATION_CREDENTIALS names no file" if named else "none"
    return Check(
        name="Google credentials",
        state="missing",
        found=f"{reason}: {path}" if named else reason,
        enables=enables,
        advice="Run `gcloud auth application-default login`.",
    )


def _answer(command: Sequence[str]) -> tuple[int | None, str]:
    """Returns a program's exit code and output; None if the program does not exist."""
    if shutil.which(command[0]) is None:
        return None, ""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, f"no answer within {_TIMEOUT_SECONDS:.0f} seconds"
    except OSError as error:
        return 1, error.strerror or "cannot be started"
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def _last(output: str) -> str:
    lines = output.splitlines()
    return lines[-1].strip() if lines else "no answer"
