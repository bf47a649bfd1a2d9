"""A model server as a process of its own, and what is printed about it."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from headrace.cli.served_models import ServedModel
from headrace.extras import is_installed, not_installed
from headrace.targets.local.runners.guard import die_with_parent
from headrace_components.contract.errors import InputError, PlatformError

BINARY = "tensorflow_model_server"
EVERY_ADDRESS = ("0.0.0.0", "::")

_COMMAND = "headrace serve"
_EMBEDDED = (sys.executable, "-m", "headrace_components.infra_validator.server")
_REQUEST = (sys.executable, "-m", "headrace_components.infra_validator.example_request")
_DEFAULT_PORT, _DEFAULT_REST_PORT = 8500, 8501
_POLL_SECONDS = 0.5
_LOG_LINES = 20
# A longer request is written to a file.
_MAX_REQUEST_CHARACTERS = 1500
_ANSWER_SECONDS = 10.0
# No proxy reaches this machine's own address.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def server_command(server: str, host: str) -> Sequence[str]:
    """Returns the start of the server's command line.

    Args:
        server: `auto`, `tensorflow_model_server` or `embedded`.
        host: The address to listen at.

    Raises:
        InputError: The server is not installed, or cannot listen at that address alone.
    """
    binary = shutil.which(BINARY)
    if server == BINARY:
        if binary is None:
            raise InputError(
                f"{_COMMAND}: --server is {BINARY!r}, which is not on the PATH "
                f"{os.environ.get('PATH', '')!r}. Install TensorFlow Serving, or leave --server "
                "out."
            )
        if host not in EVERY_ADDRESS:
            raise InputError(
                f"{_COMMAND}: --server is {BINARY!r}, which always listens at all addresses of "
                f"this machine, but --host is {host!r}. Add --host {EVERY_ADDRESS[0]}, or leave "
                "--server out."
            )
    if binary is not None and server != "embedded" and host in EVERY_ADDRESS:
        return [binary]
    if not is_installed("tensorflow_serving"):
        raise not_installed(
            "tensorflow_serving", extra="embedded", who=_COMMAND, purpose="models on this machine"
        )
    return [*_EMBEDDED, f"--host={host}"]


def chosen_ports(host: str, port: int | None, rest_port: int | None) -> tuple[int, int]:
    """Returns the ports for gRPC and REST.

    Args:
        host: The address to listen at.
        port: The port for gRPC; 0 for a free one, None for the usual one or a free one.
        rest_port: The port for REST likewise.

    Raises:
        InputError: A port is taken, or this machine does not have the address.
    """
    with contextlib.ExitStack() as held:  # until both are known, so that they differ
        return (
            _chosen(host, port, _DEFAULT_PORT, "--port", held),
            _chosen(host, rest_port, _DEFAULT_REST_PORT, "--rest-port", held),
        )


def _chosen(
    host: str, wanted: int | None, default: int, option: str, held: contextlib.ExitStack
) -> int:
    if wanted is None:
        with contextlib.suppress(OSError):
            return _bound(host, default, held)
    try:
        return _bound(host, wanted or 0, held)
    except OSError as error:
        raise InputError(
            f"{_COMMAND}: cannot listen at {host}{f' port {wanted}' if wanted else ''}: "
            f"{error.strerror}. Choose another port with {option}, 0 for any free one, or correct "
            "--host."
        ) from error


def _bound(host: str, port: int, held: contextlib.ExitStack) -> int:
    probe = held.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind((host, port))
    return int(probe.getsockname()[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelServer:
    """A server of one model.

    Attributes:
        command: The start of its command line.
        model: What it serves.
        host: The address that it listens at.
        port: Its port for gRPC.
        rest_port: Its port for REST.
        directory: A directory for its log and for requests.
    """

    command: Sequence[str]
    model: ServedModel
    host: str
    port: int
    rest_port: int
    directory: Path

    def run(self, say: Callable[[str], object]) -> None:
        """Serves until Ctrl-C, and says what is served, and how to ask it.

        Raises:
            InputError: The model cannot be loaded.
            PlatformError: The server ended.
        """
        log = self.directory / "server.log"
        flags = [
            f"--port={self.port}",
            f"--rest_api_port={self.rest_port}",
            f"--model_name={self.model.name}",
            f"--model_base_path={self._base_path()}",
            "--file_system_poll_wait_seconds=1",
        ]
        request = [*_REQUEST, "--model", str(self.model.newest())]
        if self.model.examples is not None:
            request += ["--examples", str(self.model.examples)]
        body = self.directory / "request.json"
        try:
            with (
                _ended_by_signals(),
                _process([*self.command, *flags], log, log) as server,
                # At the same time: both import TensorFlow.
                _process(request, body, self.directory / "request.log") as example,
            ):
                say(f"Loading {self.model.name} from {self.model.newest()} ...")
                version = self._served_version(server, log)
                example.wait()
                for line in self._ready(version, body):
                    say(line)
                self._follow(server, log, say)
        except KeyboardInterrupt:  # the usual way to end it
            say("")

    def _base_path(self) -> Path:
        if self.model.single is None:
            return self.model.base_path or Path()
        folder, number = self.model.single
        versions = self.directory / "models" / self.model.name
        versions.mkdir(parents=True)
        (versions / str(number)).symlink_to(folder, target_is_directory=True)
        return versions

    def _served_version(self, server: "subprocess.Popen[bytes]", log: Path) -> str:
        """Waits until a version is served, and returns it."""
        while True:
            states = self._states()
            for version, (state, error) in states.items():
                if state == "AVAILABLE":
                    return version
                if error:
                    raise InputError(f"{_COMMAND}: version {version} cannot be served: {error}")
            self._check(server, log)
            time.sleep(_POLL_SECONDS)

    def _follow(
        self, server: "subprocess.Popen[bytes]", log: Path, say: Callable[[str], object]
    ) -> None:
        shown = self._states()
        while True:
            time.sleep(_POLL_SECONDS)
            self._check(server, log)
            states = self._states() or shown  # it may be too busy to answer
            for version in sorted(states.keys() - shown.keys()):
                say(f"Found version {version}.")
            for version, (state, error) in states.items():
                if shown.get(version) != (state, error):
                    if error:
                        say(f"Version {version} is not served: {error}")
                    elif state == "AVAILABLE":
                        say(f"Version {version} is served.")
            shown = states

    def _ready(self, version: str, body: Path) -> Iterator[str]:
        address = f"{self._address}/v1/models/{self.model.name}"
        yield f"Version {version} of {self.model.name} is served, until Ctrl-C:"
        yield f"  REST  {address}"
        yield f"  gRPC  {_shown(self.host)}:{self.port}"
        yield ""
        text = body.read_text("utf-8").strip()
        if text:
            yield "Ask it, for example:"
            data = shlex.quote(text if len(text) <= _MAX_REQUEST_CHARACTERS else f"@{body}")
            yield f"  curl -d {data} {shlex.quote(f'{address}:predict')}"
        else:
            yield "See what it takes:"
            yield f"  curl {shlex.quote(f'{address}/metadata')}"

    @property
    def _address(self) -> str:
        return f"http://{_shown(self.host)}:{self.rest_port}"

    def _states(self) -> dict[str, tuple[str, str]]:
        """Returns state and error of each version, as far as the server answers."""
        url = f"{self._address}/v1/models/{self.model.name}"
        try:
            with _DIRECTLY.open(url, timeout=_ANSWER_SECONDS) as answer:
                found = json.load(answer)["model_version_status"]
        except (OSError, ValueError, KeyError):
            return {}
        return {
            each["version"]: (each["state"], each.get("status", {}).get("error_message", ""))
            for each in found
        }

    def _check(self, server: "subprocess.Popen[bytes]", log: Path) -> None:
        if server.poll() is None:
            return
        lines = log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:]
        raise PlatformError(
            f"{_COMMAND}: {self.command[0]} ended with exit code {server.returncode}. Its last "
            "lines:\n" + "\n".join(lines)
        )


def _shown(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _process(
    command: Sequence[str], output: Path, log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs a program that ends with the block, and with this process."""
    parent = os.getpid()
    with output.open("wb") as out, log.open("ab") as err:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            start_new_session=True,  # Ctrl-C is for this process, which ends the others
            preexec_fn=lambda: die_with_parent(signal.SIGKILL, parent),
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP do what Ctrl-C does, so that nothing is left."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
