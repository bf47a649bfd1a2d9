"""The program before the command of lightweight Python components."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components its own way.

import hashlib
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.python_commands import filler_program, with_filler
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace_components.contract.filler import filled_command
from headrace_components.contract.templates import TEMPLATES_INPUT, fill

HARD = 'it\'s "ü"\n\\ \\n {{$}} {{workflow.name}} $$ $(A) @[[x]] \U0001f426'
SHOW = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]
CODE = 'TEXT = "{{$}} {{workflow.name}} {{$.inputs}} $$ $(A) $(mktemp -d) $HOME @[[x]]"'


def started(values: dict[str, Any], *before: str) -> list[str]:
    """Returns the command that the filler starts, without its first three words."""
    message = json.dumps({"inputs": {"parameterValues": values}}, ensure_ascii=False)
    words = [*SHOW, *before, "--executor_input", message, "--function_to_execute", "f"]
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", filler_program(), *words],
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(result.stdout)
    return found


def parameters(words: list[str]) -> Any:
    return json.loads(words[words.index("--executor_input") + 1])["inputs"]["parameterValues"]


VALUES: dict[str, Any] = {
    "text": "<@[[x]]|@[[n]]|@[[empty]]>",
    "values": {"@[[x]]": ["@[[n]]", {"deep": ["@[[several]]", "@[[flag]]"]}], "plain": None},
    "plain": "@[[x]]",
    "memory": "2G",
    "pipelinechannel--x": HARD,
    "pipelinechannel--n": 3,
    "pipelinechannel--empty": "",
    "pipelinechannel--several": [1, 2.5, None, {"ü": HARD}],
    "pipelinechannel--flag": False,
    TEMPLATES_INPUT: {"text": "STRING", "values": "STRUCT", "memory": "SETTING"},
}


def test_the_filler_starts_the_command_with_typed_values_and_whole_texts() -> None:
    found = parameters(started(VALUES))

    assert found == {
        "text": f"<{HARD}|3|>",
        "values": {
            HARD: [3, {"deep": [[1, 2.5, None, {"ü": HARD}], False]}],
            "plain": None,
        },
        "plain": "@[[x]]",
    }
    assert found == fill(VALUES, "as components of Headrace do it")
    assert list(found["values"]) == sorted(found["values"])  # as in any message


def test_a_message_without_templates_passes_as_it_came() -> None:
    message = '{"inputs": {"parameterValues": {"x":  1.0, "y": "@[[x]]"}}}'

    words = filled_command(["sh", "--executor_input", message, "--function_to_execute", "f"])

    assert words == ["sh", "--executor_input", message, "--function_to_execute", "f"]


def test_a_value_that_is_missing_ends_the_task_before_its_command() -> None:
    message = json.dumps(
        {"inputs": {"parameterValues": {"x": "@[[n]]", TEMPLATES_INPUT: {"x": "STRING"}}}}
    )

    result = subprocess.run(
        [sys.executable, "-c", filler_program(), *SHOW, "--executor_input", message],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stdout) == (1, "")
    assert re.search(
        r"^ERROR: this task: parameter `x` is made with `n`, which has no", result.stderr
    )


def test_the_text_of_the_filler_changes_only_on_purpose() -> None:
    # The text is in compiled commands, and those are in the cache keys of backends. Its docstrings
    # are not in it, but its comments are.
    digest = hashlib.sha256(filler_program().encode()).hexdigest()

    assert digest == "8fa6cc2c05d81f53633974a2077a07f560317f982306dc2bfd8b2ce84cca30c4"


def test_no_backend_replaces_anything_in_the_filler() -> None:
    assert not re.search(r"\{\{|\$\$|\$\(", filler_program())


def test_the_authors_code_comes_through_as_it_was_written() -> None:
    container = {"command": ["sh", "-ec", "program_path=$(mktemp -d)\n", CODE], "args": []}

    command = with_filler(container, is_asked=False)

    assert command[:3] == ["python3", "-c", filler_program()]
    assert command[3:6] == container["command"][:3]  # kfp's own command stays readable
    assert not re.search(r"\{\{|\$\$|\$\(A", command[6])
    assert started({}, *command[6:])[0] == CODE
    assert with_filler({"command": command}, is_asked=True) == command


def test_a_command_that_needs_nothing_is_left_alone() -> None:
    container = {"command": ["sh", "-ec", "path=$(mktemp -d)", "def f():\n  return '{a}'"]}

    assert with_filler(container, is_asked=False) == container["command"]


@dsl.component
def plain(text: str) -> str:
    return text


@dsl.component(packages_to_install=["rich"], pip_index_urls=["https://example.com/simple"])
def installing(text: str) -> str:
    return text


@dsl.component(target_image="registry.example.com/mine", install_kfp_package=False)
def containerized(text: str) -> str:
    return text


@dsl.container_component
def other(text: str):
    return dsl.ContainerSpec(image="x", command=["run"], args=["--executor_input", "{{$}}", text])


@pytest.mark.parametrize("component", [plain, installing, containerized, other])
def test_python_components_are_told_from_others_however_kfp_starts_them(component: Any) -> None:
    spec = MessageToDict(component.pipeline_spec)
    (executor,) = specs.executors(spec).values()

    assert specs.is_python_component(executor["container"]) == (component is not other)


@dsl.pipeline(name="two")
def two(name: str, memory: str):
    plain(text=f"<{name}>")
    installing(text=name).set_memory_limit(memory)


@pytest.mark.parametrize("target", ["kubeflow", "local"])
def test_only_tasks_with_templates_get_the_filler_and_a_second_compilation_the_same_bytes(
    target: Any,
) -> None:
    first, second = (compile_for(load(two), target, Profile()) for _ in range(2))

    commands = {
        label: executor["container"]["command"]
        for label, executor in specs.executors(first.document).items()
    }
    assert commands["exec-plain"][2] == filler_program()
    assert filler_program() not in commands["exec-installing"]
    assert first.text == second.text
