"""The packages that a lightweight component of kfp installs: an environment for each list."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from kfp import dsl

from headrace.targets.local import engine
from headrace.targets.local.runners.package_steps import split
from headrace.targets.local.shared.observer import Silence
from headrace.targets.local.shared.options import Options
from support.cases.conformance_features import conforms
from support.cases.local_pipelines import compiled
from support.fakes.package_index import PackageIndex, index

__all__ = ["index"]

PLAIN = "python:3.11"


def see() -> str:
    from importlib.util import find_spec

    import tiny  # type: ignore[import-not-found]

    return f"tiny {tiny.number}" + (", numpy" if find_spec("numpy") else "")


class Outputs(NamedTuple):
    a: str
    b: str
    c: str


def seeing(**options: object):
    return dsl.component(see, base_image=PLAIN, **options)


first = seeing(packages_to_install=["tiny==1.0"])
second = seeing(packages_to_install=["tiny==2.0"])
newest = seeing(packages_to_install=["tiny"], use_venv=True)
over_an_image = dsl.component(
    see, base_image="tensorflow/tensorflow:2.16.1", packages_to_install=["tiny==1.0"]
)
without_kfp = seeing(packages_to_install=["tiny==1.0"], install_kfp_package=False)
missing = seeing(packages_to_install=["tiny==3.0"])


class Heard(Silence):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, line: str) -> None:
        self.lines.append(line)


def ran(pipeline, root: Path) -> tuple:
    heard = Heard()
    options = Options(root=root, use_cache=False)
    return engine.start(compiled(pipeline), options=options, observer=heard), heard.lines


@pytest.fixture
def stocked(index: PackageIndex) -> PackageIndex:
    for version in ("1.0", "2.0"):
        index.add("tiny", version, f"number = {version[0]}\n")
    index.add_installed("kfp")
    return index


@dsl.pipeline(name="packages")
def packages() -> Outputs:
    return Outputs(first().output, second().output, first().output)


@conforms("Settings of a task", "`packages_to_install`", packages)
@pytest.mark.slow
def test_each_list_of_packages_has_an_environment_that_is_made_once(
    stocked: PackageIndex, tmp_path: Path
) -> None:
    result, told = ran(packages, tmp_path / "root")

    assert result.state == "succeeded", result.failures
    assert result.parameters == {"a": "tiny 1", "b": "tiny 2", "c": "tiny 1"}
    assert sorted(line for line in told if "environment" in line) == [
        "making the environment of tiny==1.0, once",
        "making the environment of tiny==2.0, once",
    ]
    made = stocked.made()
    assert [name.partition("-")[0] for name in made] == ["packages", "packages"]

    # Programs begin with the path of their Python, in its final directory.
    for name in made:
        program = (stocked.environments / name / "bin/pip").read_text("utf-8")
        assert str(stocked.environments / name / "bin/python") in program

    again, told = ran(packages, tmp_path / "root")

    assert again.state == "succeeded"
    assert not [line for line in told if "environment" in line]
    assert stocked.made() == made


@pytest.mark.slow
def test_packages_stand_before_those_of_this_environment_in_place_of_an_image(
    stocked: PackageIndex, tmp_path: Path
) -> None:
    @dsl.pipeline(name="layers")
    def layers() -> Outputs:
        return Outputs(over_an_image().output, without_kfp().output, newest().output)

    result, _ = ran(layers, tmp_path / "root")

    assert result.state == "succeeded", result.failures
    assert result.parameters == {
        "a": "tiny 1, numpy",
        "b": "tiny 1, numpy",
        "c": "tiny 2",
    }


@pytest.mark.slow
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_package_that_is_nowhere_fails_its_task_in_one_message(
    stocked: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    if installer == "pip":
        which = shutil.which
        monkeypatch.setattr(
            shutil, "which", lambda name, *a, **k: None if name == "uv" else which(name, *a, **k)
        )

    @dsl.pipeline(name="nowhere")
    def nowhere():
        missing()

    result, _ = ran(nowhere, tmp_path / "root")

    (failure,) = result.failures
    assert failure.message.startswith(
        "see: the environment of its component's packages (tiny==3.0) could not be made: "
    )
    assert "tiny==3.0" in failure.message.partition("could not be made: ")[2]
    assert "Correct `packages_to_install` of the component." in failure.message
    assert len(failure.message.splitlines()) == 1
    assert stocked.made() == []


def commands(component) -> list[str]:
    container = component.component_spec.implementation.container
    return [*container.command, *container.args]


@pytest.mark.parametrize(
    ("options", "requirements", "has_kfp"),
    [
        ({}, (), True),
        ({"packages_to_install": ["six==1.16.0"]}, ("six==1.16.0",), True),
        ({"packages_to_install": ["six"], "use_venv": True}, ("six",), True),
        ({"packages_to_install": ["six"], "install_kfp_package": False}, ("six",), False),
        ({"install_kfp_package": False}, (), False),
        ({"packages_to_install": ["kfp==2.13.0", "six>=1,<2"]}, ("six>=1,<2",), True),
        (
            {"packages_to_install": ["a[b]>=1; python_version>='3.8'", "c @ https://d.e/f.whl"]},
            ("a[b]>=1; python_version>='3.8'", "c @ https://d.e/f.whl"),
            True,
        ),
        ({"kfp_package_path": "git+https://github.com/kubeflow/pipelines.git@master"}, (), True),
        ({"packages_to_install": ["git+https://d.e/f.git"]}, ("git+https://d.e/f.git",), True),
    ],
    ids=str,
)
def test_what_kfp_installs_is_read_from_its_command(
    options: dict, requirements: tuple[str, ...], has_kfp: bool
) -> None:
    steps, rest = split(commands(seeing(**options)))

    assert steps.requirements == requirements
    assert steps.has_kfp == has_kfp
    assert rest[:2] == ["sh", "-ec"]


def test_indexes_and_trusted_hosts_are_those_of_the_component() -> None:
    component = seeing(
        packages_to_install=["six"],
        pip_index_urls=["https://a.example/simple", "https://b.example/simple"],
        pip_trusted_hosts=["b.example"],
    )
    steps, _ = split(commands(component))
    assert steps.calls[-1] == (
        *("--index-url", "https://a.example/simple"),
        *("--extra-index-url", "https://b.example/simple"),
        *("--trusted-host", "b.example"),
        "six",
    )
