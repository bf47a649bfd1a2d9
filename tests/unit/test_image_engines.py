"""The engine that is found, and the command lines for each."""

import re
from pathlib import Path

import pytest

from headrace.images import engines
from headrace.images.engines import Build, Engine
from headrace_components.contract.errors import InputError, PlatformError

BUILD = Build(
    dockerfile=Path("images/Dockerfile"),
    context=Path(),
    target="component",
    reference="localhost/headrace/pusher:dev",
    arguments={"LAYER": "base", "COMPONENT": "pusher"},
    ca=Path("/etc/ca.pem"),
)
SHARED = "--file images/Dockerfile --target component --build-arg COMPONENT=pusher "
SHARED += "--build-arg LAYER=base --secret id=ca,src=/etc/ca.pem "
SHARED += "--tag localhost/headrace/pusher:dev ."
IGNORED = "--layers --format docker --ignorefile images/Dockerfile.dockerignore"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with only the programs of a test."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(programs: Path, name: str, script: str = "exit 0") -> None:
    (programs / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    (programs / name).chmod(0o755)


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        (Engine(name="docker", command=("docker",)), f"docker buildx build --load {SHARED}"),
        (Engine(name="podman", command=("podman",)), f"podman build {IGNORED} {SHARED}"),
        (Engine(name="buildah", command=("buildah",)), f"buildah build {IGNORED} {SHARED}"),
        (
            Engine(
                name="podman", command=("podman", "--runtime", "runc"), options=("--network=host",)
            ),
            f"podman --runtime runc build {IGNORED} --network=host {SHARED}",
        ),
    ],
    ids=["docker", "podman", "buildah", "options"],
)
def test_an_image_is_built_by(engine: Engine, expected: str) -> None:
    assert " ".join(engine.build_command(BUILD)) == expected


def test_docker_pushes_a_tag_of_the_remote_name() -> None:
    engine = Engine(name="docker", command=("docker",))
    commands = engine.push_commands("localhost/headrace/pusher:dev", "host/a/pusher:1", Path("d"))
    assert [" ".join(command) for command in commands] == [
        "docker tag localhost/headrace/pusher:dev host/a/pusher:1",
        "docker push host/a/pusher:1",
    ]


@pytest.mark.parametrize(
    ("remote", "is_plain"),
    [
        ("localhost:5000/headrace/pusher:1", True),
        ("127.0.0.1:5000/headrace/pusher:1", True),
        ("localhost.example.com/headrace/pusher:1", False),
        ("europe-docker.pkg.dev/my-project/headrace/pusher:1", False),
    ],
)
@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_only_this_machine_is_spoken_to_without_tls(name: str, remote: str, is_plain: bool) -> None:
    ((*command, target),) = Engine(name=name, command=(name,)).push_commands(
        "local", remote, Path("digest")
    )
    assert ("--tls-verify=false" in command) is is_plain
    assert target == f"docker://{remote}"


def test_the_first_that_works_is_found(programs: Path) -> None:
    install(programs, "buildah")
    assert engines.find().name == "buildah"
    install(programs, "podman")
    assert engines.find().name == "podman"
    install(programs, "docker", '[ "$1" != info ]')
    assert engines.find().name == "podman"
    install(programs, "docker")
    assert engines.find().name == "docker"


def test_a_chosen_one_keeps_its_options(programs: Path) -> None:
    install(programs, "podman")
    engine = engines.find("podman --runtime runc", "--network host --ulimit 'nofile=1024:1024'")
    assert engine.command == ("podman", "--runtime", "runc")
    assert engine.options == ("--network", "host", "--ulimit", "nofile=1024:1024")


def test_no_engine_is_told_with_the_reason_of_each(programs: Path) -> None:
    install(programs, "docker", '[ "$1" != buildx ]')
    expected = (
        "no engine to build with (docker: `docker buildx` is not installed; podman: not installed; "
        "buildah: not installed). Install one of them"
    )
    with pytest.raises(InputError, match=re.escape(expected)):
        engines.find()


def test_an_engine_that_is_unknown_or_broken_is_told(programs: Path) -> None:
    with pytest.raises(InputError, match="the engine 'kaniko' is unknown, expected one of docker"):
        engines.find("kaniko")
    install(programs, "docker", '[ "$1" != info ]')
    with pytest.raises(InputError, match=r"'docker' cannot be used: its daemon does not answer\."):
        engines.find("docker")
    install(programs, "podman", "exit 1")
    with pytest.raises(InputError, match="'podman' cannot be used: it does not start"):
        engines.find("podman")


def test_what_an_engine_said_last_is_in_the_error(capfd: pytest.CaptureFixture[str]) -> None:
    command = ["sh", "-c", "echo one; echo unauthorized >&2; exit 125"]
    expected = r"sh could not push it \(exit code 125\); it said last: unauthorized\. Log in\."
    with pytest.raises(PlatformError, match=expected):
        engines.call(command, "push it", "Log in.")
    assert capfd.readouterr().out == "one\nunauthorized\n"


def test_the_digest_is_the_last_that_was_printed() -> None:
    output = f"layer sha256:{'a' * 64}\ndev: digest: sha256:{'b' * 64} size: 1234\n"
    assert engines.digest(output) == f"sha256:{'b' * 64}"
    assert engines.digest("pushed") == ""
