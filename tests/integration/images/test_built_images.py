"""A built image runs its component like a backend, and a registry gets it complete.

It uses real containers, also as root inside a container, without cgroups and bridge.
"""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.cli.main import main
from headrace.images.built import DEFAULT_TAG, reference
from headrace.images.engines import Engine
from headrace.targets.local.runners.container_images import image_ids
from support.launcher import built_images
from support.launcher.built_images import IMAGES
from support.programs.finding import program
from support.programs.ports import free_ports

PUSHER = reference("pusher")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def engine() -> Engine:
    return built_images.engine()


@pytest.fixture(scope="session")
def pusher() -> str:
    built_images.build("pusher")
    return PUSHER


@pytest.fixture
def container(pusher: str) -> list[str]:
    """The words that run a command in the image."""
    return [*built_images.run_as_anyone("--network", "none"), pusher]


def test_arguments_without_a_command_are_the_components(container: list[str]) -> None:
    result = run([*container, "--executor_input", "{}"])
    assert result.returncode != 0
    assert "ERROR pusher: --executor_input is not an ExecutorInput message" in result.stderr


def test_the_image_has_nothing_that_only_a_build_needs(container: list[str]) -> None:
    tools = run([*container, "sh", "-c", "command -v gcc cc g++ ld uv pip pip3 mmdebstrap; true"])
    assert (tools.returncode, tools.stdout) == (0, "")
    code = "import importlib.util as u; print(*(n for n in {} if u.find_spec(n)))"
    modules = ["kfp", "headrace", "pip", "uv", "setuptools"]
    ours = ["headrace_components", "headrace_tfx"]
    found = run([*container, "python", "-c", code.format([*modules, *ours])])
    assert found.stdout.split() == ours


def test_the_image_says_what_it_is_and_what_is_in_it(container: list[str], engine: Engine) -> None:
    bill = json.loads(run([*container, "cat", "/usr/share/headrace/sbom.json"]).stdout)
    assert bill["metadata"]["component"]["name"] == "headrace/pusher"
    status = run([*container, "cat", "/var/lib/dpkg/status"]).stdout
    purls = [each["purl"] for each in bill["components"]]
    assert len(purls) == status.count("\nStatus: install ok installed\n")
    assert any(purl.startswith("pkg:deb/debian/python3.13-minimal@3.13.") for purl in purls)
    (inspected,) = json.loads(run([*engine.command, "image", "inspect", PUSHER]).stdout)
    labels = inspected["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "pusher"
    assert labels["org.opencontainers.image.description"].startswith("Copies a blessed model into")
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert inspected["Config"]["User"] == "65532:0"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    yield from serve_registry(tmp_path, {})


@pytest.fixture
def closed_registry(tmp_path: Path) -> Iterator[str]:
    """A registry without accounts."""
    accounts = tmp_path / "accounts"
    accounts.write_text("", "utf-8")
    yield from serve_registry(tmp_path, {"htpasswd": {"realm": "test", "path": str(accounts)}})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of images with one image and a digest of another."""
    root = tmp_path / "images"
    shutil.copytree(IMAGES / "pusher", root / "pusher")
    (root / "digests.json").write_text('{"trainer": "sha256:1"}\n', "utf-8")
    return root


def test_a_push_records_the_digest_beside_those_of_others(
    engine: Engine, pusher: str, registry: str, source: Path
) -> None:
    assert push(engine, source, registry) == 0
    recorded = json.loads((source / "digests.json").read_text("utf-8"))
    assert recorded == {"pusher": served_digest(registry), "trainer": "sha256:1"}
    assert not list(source.glob("*.partial"))


def test_a_runner_pulls_by_digest_what_was_pushed_to_this_machine(
    engine: Engine, pusher: str, registry: str, source: Path
) -> None:
    assert push(engine, source, registry) == 0
    reference = f"{registry}/pusher@{served_digest(registry)}"
    told: list[str] = []
    try:
        found = image_ids("podman", [reference], told.append)
    finally:
        run(["podman", "rmi", reference])
    assert told == [f"pulling {reference}"]
    assert (
        found[reference]
        == run(["podman", "image", "inspect", "--format", "{{.Id}}", PUSHER]).stdout.strip()
    )


def test_a_registry_that_refuses_is_told_and_nothing_is_recorded(
    engine: Engine,
    pusher: str,
    closed_registry: str,
    source: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert push(engine, source, closed_registry) == 75
    assert json.loads((source / "digests.json").read_text("utf-8")) == {"trainer": "sha256:1"}
    (said,) = [line for line in capfd.readouterr().err.splitlines() if "could not push" in line]
    assert "authentication required" in said
    assert "No digest was recorded. Where it wants a login, run `podman login" in said


def test_a_registry_that_is_not_there_is_told(
    engine: Engine, pusher: str, source: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (port,) = free_ports(1)
    assert push(engine, source, f"localhost:{port}/headrace") == 75
    assert json.loads((source / "digests.json").read_text("utf-8")) == {"trainer": "sha256:1"}
    (said,) = [line for line in capfd.readouterr().err.splitlines() if "could not push" in line]
    assert "connection refused" in said


def test_where_one_of_several_is_refused_no_digest_is_recorded(
    engine: Engine, pusher: str, registry: str, source: Path, tmp_path: Path
) -> None:
    built_images.build("latest_artifact")
    shutil.copytree(IMAGES / "latest_artifact", source / "latest_artifact")
    repositories = tmp_path / "registry/docker/registry/v2/repositories/headrace"
    repositories.mkdir(parents=True)
    (repositories / "pusher").write_text("no directory, so that nothing can be stored in it")
    assert push(engine, source, registry, "latest_artifact", "pusher") == 75
    assert (repositories / "latest_artifact").is_dir()
    assert json.loads((source / "digests.json").read_text("utf-8")) == {"trainer": "sha256:1"}


def push(engine: Engine, source: Path, registry: str, *names: str) -> int:
    words = ["images", "--images", str(source), "push", *(names or ["pusher"])]
    return main([*words, "--registry", registry, "--engine", " ".join(engine.command)])


def serve_registry(directory: Path, auth: dict[str, object]) -> Iterator[str]:
    server = program("docker-registry", "no image can be pushed")
    (port,) = free_ports(1)
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(directory / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        **({"auth": auth} if auth else {}),
    }
    file = directory / "registry.yml"
    file.write_text(json.dumps(settings), "utf-8")  # JSON is valid YAML
    log = (directory / "registry.log").open("w", encoding="utf-8")
    with log, subprocess.Popen([server, "serve", file], stdout=log, stderr=log) as process:
        try:
            wait_for(port)
            yield f"localhost:{port}/headrace"
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def served_digest(registry: str) -> str:
    host, _, path = registry.partition("/")
    request = urllib.request.Request(
        f"http://{host}/v2/{path}/pusher/manifests/{DEFAULT_TAG}",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        digest: str = response.headers["Docker-Content-Digest"]
        return digest


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
