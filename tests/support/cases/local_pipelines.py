"""Tiny components for tests of the local backend: each writes a line into a journal.

The journal's path is in the environment and not among the parameters, so that it stays out of cache
keys.
"""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, List, NamedTuple, Optional  # noqa: UP035  kfp knows these names only

from google.protobuf.json_format import MessageToDict
from kfp import dsl

from headrace.compilation.passes.loop_types import apply_loop_types
from headrace.targets.local import engine
from headrace.targets.local.shared.options import Options
from headrace.targets.local.shared.results import RunResult
from headrace.targets.local.shared.rules import Backend

_PRELUDE = """
import json, os, pathlib, signal, sys, time
def note(*words):
    line = " ".join(str(word) for word in words) + "\\n"
    with open(os.environ["JOURNAL"], "a") as file:
        file.write(line)
def write(path, text):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(text)
"""


def _python(code: str) -> list[str]:
    return ["python", "-c", _PRELUDE + code]


@dsl.container_component
def step(
    name: str,
    out: dsl.Output[dsl.Artifact],
    text: dsl.OutputPath(str),  # type: ignore[valid-type]
    value: str = "",
):
    """Notes its name and value, and gives the value on."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "name, value, out, text = sys.argv[1:]\n"
            "note(name, value)\n"
            "write(out + '/value.txt', value)\n"
            "write(text, value)\n"
        ),
        args=[name, value, out.path, text],
    )


@dsl.container_component
def number(value: int, result: dsl.OutputPath(int)):  # type: ignore[valid-type]
    """Gives a number on."""
    return dsl.ContainerSpec(
        image="test",
        command=_python("note('number', sys.argv[1])\nwrite(sys.argv[2], sys.argv[1])\n"),
        args=[value, result],
    )


@dsl.container_component
def items(value: list, result: dsl.OutputPath(list)):  # type: ignore[valid-type]
    """Gives a list on."""
    return dsl.ContainerSpec(
        image="test",
        command=_python("write(sys.argv[2], sys.argv[1])\n"),
        args=[value, result],
    )


@dsl.container_component
def read(name: str, item: dsl.Input[dsl.Artifact]):
    """Notes what an artifact holds."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "path = pathlib.Path(sys.argv[2])\n"
            "file = path / 'value.txt' if path.is_dir() else path\n"
            "note(sys.argv[1], file.read_text())\n"
        ),
        args=[name, item.path],
    )


@dsl.container_component
def note_inputs(
    name: str,
    value: Optional[str] = None,  # noqa: UP045
    item: dsl.Input[dsl.Artifact] = None,
):
    """Notes the inputs that it was given."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "inputs = json.loads(sys.argv[1])['inputs']\n"
            "values = {k: v for k, v in inputs['parameterValues'].items() if k != 'name'}\n"
            "note(inputs['parameterValues']['name'], json.dumps(values, sort_keys=True),\n"
            "     sorted(inputs.get('artifacts', {})))\n"
        ),
        args=["{{$}}"],
    )


@dsl.container_component
def note_variable(name: str):
    """Notes a variable of its environment."""
    return dsl.ContainerSpec(
        image="test", command=_python("note(os.environ[sys.argv[1]])\n"), args=[name]
    )


@dsl.container_component
def tell(
    values: dict = {},
    x: float = 0.5,
    n: int = 1,
    flag: bool = False,
    text: str = "",
    several: list = [],
):
    """Notes its parameters as JSON, those that were given or have a default."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "found = json.loads(sys.argv[1])['inputs']['parameterValues']\n"
            "found['values'] = dict(sorted(found['values'].items()))\n"
            "order = ['values', 'x', 'n', 'flag', 'text', 'several']\n"
            "note(json.dumps({k: found[k] for k in order if found[k]}, ensure_ascii=False))\n"
        ),
        args=["{{$}}"],
    )


@dsl.container_component
def present(
    out: dsl.Output[dsl.Artifact],
    text: Optional[str] = None,  # noqa: UP045
    item: dsl.Input[dsl.Artifact] = None,
):
    """Notes which of its inputs its command line has."""
    return dsl.ContainerSpec(
        image="test",
        command=_python("note(*sys.argv[2:])\nwrite(sys.argv[1] + '/value.txt', 'x')\n"),
        args=[
            out.path,
            dsl.IfPresentPlaceholder("text", then=["--text", text], else_=["no text"]),
            dsl.IfPresentPlaceholder("item", then=["an item"]),
        ],
    )


@dsl.container_component
def join(left: str, right: Optional[int] = None):  # noqa: UP045
    """Notes its inputs, put together on the command line."""
    return dsl.ContainerSpec(
        image="test",
        command=_python("note(sys.argv[1])\n"),
        args=[
            dsl.ConcatPlaceholder(
                [
                    "--left=",
                    left,
                    dsl.IfPresentPlaceholder(
                        "right", then=dsl.ConcatPlaceholder([" --right=<", right, ">"])
                    ),
                ]
            )
        ],
    )


@dsl.container_component
def collect(name: str, values: list):
    """Notes a list."""
    return dsl.ContainerSpec(
        image="test",
        command=_python("note(sys.argv[1], sys.argv[2])\n"),
        args=[name, values],
    )


@dsl.container_component
def collect_artifacts(name: str, artifacts: dsl.Input[List[dsl.Artifact]]):  # noqa: UP006
    """Notes what every artifact of a list holds."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "found = json.loads(sys.argv[2])['inputs']['artifacts']['artifacts']\n"
            "found = found.get('artifacts', ())\n"
            "note(sys.argv[1], [pathlib.Path(a['uri'], 'value.txt').read_text() for a in found])\n"
        ),
        args=[name, "{{$}}"],
    )


@dsl.container_component
def fails(name: str, text: dsl.OutputPath(str)):  # type: ignore[valid-type]
    """Fails, after it has written half of its work."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "note(sys.argv[1])\nwrite(sys.argv[2], 'half')\nprint('out of tea')\nsys.exit(3)\n"
        ),
        args=[name, text],
    )


@dsl.container_component
def flaky(name: str, failures: int):
    """Fails as often as it is told, then succeeds."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "name, failures = sys.argv[1], int(sys.argv[2])\n"
            "note(name)\n"
            "tries = pathlib.Path(os.environ['JOURNAL']).read_text().splitlines().count(name)\n"
            "sys.exit(tries <= failures)\n"
        ),
        args=[name, failures],
    )


@dsl.container_component
def slow(name: str, seconds: float, out: dsl.Output[dsl.Artifact], before: str = ""):
    """Notes when it starts and ends; in between it has written half of its output."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "name, seconds, out = sys.argv[1:4]\n"
            "note(name, 'starts')\n"
            "write(out + '/value.txt', 'half')\n"
            "time.sleep(float(seconds))\n"
            "write(out + '/value.txt', 'whole')\n"
            "note(name, 'ends')\n"
        ),
        args=[name, seconds, out.path, before],
    )


@dsl.container_component
def note_status(status: dsl.PipelineTaskFinalStatus):
    """Notes how the tasks before it ended."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "status = json.loads(sys.argv[1])\n"
            "note('status', status['state'], status['pipelineTaskName'],\n"
            "     status['error'].get('message', ''))\n"
        ),
        args=[status],
    )


@dsl.container_component
def point_back(to: str, out: dsl.Output[dsl.Artifact]):
    """Points its output at another place, as a resolver does."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "outputs = json.loads(sys.argv[1])['outputs']\n"
            "artifact = outputs['artifacts']['out']['artifacts'][0]\n"
            "given = artifact['uri']\n"
            "artifact.update(uri=sys.argv[2] or given, metadata={'given': given, 'n': 1})\n"
            "message = {'artifacts': {'out': {'artifacts': [artifact]}}}\n"
            "write(outputs['outputFile'], json.dumps(message))\n"
        ),
        args=["{{$}}", to],
    )


@dsl.container_component
def check(name: str, value: str, expected: str):
    """Fails unless it gets what it expects."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "name, value, expected = sys.argv[1:]\n"
            "note(name, value)\n"
            "sys.exit(0 if value == expected else f'expected {expected}')\n"
        ),
        args=[name, value, expected],
    )


@dsl.container_component
def choose_path(chosen: str, spelling: str, is_directory: bool, out: dsl.Output[dsl.Artifact]):
    """Writes its output to a path of its own choice, as kfp's `set_path` has it."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "import tempfile\n"
            "outputs = json.loads(sys.argv[1])['outputs']\n"
            "artifact = outputs['artifacts']['out']['artifacts'][0]\n"
            "path = sys.argv[2].replace('TMPDIR', tempfile.gettempdir())\n"
            "path = path.replace('URI', artifact['uri'])\n"
            "if sys.argv[4] == 'true': write(path + '/inner/value.txt', 'mine')\n"
            "elif 'nothing' not in path: write(path, 'mine')\n"
            "artifact[sys.argv[3]] = path\n"
            "message = {'artifacts': {'out': {'artifacts': [artifact]}}}\n"
            "write(outputs['outputFile'], json.dumps(message))\n"
        ),
        args=["{{$}}", chosen, spelling, is_directory],
    )


@dsl.container_component
def fill_disk(disk: str):
    """Fills a disk once, to the last byte."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "disk = pathlib.Path(sys.argv[1])\n"
            "if not (disk / 'done').exists():\n"
            "    (disk / 'done').touch()\n"
            "    try:\n"
            "        with open(disk / 'rest', 'wb', buffering=0) as file:\n"
            "            while True: file.write(b'x' * 4096)\n"
            "    except OSError: pass\n"
        ),
        args=[disk],
    )


@dsl.container_component
def forgets(text: dsl.OutputPath(str)):  # type: ignore[valid-type]
    """Does not write its output."""
    return dsl.ContainerSpec(image="test", command=_python(""), args=[text])


@dsl.container_component
def runs(program: str):
    """Runs a program that the machine may lack."""
    return dsl.ContainerSpec(image="test", command=["no-such-program"], args=[program])


@dsl.container_component
def has_no_command():
    """Counts on its image's entry point."""
    return dsl.ContainerSpec(image="test", args=["x"])


@dsl.container_component
def note_environment(name: str):
    """Notes what it finds around it."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "import tempfile, multiprocessing\n"
            "tempfile.NamedTemporaryFile(delete=False).write(b'left behind')\n"
            "multiprocessing.Manager().shutdown()\n"
            "inside = '.partial' in os.path.realpath(tempfile.gettempdir())\n"
            "note(os.environ[sys.argv[1]], os.getcwd(), inside, os.getsid(0) == os.getpid())\n"
        ),
        args=[name],
    )


@dsl.container_component
def note_pid(seconds: float):
    """Notes its process and a child's, and waits; not if the journal says `short`."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "import subprocess\n"
            "if pathlib.Path(os.environ['JOURNAL']).read_text() == 'short\\n':\n"
            "    sys.exit(0)\n"
            "note(os.getpid())\n"
            "note(subprocess.Popen(['sleep', sys.argv[1]]).pid)\n"
            "time.sleep(float(sys.argv[1]))\n"
        ),
        args=[seconds],
    )


class Ran(NamedTuple):
    """A finished run and its journal."""

    result: RunResult
    journal: list[str]

    @property
    def states(self) -> dict[str, str]:
        """The state of each task, by name."""
        return {task.name: task.state for task in self.result.tasks}


def compiled(pipeline: Any) -> dict[str, Any]:
    """Returns a pipeline compiled by kfp, after Headrace's pass for items of loops."""
    return apply_loop_types(MessageToDict(pipeline.pipeline_spec))


def changed(pipeline: Any, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Returns a pipeline's spec after `change` has changed the tasks of its root."""
    spec = compiled(pipeline)
    change(spec["root"]["dag"]["tasks"])
    return spec


def run_pipeline(
    pipeline: Any,
    root: Path,
    use_cache: bool = True,
    like: Backend = "kubeflow",
    **parameters: object,
) -> Ran:
    """Runs a pipeline of these components, or its spec; the journal starts empty."""
    journal = Path(os.environ["JOURNAL"])
    journal.write_text("", "utf-8")
    result = engine.start(
        pipeline if isinstance(pipeline, dict) else compiled(pipeline),
        parameters=parameters,
        options=Options(root=root, use_cache=use_cache, concurrency=4, like=like),
    )
    return Ran(result, journal.read_text("utf-8").splitlines())
