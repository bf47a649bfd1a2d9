"""The contract of every component of the catalogue, tested with the smallest task of each.

A component's own test, `tests/contract/test_<name>.py`, has its smallest task:

    def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:

It writes its inputs to `tmp_path`, runs the component once by `launcher`, asserts what the task
published, and returns it. Where an output differs from run to run, the module has `VARIES`, which
gives the reason by the pattern of a file, `port/path`, or of metadata, `port/key`. `VARIES_ON_BEAM`
is the same for what differs between Beam and a run without it. Input files get a fixed time with
`os.utime` if the component records when they changed.
"""

import ast
import fnmatch
import hashlib
import importlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import headrace_components
from headrace_components import catalog
from headrace_components.contract import declaration, task
from headrace_components.contract.hooks import CacheHooks
from support.cases import declared
from support.launcher.entry_points import Launcher, Outcome, Rules, Stored
from support.programs.beam_clusters import executor_input

COMPONENTS = sorted(catalog.__all__)
# Components whose ports an author names are not in the catalogue.
TASKS = declaration.names()
PACKAGE = Path(headrace_components.__file__).parent
IN_MEMORY = {"beam_pipeline_args": ["--runner=DirectRunner"]}
# They declare ports, and the inputs and outputs of any component.
DECLARATIONS = ("component", "interface")


def own_test(component: str) -> Any:
    """Returns the module of a component's test, which has its smallest task."""
    path = Path(__file__).with_name(f"test_{component}.py")
    found = importlib.import_module(path.stem) if path.is_file() else None
    if not hasattr(found, "smallest_task"):
        pytest.fail(
            f"{component}: tests/contract/{path.name} has no `smallest_task(launcher, tmp_path)`. "
            f"Write one, as the docstring of {Path(__file__).name} says."
        )
    return found


def spec(component: str) -> Any:
    return getattr(catalog, component).component_spec


def takes_beam(component: str) -> bool:
    return "beam_pipeline_args" in (spec(component).inputs or {})


@pytest.mark.slow
@pytest.mark.parametrize("rules", ["kfp-2.17", "kfp-next", "vertex"])
@pytest.mark.parametrize("component", TASKS)
def test_the_entry_point_keeps_each_backends_rules(
    component: str, rules: Rules, tmp_path: Path
) -> None:
    # `python -m` is the same for all backends: one run in a new interpreter is enough.
    launcher = Launcher(
        root=tmp_path / "launcher", rules=rules, subprocess=True, forked=rules != "kfp-2.17"
    )

    own_test(component).smallest_task(launcher, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("component", TASKS)
def test_two_runs_write_the_same_bytes(component: str, tmp_path: Path) -> None:
    first = run(component, tmp_path / "first")
    wait_for_the_next_second()
    second = run(component, tmp_path / "second")

    varies = getattr(own_test(component), "VARIES", {})
    assert published(first, varies) == published(second, varies)


@pytest.mark.slow
@pytest.mark.parametrize("component", [each for each in COMPONENTS if takes_beam(each)])
def test_beam_writes_the_same_bytes(component: str, tmp_path: Path) -> None:
    without = run(component, tmp_path / "without")
    on_beam = run(component, tmp_path / "on-beam", IN_MEMORY)

    module = own_test(component)
    varies = {**getattr(module, "VARIES", {}), **getattr(module, "VARIES_ON_BEAM", {})}
    assert published(on_beam, varies) == published(without, varies)


def wait_for_the_next_second() -> None:
    """Waits until the time in whole seconds is another one.

    Two short runs in one second write the same time, so a test would find that it varies only
    now and then.
    """
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.01)


def run(component: str, scratch: Path, parameters: Mapping[str, Any] | None = None) -> Outcome:
    """Runs the smallest task of a component in this process."""
    scratch.mkdir()
    launcher = Launcher(root=scratch / "launcher", parameters=parameters or {})
    outcome: Outcome = own_test(component).smallest_task(launcher, scratch)
    return outcome


def published(outcome: Outcome, varies: Mapping[str, str]) -> dict[str, Any]:
    """Returns the outputs of a task, without what varies: metadata, and a digest of each file."""
    found: dict[str, Any] = {}
    for port, artifact in outcome.artifacts.items():
        found.update({f"{port}/{key}": value for key, value in artifact.metadata.items()})
        files = [artifact.path] if artifact.path.is_file() else artifact.path.rglob("*")
        for file in filter(Path.is_file, files):
            name = f"{port}/{file.relative_to(artifact.path)}".removesuffix("/.")
            found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return {
        name: value
        for name, value in found.items()
        if not any(fnmatch.fnmatch(name, pattern) for pattern in varies)
    }


def has_hooks(component: str) -> bool:
    return bool(declared.cache(component) != CacheHooks())


@pytest.mark.slow
@pytest.mark.parametrize("component", [each for each in COMPONENTS if has_hooks(each)])
def test_a_cache_gets_the_same_answers_twice_and_finds_that_the_result_holds(
    component: str, tmp_path: Path
) -> None:
    launcher = AskingLauncher(root=tmp_path / "launcher")

    own_test(component).smallest_task(launcher, tmp_path)

    assert launcher.asked == [component]


@dataclass(frozen=True, kw_only=True)
class AskingLauncher(Launcher):
    """Calls the cache hooks of a component for each task that it has run.

    Attributes:
        asked: The components whose hooks were called, in order.
    """

    asked: list[str] = field(default_factory=list)

    def run(
        self,
        component: str,
        parameters: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        **inputs: Stored | Sequence[Stored],
    ) -> Outcome:
        outcome = super().run(component, parameters, environment, **inputs)
        hooks = declared.cache(component)
        known = declared.component(component).declared_parameters()
        defaults = {each.name: each.default for each in known if not each.is_required}
        values = {**defaults, **(parameters or {})}
        paths = {
            port: [str(each.path) for each in ([given] if isinstance(given, Stored) else given)]
            for port, given in inputs.items()
        }
        published = {port: [each.metadata] for port, each in outcome.artifacts.items()}
        with mock.patch.dict(os.environ, environment or {}):
            for hook, arguments in (
                (hooks.external_state, (values, paths)),
                (hooks.input_locations, (values,)),
                (hooks.environment_state, (values,)),
            ):
                if hook is not None:
                    assert hook(*arguments) == hook(*arguments)
            if hooks.relevant_inputs is not None:
                assert hooks.relevant_inputs(paths).items() <= paths.items()
            if hooks.still_holds is not None:
                assert hooks.still_holds(published) is True
        self.asked.append(component)
        return outcome


@pytest.mark.parametrize("component", COMPONENTS)
def test_an_unknown_parameter_is_refused_by_name(component: str, tmp_path: Path) -> None:
    file = tmp_path / "output.json"
    given = {"no_such_parameter": 1}
    message = executor_input(component, str(tmp_path), file, given, list(spec(component).inputs))

    executor = importlib.import_module(f"headrace_components.{component}.executor")
    code = task.main(component, executor.execute, ["--executor_input", message])

    error = json.loads(file.with_name("executor_error.json").read_text("utf-8"))
    assert code == task.EXIT_INPUT_ERROR
    assert error["message"].startswith(f"{component}: ")
    assert "no_such_parameter" in error["message"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_ports_are_those_that_the_code_reads_and_writes(component: str) -> None:
    inputs, outputs = spec(component).inputs or {}, spec(component).outputs or {}
    artifacts = {name for name, declared in inputs.items() if "@" in str(declared.type)}

    named, read, written = set[str](), set[str](), set[str]()
    for tree in code_of(f"headrace_components.{component}.executor"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            match node:
                case ast.Call(ast.Attribute(attr=method), [ast.Constant(str(port)), *_]):
                    if method in ("input", "optional_input"):
                        read.add(port)
                    elif method in ("output", "redirect"):
                        written.add(port)

    assert read <= artifacts
    assert written <= set(outputs)
    assert named >= artifacts | set(outputs)


def code_of(module: str) -> Iterator[ast.Module]:
    """Yields a module of the components, and the modules of components that it imports."""
    seen, waiting = set[Path](), [module]
    while waiting:
        names = waiting.pop().split(".")[1:]
        path = PACKAGE.joinpath(*names).with_suffix(".py")
        if (
            path in seen
            or not path.is_file()
            or names[0] == "contract"
            or path.stem in DECLARATIONS
        ):
            continue
        seen.add(path)
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        yield tree
