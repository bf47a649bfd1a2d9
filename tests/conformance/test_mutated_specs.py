"""A damaged compiled pipeline is refused with one line, or it runs; nothing else happens.

The seeds are the pipelines of this directory and the examples. Each case is one of them after one
to three random changes of its data or text. It goes the way of `headrace run`: read, checked,
linted and interpreted, without lineage and the processes of tasks.
"""

import asyncio
import importlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.parameter_checks import check_parameters
from headrace.frontend.loading import load
from headrace.ir import run_parameters, specs
from headrace.ir.task_names import TaskNames
from headrace.ir.view import ComponentSpec, Pipeline
from headrace.targets.local import runnable
from headrace.targets.local.cache.answers import Cache
from headrace.targets.local.execution.interpreter import PipelineInterpreter
from headrace.targets.local.execution.leaf import LeafRunner
from headrace.targets.local.records.journal import Journal
from headrace.targets.local.records.recorder import Recorder
from headrace.targets.local.records.store import RunStore
from headrace.targets.local.runners.runner import TaskProcess
from headrace.targets.local.shared.observer import Silence
from headrace.targets.local.shared.pipelines import checked_pipeline
from headrace.targets.local.shared.results import ArtifactsByPort, TaskInputs, TaskResult
from headrace.targets.local.shared.rules import RULES
from headrace_components.contract.errors import InputError
from support.cases.conformance_features import FEATURES, PROFILE
from support.cases.local_pipelines import compiled

HERE = Path(__file__)
for module in sorted(HERE.parent.glob("test_*.py")):
    if module.name not in (HERE.name, "test_feature_table.py"):
        importlib.import_module(module.stem)

EXAMPLES = sorted((HERE.parents[2] / "examples").glob("*/pipeline.py"))
NUM_CASES = 1000
VALUES: Mapping[str, Any] = {
    "STRING": "1",
    "NUMBER_INTEGER": 2,
    "NUMBER_DOUBLE": 0.5,
    "BOOLEAN": True,
    "LIST": [1, 2],
    "STRUCT": {"a": 1},
}
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e300,
    2**70,
    "",
    "..",
    "../../x",
    "/tmp/x",
    ".hidden",
    "a/b",
    "a\0b",
    "x" * 300,
    "*",
    "{{$}}",
    "{{$.inputs.parameters['nope']}}",
    "{{$.inputs.artifacts['nope'].uri}}",
    "{{$.foo}}",
    '{"IfPresent": 1}',
    '{"Concat": [{"a": 1}]}',
    "parseJson(",
    "\ud800",
    [],
    {},
    [[]],
    {"a": None},
    {"runtimeValue": {"constant": "x"}},
)
ODD_TEXTS = (b"\xff", b"\0", b"&a ", b"*a ", b"- ", b"[", b"{", b"'", b"\t", b"!!set ", b"2020-1-1")


def seeds() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Returns the pipelines that run on this machine, and those that it refuses."""
    sound, refused = [], []
    pipelines: dict[Any, Any] = {path: path for path in EXAMPLES}
    pipelines |= {id(each.pipeline): each.pipeline for each in FEATURES if each.pipeline}
    for pipeline in pipelines.values():
        try:
            sound.append(compile_for(load(pipeline), "local", PROFILE).document)
        except InputError:
            refused.append(compiled(pipeline))
    return sound, refused


def containers(value: Any) -> Iterator[Any]:
    """Yields the value and all objects and lists in it."""
    if isinstance(value, (dict, list)):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


def change_data(spec: dict[str, Any], chance: random.Random) -> None:
    """Makes one random change of the data: removes, renames, replaces or moves something."""
    places = [each for each in containers(spec) if each]
    place = chance.choice(places)
    key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
    accident = chance.randrange(10)
    if accident >= 5:  # the smallest change: another value of the same type
        kind = type(place[key])
        others = [each for each in ODD if type(each) is kind]
        others += [item for each in places if isinstance(each, dict) for item in each.values()]
        place[key] = copied(chance.choice([each for each in others if type(each) is kind]))
        return
    if accident == 0:
        del place[key]
    elif accident == 1:
        place[key] = copied(chance.choice(ODD))
    elif accident == 2:
        other = chance.choice(places)
        items = list(other.values()) if isinstance(other, dict) else other
        place[key] = copied(chance.choice(items))
    elif isinstance(place, dict):
        new = chance.choice([str(chance.choice(ODD)), f"{key}x", chance.choice(list(spec))])
        place[new] = place.pop(key) if accident == 3 else copied(place[key])
    else:
        place.append(copied(place[key]))


def copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def change_text(text: bytes, chance: random.Random) -> bytes:
    """Makes one random change of the text of a file."""
    at = chance.randrange(len(text) + 1)
    accident = chance.randrange(8)
    if accident >= 5:  # the smallest change: another letter or digit
        at = chance.choice([number for number, byte in enumerate(text) if chr(byte).isalnum()])
        others = b"0123456789" if chr(text[at]).isdigit() else b"abctuvxyzATZ"
        return text[:at] + bytes([chance.choice(others)]) + text[at + 1 :]
    if accident == 0:
        return text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
    if accident == 1:
        odd = [
            b"\xff",
            b"\0",
            b"&a ",
            b"*a ",
            b"- ",
            b"[",
            b"{",
            b"'",
            b"\t",
            b"!!set ",
            b"2020-1-1",
        ]
        return text[:at] + chance.choice(odd) + text[at:]
    if accident == 2:
        return text[:at]
    lines = text.splitlines(keepends=True)
    number = chance.randrange(len(lines))
    return b"".join([*lines[:number], lines[number] * 2 * (accident - 3), *lines[number + 1 :]])


class DryRecorder(Recorder):
    """Numbers executions and keeps nothing."""

    def begin(self, *_: Any) -> int:
        return 1

    def finish(self, execution: int, state: Any, outputs: ArtifactsByPort, *_: Any) -> Any:  # noqa: ARG002
        return {port: tuple(outputs[port]) for port in outputs}

    def give_up(self, *_: Any) -> None:
        return


class DryRunner:
    """Writes each output that a task declares, and starts nothing."""

    def __init__(self, spec: Pipeline) -> None:
        self._spec = spec

    async def run(self, process: TaskProcess) -> int:
        for name, definition in self._component(process.task).output_parameters.items():
            value = VALUES.get(definition["parameterType"], "")
            text = value if isinstance(value, str) else json.dumps(value)
            (process.attempt.private / "parameters" / name).write_text(text, "utf-8")
        return 0

    async def close(self) -> None:
        return

    def _component(self, task: str) -> ComponentSpec:
        names = TaskNames.of(self._spec)
        given = task.split("/")
        for path, found in self._spec.leaves():
            shown = names.node(path).split("/")
            if len(shown) == len(given) and all(
                name in ("*", each) for name, each in zip(shown, given, strict=True)
            ):
                return self._spec.component(found.component)
        raise LookupError(task)


def dry_run(body: Mapping[str, Any], preset: Mapping[str, Any], root: Path) -> TaskResult:
    """Interprets a pipeline like a run, without processes and without lineage."""
    root.mkdir()
    for name in VALUES["LIST"]:  # for importers
        (root / str(name)).touch()
    spec = checked_pipeline(body)
    given = {
        name: VALUES.get(definition["parameterType"])
        for name, definition in spec.root.input_parameters.items()
        if "defaultValue" not in definition
    }
    values = run_parameters.checked({**given, **preset}, spec.root)
    check_parameters(spec.body, values)
    store = RunStore.create(root, spec.name, "run", {})
    leaves = LeafRunner(
        directory=root,
        store=store,
        cache=Cache(root=root, pipeline=spec.name),
        use_cache=True,
        runner=DryRunner(spec),
        recorder=DryRecorder(run_id="run", lineage=None),  # type: ignore[arg-type]
        journal=Journal(file=store.directory / "tasks.jsonl"),
        observer=Silence(),
        components=spec.headrace_names(),
        concurrency=4,
        rules=RULES["kubeflow"],
    )
    names = ("name", "uuid", "resource_name", "create_time_utc", "schedule_time_utc")
    placeholders = {f"pipeline_job_{name}": name for name in names} | {"pipeline_root": str(root)}
    return asyncio.run(
        PipelineInterpreter(spec, leaves, placeholders, RULES["kubeflow"], TaskNames.of(spec)).run(
            TaskInputs(parameters=values)
        )
    )


def cases(make: Callable[[dict[str, Any], random.Random], bytes]) -> Iterator[tuple[str, bytes]]:
    originals = [json.dumps(seed) for kind in seeds() for seed in kind]
    for number in range(NUM_CASES // 2):
        chance = random.Random(number)
        spec = json.loads(chance.choice(originals))
        yield f"{make.__name__} {number}", make(spec, chance)


def damaged_data(spec: dict[str, Any], chance: random.Random) -> bytes:
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        change_data(spec, chance)
    return json.dumps(spec).encode()


def damaged_text(spec: dict[str, Any], chance: random.Random) -> bytes:
    text = yaml.dump(spec, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)).encode()
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        text = change_text(text, chance)
    return text


@pytest.mark.slow
@pytest.mark.parametrize("make", [damaged_data, damaged_text])
def test_a_damaged_spec_is_refused_in_a_line_or_runs(
    make: Callable[[dict[str, Any], random.Random], bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A rename does not have to survive a power failure here.
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr("asyncio.sleep", _at_once)
    ends = {"ran": 0, "failed": 0, "refused": 0}
    faults = []
    for name, text in cases(make):
        file = tmp_path / f"{name}.{'json' if make is damaged_data else 'yaml'}"
        file.write_bytes(text)
        try:
            loaded = runnable.load(file)
            result = dry_run(loaded.spec, loaded.parameters, tmp_path / name)
            ends["ran" if result.state == "succeeded" else "failed"] += 1
        except InputError as error:
            ends["refused"] += 1
            if "\n" in str(error) or not str(error).startswith(("headrace run: ", "task ")):
                faults.append(f"{name}: {error}")
        except Exception as error:  # any exception is a fault, and all of them are collected
            faults.append(f"{name}: {type(error).__name__}: {error}")

    assert not faults, "\n".join(faults)
    assert min(ends["ran"], ends["refused"]) > 20, ends


async def _at_once(_: float) -> None:
    return


@pytest.mark.slow
def test_what_is_damaged_above_runs_while_it_is_whole(tmp_path: Path) -> None:
    num_run = 0
    for number, seed in enumerate(seeds()[0]):
        types = {each["parameterType"] for each in specs.parameters(seed["root"]).values()}
        if "LIST" in types:  # perhaps with dicts that have certain keys
            continue
        try:
            result = dry_run(runnable.load(seed).spec, {}, tmp_path / str(number))
        except InputError:  # made from values that are checked before a run
            continue
        assert result.state == "succeeded", (seed["pipelineInfo"], result.failure)
        num_run += 1
    assert num_run > 50
