"""Images for tests, built from this source tree with the installed engine."""

import fcntl
import functools
import os
import shutil
import tempfile
from pathlib import Path

from headrace.cli.main import main
from headrace.images import building, engines
from headrace.images.engines import Engine
from headrace.targets.local.runners.container_command import FLAGS_VARIABLE
from support.programs.finding import program

IMAGES = Path(__file__).parents[3] / "images"

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


@functools.cache
def build(*names: str) -> None:
    """Builds images; layers in the engine's cache are not built again.

    Tests run side by side: all wait for the one that builds the common layers.
    """
    chosen = engine()
    words = ["images", "--images", str(IMAGES), "build", *names]
    words += ["--engine", " ".join(chosen.command), "--engine-options", " ".join(chosen.options)]
    words += ["--base", os.environ.get("HEADRACE_BASE", building.MAKE_BASE)]
    words += ["--beam-sdk", os.environ.get("HEADRACE_BEAM_SDK", building.LEFT_OUT)]
    words += ["--serving", os.environ.get("HEADRACE_SERVING", building.LEFT_OUT)]
    authorities = os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    if Path(authorities).is_file():
        words += ["--ca", authorities]
    with Path(tempfile.gettempdir(), f"headrace-images-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(words) == 0, f"the images {names} were not built: what is printed says why"
