# mypy: disallow-untyped-decorators=False
"""Environments made from locks: once, complete or not at all, and only with their packages."""

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from kfp import dsl

from headrace.images import locks
from headrace.ir.view import Pipeline
from headrace.targets.local.cache.answers import Cache
from headrace.targets.local.runners import environments, interpreters
from headrace.targets.local.runners.environments import Environment, Environments
from headrace.targets.local.runners.nursery_client import Nursery
from headrace.targets.local.shared.results import TaskInputs
from headrace_components.artifacts import Model
from headrace_components.catalog import pusher, tfjs_converter
from headrace_components.contract import declaration
from headrace_components.contract.errors import InputError, PlatformError
from support.cases.local_pipelines import compiled

REPOSITORY = Path(__file__).parents[2]


class Workshop:
    """A package index on this disk with the package `tiny`, and a lock of it."""

    def __init__(self, directory: Path) -> None:
        self.lock = directory / "requirements.lock"
        self.environments = directory / "environments"
        self.logs = directory / "logs"
        self.index = directory / "index"
        self.logs.mkdir()
        self.index.mkdir()
        self.add_wheel("py3-none-any")

    def add_wheel(self, tag: str) -> None:
        wheel = self.index / f"tiny-1.0-{tag}.whl"
        info = "tiny-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("tiny.py", "answer = 42\n")
            archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0")
            archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nTag: {tag}")
            names = ("tiny.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD")
            archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
        self.write_lock(hashlib.sha256(wheel.read_bytes()).hexdigest())

    def write_lock(self, digest: str) -> None:
        self.lock.write_text(f"tiny==1.0 --hash=sha256:{digest}\n", "utf-8")

    def get(self, told: list[str] | None = None, times: int = 1) -> Environment:
        """Returns the environment, which several runs request at once."""
        lines = [] if told is None else told

        async def main() -> list[Environment]:
            nurseries = [Nursery(self.logs / f"{n}.nursery.log") for n in range(times)]
            makers = [
                Environments(nursery.run, self.logs / f"{n}.log", lines.append)
                for n, nursery in enumerate(nurseries)
            ]
            try:
                return await asyncio.gather(*(maker.get("toy") for maker in makers))
            finally:
                for nursery, maker in zip(nurseries, makers, strict=True):
                    await nursery.close()
                    maker.clean_up()

        return asyncio.run(main())[0]

    def left(self) -> list[str]:
        """Returns the remaining files, without those that are only locked."""
        found = self.environments.iterdir() if self.environments.exists() else ()
        return sorted(path.name for path in found if path.suffix != ".lock")


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    workshop = Workshop(tmp_path)
    for module in (environments, locks):
        monkeypatch.setattr(module, "lock_file", lambda _: workshop.lock)
    monkeypatch.setattr(interpreters, "is_isolated", lambda name: name == "toy")
    monkeypatch.setenv(environments.VARIABLE, str(workshop.environments))
    monkeypatch.setenv("PIP_FIND_LINKS", str(workshop.index))
    monkeypatch.setenv("UV_FIND_LINKS", str(workshop.index))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    return workshop


@pytest.fixture(params=["uv", pytest.param("pip", marks=pytest.mark.slow)])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pip":
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    name: str = request.param
    return name


def run(environment: Environment, code: str) -> str:
    return subprocess.run(
        [environment.python, "-c", code],
        env={**os.environ, **environment.variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_an_environment_has_its_packages_and_headraces_components_alone(
    workshop: Workshop, installer: str
) -> None:
    environment = workshop.get()

    code = (
        "import importlib.util as util, headrace_components.contract.task, tiny\n"
        "print(tiny.answer, [*filter(util.find_spec, ('headrace', 'kfp', 'numpy'))])"
    )
    assert run(environment, code) == "42 []\n"
    assert run(environment, "import shutil; print(shutil.which('python'))").strip() == str(
        environment.python
    )


def test_an_environment_is_made_once_for_all_runs(workshop: Workshop) -> None:
    told: list[str] = []

    first = workshop.get(told, times=3)
    second = workshop.get(told)

    assert told == ["making the environment of toy, once"]
    assert first == second
    assert [name.rpartition("-")[0] for name in workshop.left()] == ["components", "toy"]


def test_another_lock_makes_another_environment(workshop: Workshop) -> None:
    first = workshop.get()
    workshop.lock.write_text("# Changed.\n" + workshop.lock.read_text("utf-8"), "utf-8")

    assert workshop.get().python != first.python


def test_an_environment_whose_python_was_removed_is_made_again(workshop: Workshop) -> None:
    python = workshop.get().python
    python.unlink()

    assert run(workshop.get(), "import tiny; print(tiny.answer)") == "42\n"


def test_what_a_killed_process_left_is_removed(workshop: Workshop) -> None:
    name = workshop.get().python.parents[1].name
    partial = workshop.environments / f".{name}.0a1b2c3d.partial"
    (workshop.environments / name).rename(partial)

    workshop.get()

    assert not partial.exists()


def test_an_interrupted_run_leaves_nothing_half_made(workshop: Workshop) -> None:
    async def main() -> None:
        nursery = Nursery(workshop.logs / "nursery.log")
        maker = Environments(nursery.run, workshop.logs / "log", lambda _: None)
        making = asyncio.create_task(maker.get("toy"))
        while not any(name.endswith(".partial") for name in workshop.left()):
            await asyncio.sleep(0.01)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        await nursery.close()
        maker.clean_up()

    asyncio.run(main())

    assert workshop.left() == []


def spoil_hash(workshop: Workshop) -> None:
    workshop.write_lock("0" * 64)


def spoil_platform(workshop: Workshop) -> None:
    (workshop.index / "tiny-1.0-py3-none-any.whl").unlink()
    workshop.add_wheel("cp27-cp27m-manylinux1_x86_64")


def spoil_index(workshop: Workshop) -> None:
    for name in ("UV_NO_INDEX", "PIP_NO_INDEX", "UV_FIND_LINKS", "PIP_FIND_LINKS"):
        del os.environ[name]  # the fixture's monkeypatch restores them
    address = "http://127.0.0.1:9/simple"
    os.environ.update(UV_DEFAULT_INDEX=address, PIP_INDEX_URL=address, PIP_EXTRA_INDEX_URL="")


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (
            spoil_hash,
            PlatformError,
            r"toy: the environment of .*requirements.lock could not be made: tiny==1.0 came with "
            r"the SHA-256 [0-9a-f]{64}, expected 0{64} or another of the lock. Find out what the "
            r"package index serves, then run again. Nothing of it was kept; the whole output is in",
        ),
        (
            spoil_platform,
            InputError,
            r"toy: .* could not be made: .*tiny==1.0.* Expected packages for Python 3\.\d+\.\d+, "
            r"glibc \S+ on \w+. Run Headrace with another Python from 3.11 to 3.13",
        ),
        (
            spoil_index,
            PlatformError,
            r"toy: .* could not be made: .+\. Expected a package index that this machine reaches: "
            r"connect it, or set UV_DEFAULT_INDEX \(uv\) or PIP_INDEX_URL \(pip\) to one, then run",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    workshop: Workshop,
    installer: str,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Workshop], None],
    error: type[Exception],
    message: str,
) -> None:
    for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "1")
    spoil(workshop)

    with pytest.raises(error, match=message):
        workshop.get()

    assert workshop.left() == []


def test_the_cache_tells_locks_of_isolated_components_apart(
    workshop: Workshop, tmp_path: Path
) -> None:
    @dsl.pipeline(name="two")
    def two() -> None:
        model = dsl.importer(artifact_uri="model", artifact_class=Model).output
        tfjs_converter(model=model)
        pusher(model=model)

    spec = Pipeline(body=compiled(two))

    def key(task: str) -> str | None:
        cache = Cache(root=tmp_path, pipeline="two")
        found = spec.root.tasks[task]
        return cache.key(found, spec.component(found.component), TaskInputs())

    before = key("tfjs-converter"), key("pusher")
    workshop.lock.write_text("# Changed.\n", "utf-8")

    assert key("tfjs-converter") != before[0]
    assert key("pusher") == before[1]


def test_the_wheel_has_the_lock_of_every_image(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)

    names = declaration.names()
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        # It also has those of the layers and variants, which images are built from.
        for name in names:
            lock = archive.read(f"headrace/images/{name}/requirements.lock")
            assert lock == locks.lock_file(name).read_bytes()
