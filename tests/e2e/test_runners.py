# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False, disallow-any-generics=False
"""One pipeline has the same results with every runner. The view of containers, and their end."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

import headrace
from headrace.images.built import reference
from headrace.targets.local.runners.container_command import FLAGS_VARIABLE, LABEL
from headrace.targets.local.runners.container_images import image_ids
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace.targets.local.shared.options import RunnerName
from headrace_components.artifacts import Model
from headrace_components.catalog import pusher
from headrace_components.contract.errors import InputError, PlatformError
from support.launcher import built_images
from support.programs.finding import program

PUSHER = reference("pusher")

pytestmark = pytest.mark.slow


@dsl.pipeline(name="push")
def push(model: str, serving: str):
    imported = dsl.importer(artifact_uri=model, artifact_class=Model, reimport=False)
    pusher(model=imported.output, base_directory=serving)


@dsl.container_component
def sleeper(seconds: float, told: dsl.OutputPath(str)):  # type: ignore[valid-type]
    """Logs that it sleeps; its program is only in its image."""
    return dsl.ContainerSpec(
        image=PUSHER,
        command=["/opt/headrace/bin/python", "-uc"],
        args=[
            "import os, sys, time\n"
            "print('asleep in', os.environ['HEADRACE_COMPONENT'])\n"
            "time.sleep(float(sys.argv[1]))\n"
            "os.makedirs(os.path.dirname(sys.argv[2]), exist_ok=True)\n"
            "print(os.getcwd(), file=open(sys.argv[2], 'w'))\n",
            seconds,
            told,
        ],
    )


@dsl.pipeline(name="sleep")
def sleep(seconds: float):
    sleeper(seconds=seconds)


@dsl.container_component
def privileges(told: dsl.OutputPath(str)):  # type: ignore[valid-type]
    """Tells what the kernel would let it do."""
    return dsl.ContainerSpec(
        image=PUSHER,
        command=["/opt/headrace/bin/python", "-c"],
        args=[
            "import os, sys\n"
            "fields = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
            "os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)\n"
            "names = ('CapEff', 'CapBnd', 'NoNewPrivs')\n"
            "print(*(int(fields[name], 16) for name in names), file=open(sys.argv[1], 'w'))\n",
            told,
        ],
    )


@dsl.pipeline(name="ask")
def ask():
    privileges()


@dsl.container_component
def teller(
    x: float,
    values: dict,
    told: dsl.OutputPath(str),  # type: ignore[valid-type]
    number: dsl.OutputPath(int),  # type: ignore[valid-type]
):
    """Tells its arguments and a variable, and writes a number as a shell would."""
    return dsl.ContainerSpec(
        image=PUSHER,
        command=["python", "-c"],
        args=[
            "import os, sys\n"
            "open(sys.argv[3], 'w').write(' '.join([*sys.argv[1:3], os.environ['B']]))\n"
            "open(sys.argv[4], 'w').write(' 007\\n')\n",
            x,
            values,
            told,
            number,
        ],
    )


@dsl.pipeline(name="tell")
def tell(x: float, values: dict):
    task = teller(x=x, values=values)
    task.set_env_variable("A", "a").set_env_variable("B", "$(A)/$(C)")


@pytest.fixture(scope="session")
def podman() -> str:
    engine = program("podman", "no task can run in its image")
    built_images.build("pusher")
    return engine


@pytest.fixture(autouse=True)
def _flags(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in built_images.runner_flags().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model/Format-Serving"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables/variables.index").write_bytes(b"weights")
    return folder.parent


def files(directory: Path) -> dict[str, bytes]:
    """Returns the content of all files under a directory, by path."""
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def result_of(runner: RunnerName, model: Path, directory: Path) -> dict[str, Any]:
    """Runs the pipeline twice; returns the results that must be the same for every runner."""
    serving = directory / "serving"
    serving.mkdir(parents=True)
    mounts = (str(serving),) if runner == "podman" else ()
    first, second = (
        headrace.run(
            push,
            parameters={"model": str(model), "serving": str(serving)},
            root=directory / "root",
            runner=runner,
            containers=ContainerOptions(mounts=mounts),
        )
        for _ in range(2)
    )
    assert first.state == "succeeded", first.failures
    (artifact,) = first.tasks[-1].artifacts["pushed_model"]
    version = Path(str(artifact.metadata["pushed_destination"]))
    assert version.parent == serving
    return {
        "first": {task.name: task.state for task in first.tasks},
        "second": {task.name: task.state for task in second.tasks},
        "artifact": files(Path(artifact.uri)),
        "pushed": files(version),
        "metadata": sorted(artifact.metadata),
        "owners": {path.stat().st_uid for path in first.directory.rglob("*")},
    }


def test_every_runner_gives_the_same_results(podman: str, model: Path, tmp_path: Path) -> None:
    runners: tuple[RunnerName, ...] = ("worker", "process", "venv", "podman")
    results = {runner: result_of(runner, model, tmp_path / runner) for runner in runners}

    expected = results["worker"]
    assert expected["pushed"] == files(model / "Format-Serving")
    assert expected["second"] == {"importer": "done", "pusher": "cached"}
    for runner, result in results.items():
        assert result == expected, runner


def test_a_foreign_component_runs_in_its_image(podman: str, tmp_path: Path) -> None:
    result = headrace.run(sleep, parameters={"seconds": 0.0}, root=tmp_path, runner="podman")

    (task,) = result.tasks
    assert (task.state, task.parameters) == ("done", {"told": f"{Path.cwd()}\n"})
    assert (result.logs / "sleeper.log").read_text("utf-8") == "asleep in pusher\n"


def test_a_foreign_component_gets_the_same_values_from_every_runner(
    podman: str, tmp_path: Path
) -> None:
    runners: tuple[RunnerName, ...] = ("worker", "process", "venv", "podman")
    parameters = {"x": 1234567.5, "values": {"b": "<", "a": -0.0}}
    for runner in runners:
        result = headrace.run(tell, parameters=parameters, root=tmp_path / runner, runner=runner)

        (task,) = result.tasks
        text = '1.2345675e+06 {"a":-0,"b":"\\u003c"} a/$(C)'
        assert task.parameters == {"told": text, "number": 7}, (runner, result.failures)


def test_a_container_has_no_capabilities_and_cannot_gain_any(podman: str, tmp_path: Path) -> None:
    result = headrace.run(ask, root=tmp_path, runner="podman")

    (task,) = result.tasks
    assert (task.state, task.parameters) == ("done", {"told": "0 0 1\n"})


def test_a_path_that_is_not_mounted_fails_the_task(
    podman: str, model: Path, tmp_path: Path
) -> None:
    result = headrace.run(
        push,
        parameters={"model": str(model), "serving": str(tmp_path / "serving")},
        root=tmp_path / "root",
        runner="podman",
    )

    (failure,) = result.failures
    assert failure.kind == "input"
    assert failure.message.startswith("pusher: `base_directory` is ")
    assert f"Add --mount {tmp_path / 'serving'}, " in failure.message


def test_limits_that_the_runner_may_not_set_are_told_with_those_that_it_may(
    podman: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = " ".join(built_images.engine().command[1:])
    monkeypatch.setenv(FLAGS_VARIABLE, f"{runtime} --ulimit nofile=9999999:9999999")
    refused = headrace.run(ask, root=tmp_path, runner="podman")

    (failure,) = refused.failures
    assert failure.kind == "platform"
    assert "podman could not run its container" in failure.message
    advice = re.search(rf"Set {FLAGS_VARIABLE}='(--ulimit [^']*)'", failure.message)
    assert advice, failure.message
    monkeypatch.setenv(FLAGS_VARIABLE, f"{runtime} {advice[1]}")
    assert headrace.run(ask, root=tmp_path, runner="podman").state == "succeeded"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_ends_early_leaves_no_container(
    podman: str, number: signal.Signals, tmp_path: Path
) -> None:
    code = (
        "import headrace, test_runners as t\n"
        f"headrace.run(t.sleep, parameters={{'seconds': 300}}, root={str(tmp_path)!r}, "
        "runner='podman')\n"
    )
    search = os.pathsep.join(map(str, [Path(__file__).parent, Path(__file__).parents[1]]))
    environment = {**os.environ, "PYTHONPATH": f"{search}:{os.environ.get('PYTHONPATH', '')}"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    wait_for(lambda: any("asleep" in log.read_text() for log in tmp_path.rglob("sleeper.log")))
    (run,) = tmp_path.glob("sleep/*")
    assert containers(run.name)

    process.send_signal(number)
    process.wait()

    wait_for(lambda: not containers(run.name))


def containers(run_id: str) -> list[str]:
    command = ["podman", "ps", "--all", "--quiet", "--filter", f"label={LABEL}={run_id}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.1)


def test_an_image_that_was_not_built_is_refused_before_the_run(podman: str) -> None:
    missing = reference("no_such_component")

    with pytest.raises(
        InputError,
        match=rf"^headrace run: podman has no image \['{missing}'\]\. Build with `headrace images "
        r"build no_such_component`, or give --config a profile",
    ):
        image_ids("podman", [missing, PUSHER], print)


def test_a_registry_that_does_not_answer_is_named(podman: str) -> None:
    with pytest.raises(
        PlatformError,
        match=r"^headrace run: podman could not pull 127\.0\.0\.1:9/pusher: .*refused.* Check that "
        r"this machine reaches the registry and may read it \(`podman login`\), then run again\.$",
    ):
        image_ids("podman", ["127.0.0.1:9/pusher"], print)


def test_an_engine_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(InputError, match="the runner is 'docker', but no docker is on PATH"):
        image_ids("docker", [PUSHER], print)
