"""Images for tests, built from this source tree with the installed engine."""

import fcntl
import functools
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from headrace.cli.main import main
from headrace.images import building, engines
from headrace.images.engines import Engine
from headrace.targets.local.runners.container_command import FLAGS_VARIABLE
from support.programs.finding import program

IMAGES = Path(__file__).parents[3] / "images"

# Two runs of tests without xdist may have the same process ID.
_STARTED = time.time_ns()

# If these tests run in a container, podman's defaults exceed the limits there.
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")


@functools.cache
def engine() -> Engine:
    """Returns the engine for images; without one the test is skipped, or fails in CI."""
    chosen = os.environ.get("HEADRACE_ENGINE", "")
    if not chosen:
        program("podman", "no image can be built")
        # Podman's default runtime needs cgroups.
        chosen = "podman --runtime runc" if shutil.which("runc") else "podman"
    options = os.environ.get("HEADRACE_ENGINE_OPTIONS") or " ".join(["--network", "host", *LIMITS])
    return engines.find(chosen, "" if chosen.startswith("docker") else options)


def run_as_anyone(*options: str) -> list[str]:
    """Returns the words before an image that run it like OpenShift.

    As any user, in group 0; only /tmp can be written to.
    """
    anyone = ("--rm", "--user", "12345:0", "--read-only", "--tmpfs", "/tmp")
    return [*engine().command, "run", *anyone, *LIMITS, *options]


def runner_flags() -> dict[str, str]:
    """Returns the environment variables with which `headrace run --runner podman` works here."""
    flags = " ".join([*engine().command[1:], *LIMITS])
    return {FLAGS_VARIABLE: os.environ.get(FLAGS_VARIABLE, flags)}


def build(*names: str) -> None:
    """Builds images, each once in all processes of a test run.

    Tests run side by side: all wait for the one that builds the common layers. Where all layers are
    in the engine's cache, a build still takes seconds.
    """
    beside = Path(tempfile.gettempdir(), f"headrace-images-{os.getuid()}")
    if set(names) <= _built(beside):
        return
    with beside.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = _built(beside)
        missing = [name for name in names if name not in built]
        if missing:
            assert main(_words(missing)) == 0, f"the images {missing} were not built: see above"
            note = beside.with_suffix(".new")
            note.write_text(json.dumps([_test_run(), sorted({*built, *missing})]), "utf-8")
            note.replace(beside.with_suffix(".json"))  # others may be reading it


def _built(beside: Path) -> set[str]:
    """Returns the images that this test run has built."""
    note = beside.with_suffix(".json")
    run, built = json.loads(note.read_text("utf-8")) if note.exists() else ("", [])
    return set(built) if run == _test_run() else set()


def _test_run() -> str:
    # xdist's name for it; without xdist, it is this process.
    return os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}-{_STARTED}"


def _words(names: list[str]) -> list[str]:
    chosen = engine()
    words = ["images", "--images", str(IMAGES), "build", *names]
    words += ["--engine", " ".join(chosen.command), "--engine-options", " ".join(chosen.options)]
    words += ["--base", os.environ.get("HEADRACE_BASE", building.MAKE_BASE)]
    words += ["--beam-sdk", os.environ.get("HEADRACE_BEAM_SDK", building.LEFT_OUT)]
    words += ["--serving", os.environ.get("HEADRACE_SERVING", building.LEFT_OUT)]
    authorities = os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    if Path(authorities).is_file():
        words += ["--ca", authorities]
    return words
