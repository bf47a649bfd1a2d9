"""The command line of a task's container: its mounts, its limits, and what is refused."""

import itertools
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from headrace.targets.local.records.store import WORKSPACE, RunStore
from headrace.targets.local.runners.container_command import FLAGS_VARIABLE, container_command
from headrace.targets.local.runners.runner import TaskProcess
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace.targets.local.shared.results import RuntimeArtifact, TaskInputs
from headrace_components.contract.errors import InputError


class Site:
    """A machine with a root, a working directory of the run, and data beside it."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.directory = directory / "project"
        self.data = directory / "data"
        for folder in (self.root, self.directory, self.data):
            folder.mkdir()
        store = RunStore(root=self.root, directory=self.root / "p/run")
        self.attempt = store.attempt(("task",))

    def command(
        self,
        *,
        engine: str = "podman",
        component: str | None = "pusher",
        resources: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        inputs: tuple[str, ...] = (),
        mounts: tuple[str, ...] = (),
    ) -> list[str]:
        """Returns the command line of a task."""
        artifacts = tuple(RuntimeArtifact(uri=uri, type="tfx.Model") for uri in inputs)
        process = TaskProcess(
            task="task",
            component=component,
            image="image",
            command=["python", "-m", "thing"],
            arguments=["--x", "1"],
            environment={"KEY": "value"},
            resources=resources or {},
            inputs=TaskInputs(parameters=parameters or {}, artifacts={"model": artifacts}),
            attempt=self.attempt,
            log=self.root / "log",
            imports=(),
        )
        return container_command(
            process,
            engine=engine,
            image_id="0123",
            options=ContainerOptions(mounts=mounts),
            root=self.root,
            directory=self.directory,
            run_id="run",
        )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.delenv(FLAGS_VARIABLE, raising=False)
    return Site(tmp_path)


def values(command: list[str], option: str) -> list[str]:
    return [value for name, value in itertools.pairwise(command) if name == option]


def test_the_images_program_is_the_containers_command(site: Site) -> None:
    command = site.command()

    assert command[:2] == ["podman", "run"]
    assert command[-7:] == ["--entrypoint", "python", "0123", "-m", "thing", "--x", "1"]


def test_a_container_sees_root_and_inputs_read_only_and_writes_to_its_outputs(site: Site) -> None:
    inside = str(site.root / "p/earlier/model")

    mounts = values(site.command(inputs=(str(site.data), inside, "gs://b/m")), "--mount")

    partial = site.attempt.partial
    assert mounts == [
        f"type=bind,source={site.root},target={site.root},readonly",
        f"type=bind,source={site.data},target={site.data},readonly",
        f"type=bind,source={partial},target={partial}",
        f"type=bind,source={partial / '.headrace/tmp'},target=/var/tmp",
    ]


def test_a_container_writes_to_the_workspace_that_the_run_has(site: Site) -> None:
    workspace = site.attempt.final.parent / WORKSPACE
    workspace.mkdir(parents=True)

    assert f"type=bind,source={workspace},target={workspace}" in values(site.command(), "--mount")


def test_a_container_has_the_callers_user_no_network_and_a_read_only_root(site: Site) -> None:
    command = site.command()

    assert values(command, "--user") == [f"{os.getuid()}:{os.getgid()}"]
    assert values(command, "--network") == ["none"]
    assert "--read-only" in command
    assert "--read-only" not in site.command(component=None)


def test_a_container_has_no_capabilities_and_gains_no_privileges(site: Site) -> None:
    for component in ("pusher", None):
        command = site.command(component=component)

        assert values(command, "--cap-drop") == ["ALL"]
        assert values(command, "--security-opt") == ["label=disable", "no-new-privileges"]


@pytest.mark.parametrize(
    "uri",
    [
        *("/", "/etc", "/etc/passwd", "/proc/1/environ", "/var", "/run", "//", "/./etc"),
        *("HOME", "HOME/.ssh", "DATA/root", "DATA/home", "DATA/a,readonly=false", "DATA/socket"),
    ],
)
def test_an_input_that_is_this_machine_itself_is_refused(
    uri: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = site.directory.parent / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (site.data / "root").symlink_to("/")
    (site.data / "home").symlink_to(home)
    (site.data / "a,readonly=false").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(site.data)  # the absolute path may be too long for a socket
        server.bind("socket")
        uri = uri.replace("HOME", str(home)).replace("DATA", str(site.data))

        with pytest.raises(InputError, match=r"^task: its input `model` is "):
            site.command(inputs=(uri,))


def test_an_input_within_a_mount_of_the_author_is_seen(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = site.data / ".hidden"
    hidden.mkdir()
    monkeypatch.setenv("HOME", str(site.data))

    mounts = values(site.command(inputs=(str(hidden),), mounts=(f"{hidden}:ro",)), "--mount")

    assert f"type=bind,source={hidden},target={hidden},readonly" in mounts
    (site.data / "plain").mkdir()
    plain = str(site.data / "plain")
    assert any(plain in mount for mount in values(site.command(inputs=(plain,)), "--mount"))


def test_all_of_this_machine_is_no_mount() -> None:
    with pytest.raises(InputError, match="--mount is '/:ro', all of this machine"):
        ContainerOptions(mounts=("/:ro",))


def test_the_environment_is_the_tasks_and_no_more(site: Site) -> None:
    assert values(site.command(), "--env") == [
        "TF_CPP_MIN_LOG_LEVEL=2",
        "PYTHONUNBUFFERED=1",
        "HOME=/tmp",
        "KEY=value",
        "TMPDIR=/var/tmp",
    ]


@pytest.mark.parametrize(
    ("resources", "options"),
    [
        ({}, []),
        ({"resourceCpuLimit": "1500m"}, ["--cpus", "1.5"]),
        ({"resourceMemoryLimit": "2Gi", "memoryLimit": 2.147}, ["--memory", "2147483648"]),
        ({"cpuLimit": 2.0, "memoryLimit": 0.5}, ["--cpus", "2", "--memory", "500000000"]),
    ],
)
def test_limits_hold_for_the_container(
    site: Site, resources: Mapping[str, Any], options: list[str]
) -> None:
    command = site.command(resources=resources)
    end = command.index("--entrypoint")

    assert command[end - len(options) : end] == options
    assert ("--cpus" in command, "--memory" in command) == (
        "--cpus" in options,
        "--memory" in options,
    )


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ("docker", ["--gpus", "2"]),
        ("podman", ["--device", "nvidia.com/gpu=0", "--device", "nvidia.com/gpu=1"]),
    ],
)
def test_accelerators_are_given_as_the_engine_knows_them(
    site: Site, engine: str, options: list[str]
) -> None:
    accelerator = {"type": "NVIDIA_TESLA_T4", "count": "2"}
    command = site.command(engine=engine, resources={"accelerator": accelerator})
    end = command.index("--entrypoint")

    assert command[end - len(options) : end] == options


def test_options_of_the_environment_are_added(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FLAGS_VARIABLE, "--runtime runc --env 'A=b c'")

    command = site.command()

    end = command.index("--entrypoint")
    assert command[end - 4 : end] == ["--runtime", "runc", "--env", "A=b c"]


@pytest.mark.parametrize("nested", [False, True])
def test_a_path_of_this_machine_has_to_be_mounted(site: Site, nested: bool) -> None:
    path = str(site.data)
    parameters = {"config": {"base": [path]}} if nested else {"config": path}

    with pytest.raises(
        InputError,
        match=rf"^task: `config` is '{path}', a path of this machine, but the container sees only "
        rf"\[.*\]\. Add --mount {path}, with :ro behind it to have it read-only\.$",
    ):
        site.command(parameters=parameters)

    mounts = values(site.command(parameters=parameters, mounts=(f"{path}:ro",)), "--mount")
    assert f"type=bind,source={path},target={path},readonly" in mounts


def test_a_relative_path_means_what_it_means_elsewhere(site: Site) -> None:
    (site.directory / "serving").mkdir()

    with pytest.raises(InputError, match=r"`to` is 'serving', .* Add --mount .*/project/serving, "):
        site.command(parameters={"to": "serving"})

    command = site.command(parameters={"to": "serving"}, mounts=(str(site.directory),))
    assert values(command, "--workdir") == [str(site.directory)]


def test_what_would_be_lost_with_the_container_is_refused(site: Site) -> None:
    with pytest.raises(InputError, match="`to` is '/tmp/not/made/yet', a path of this machine"):
        site.command(parameters={"to": "/tmp/not/made/yet"})


def test_other_texts_are_no_paths(site: Site) -> None:
    parameters = {"a": "gs://bucket/x", "b": "train", "c": ".", "d": "x/" * 5000, "e": 1, "f": None}

    site.command(parameters=parameters)


@pytest.mark.parametrize("mount", ["nowhere", "nowhere:ro"])
def test_a_mount_of_nothing_is_refused(mount: str) -> None:
    with pytest.raises(
        InputError, match=rf"--mount is '{mount}', expected a directory that exists"
    ):
        ContainerOptions(mounts=(mount,))
