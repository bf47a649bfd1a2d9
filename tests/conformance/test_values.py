"""The form of values for components of other packages, by the rules of a backend."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

import json
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from kfp import dsl

from headrace.targets.local.shared.options import Options
from headrace.targets.local.shared.rules import Backend
from headrace_components.contract.errors import InputError
from support.cases.conformance_features import conforms
from support.cases.local_pipelines import note_variable, run_pipeline

SECTION = "Values of components that are not Headrace's"


@dsl.component
def note_values(x: float, values: list, more: dict):
    import os
    from pathlib import Path

    with Path(os.environ["JOURNAL"]).open("a") as file:
        file.write(repr([x, values, more]) + "\n")


@dsl.component
def give_values() -> NamedTuple(  # type: ignore[valid-type]
    "Given", [("x", float), ("values", list), ("more", dict)]
):
    return -0.0, [5.0, 2.5, 1e16], {"z": 1e-7, "a": 1.0}


@dsl.pipeline(name="numbers")
def numbers(x: float = 5.0) -> float:
    note_values(x=x, values=[1.0], more={"b": 2.0, "a": [3.0]})
    given = give_values()
    note_values(x=given.outputs["x"], values=given.outputs["values"], more=given.outputs["more"])
    return given.outputs["x"]


@conforms(
    SECTION, "a float with a whole value", numbers, kubeflow="an int arrives: 5.0 is 5, -0.0 is 0"
)
def test_a_whole_number_arrives_as_an_integer_and_stays_a_float_in_the_result(
    tmp_path: Path,
) -> None:
    ran = run_pipeline(numbers, tmp_path)

    assert sorted(ran.journal) == [
        "[0, [5, 2.5, 10000000000000000], {'a': 1, 'z': 1e-07}]",
        "[5, [1], {'a': [3], 'b': 2}]",
    ]
    assert repr(ran.result.parameters["Output"]) == "-0.0"


@dsl.container_component
def note_all(x: float, values: list, more: dict):
    return dsl.ContainerSpec(
        image="test",
        command=[
            "python",
            "-c",
            "import os, sys\n"
            "open(os.environ['JOURNAL'], 'a').write(' '.join(sys.argv[1:]) + '\\n')\n",
        ],
        args=[x, f"--x={x}", values, more],
    )


@dsl.pipeline(name="arguments")
def arguments(x: float, values: list, more: dict):
    note_all(x=x, values=values, more=more)


@conforms(
    SECTION,
    "numbers, lists and dicts in arguments",
    arguments,
    kubeflow=r"1234567.5 is `1.2345675e+06`; JSON has sorted keys, and `\u003c` for `<`",
)
def test_arguments_are_written_as_kubeflow_writes_them(tmp_path: Path) -> None:
    ran = run_pipeline(
        arguments, tmp_path, x=1234567.5, values=[1e-7, -0.0], more={"b": "<", "a": 5.0}
    )

    number = "1.2345675e+06"
    assert ran.journal == [f'{number} --x={number} [1e-7,-0] {{"a":5,"b":"\\u003c"}}']


def test_arguments_like_those_of_vertex_have_no_exponent(tmp_path: Path) -> None:
    ran = run_pipeline(arguments, tmp_path, like="vertex", x=1234567.5, values=[], more={})

    assert ran.journal == ["1234567.5 --x=1234567.5 [] {}"]


@dsl.component
def make_metadata(data: dsl.Output[dsl.Dataset], page: dsl.Output[dsl.HTML]):
    from pathlib import Path

    data.metadata.update({"flag": True, "several": [1, None], "more": {"a": 1.0}, "text": "<"})
    for each in (data, page):
        Path(each.path).write_text("x")


@dsl.component
def note_metadata(data: dsl.Input[dsl.Dataset], page: dsl.Input[dsl.HTML]):
    import json
    import os
    from pathlib import Path

    with Path(os.environ["JOURNAL"]).open("a") as file:
        file.write(json.dumps(data.metadata, sort_keys=True) + "\n")
        file.write(Path(page.path).name + "\n")


@dsl.pipeline(name="metadata")
def metadata():
    made = make_metadata().outputs
    note_metadata(data=made["data"], page=made["page"])


@conforms(
    SECTION,
    "metadata of artifacts",
    metadata,
    kubeflow='True is 1, a list `{"list": [...]}`, a dict `{"struct": {...}}`; `display_name` and '
    "`store_session_info` are added",
)
def test_metadata_come_back_flat_and_with_the_name_of_the_port(tmp_path: Path) -> None:
    ran = run_pipeline(metadata, tmp_path)

    told, page = ran.journal
    assert json.loads(told) == {
        "display_name": "data",
        "flag": 1,
        "several": {"list": [1, None]},
        "more": {"struct": {"a": 1}},
        "text": "<",
    }
    assert page == "page"
    (made,) = ran.result.tasks[0].artifacts["data"]
    assert made.metadata == {
        "flag": True,
        "several": [1, None],
        "more": {"a": 1.0},
        "text": "<",
    }


def test_metadata_like_those_of_vertex_come_back_as_they_were(tmp_path: Path) -> None:
    ran = run_pipeline(metadata, tmp_path, like="vertex")

    assert json.loads(ran.journal[0]) == {
        "flag": True,
        "several": [1, None],
        "more": {"a": 1},
        "text": "<",
    }


def test_the_rules_are_in_the_key_of_the_cache(tmp_path: Path) -> None:
    assert set(run_pipeline(metadata, tmp_path).states.values()) == {"done"}
    assert set(run_pipeline(metadata, tmp_path, like="vertex").states.values()) == {"done"}
    assert set(run_pipeline(metadata, tmp_path).states.values()) == {"cached"}


@dsl.component
def no_metadata(data: dsl.Output[dsl.Dataset]):
    data.metadata["gone"] = None


@dsl.pipeline(name="none-in-metadata")
def none_in_metadata():
    no_metadata()


def test_none_in_metadata_fails_the_task_as_on_kubeflow(tmp_path: Path) -> None:
    (failure,) = run_pipeline(none_in_metadata, tmp_path).result.failures

    assert "metadata 'gone' of output `data` is None" in failure.message
    assert run_pipeline(none_in_metadata, tmp_path, like="vertex").result.state == "succeeded"


@dsl.container_component
def write_texts(
    text: str,
    number: dsl.OutputPath(int),  # type: ignore[valid-type]
    flag: dsl.OutputPath(bool),  # type: ignore[valid-type]
):
    return dsl.ContainerSpec(
        image="test",
        command=["sh", "-c", 'printf " 007\\n" > "$0"; printf "%s" "$2" > "$1"'],
        args=[number, flag, text],
    )


@dsl.pipeline(name="written")
def written(text: str = "T"):
    write_texts(text=text)


@conforms(
    SECTION,
    "outputs that a container writes into files",
    written,
    kubeflow="numbers and flags as Go reads them: ` 7`, `007`, `T`, `TRUE`; not `1e3` or `yes`",
)
def test_files_of_outputs_are_read_as_the_launcher_reads_them(tmp_path: Path) -> None:
    (task,) = run_pipeline(written, tmp_path).result.tasks

    assert task.parameters == {"number": 7, "flag": True}
    (failure,) = run_pipeline(written, tmp_path, text="yes").result.failures
    assert "output parameter `flag` is 'yes', expected one of 1, t, T" in failure.message


@dsl.container_component
def note_message(out: dsl.Output[dsl.Model]):
    return dsl.ContainerSpec(
        image="test",
        command=["sh", "-c", 'printf "%s\\n" "$0" >> "$JOURNAL"'],
        args=["{{$}}"],
    )


@dsl.pipeline(name="message")
def message():
    note_message()


def test_a_message_has_what_is_there_and_the_log_of_kubeflow(tmp_path: Path) -> None:
    kubeflow, vertex = (
        json.loads(run_pipeline(message, tmp_path / like, like=like).journal[0])
        for like in get_args(Backend)
    )

    assert kubeflow["inputs"] == vertex["inputs"] == {}
    assert set(kubeflow["outputs"]) == set(vertex["outputs"]) == {"artifacts", "outputFile"}
    assert set(vertex["outputs"]["artifacts"]) == {"out"}
    (out,) = vertex["outputs"]["artifacts"]["out"]["artifacts"]
    assert set(out) == {"name", "type", "uri"}
    (log,) = kubeflow["outputs"]["artifacts"]["executor-logs"]["artifacts"]
    assert log["type"] == {"schemaTitle": "system.Artifact"}


@dsl.component
def not_a_number() -> float:
    return float("nan")


@dsl.pipeline(name="not-a-number")
def nan():
    not_a_number()


def test_not_a_number_is_in_no_message(tmp_path: Path) -> None:
    (failure,) = run_pipeline(nan, tmp_path).result.failures

    assert "not-a-number: it wrote an output message that is not JSON: NaN is in it" in (
        failure.message
    )
    with pytest.raises(
        InputError,
        match=r"parameter 'x': the number nan is given, but .* JSON, which has neither NaN",
    ):
        run_pipeline(numbers, tmp_path, x=float("nan"))


@dsl.pipeline(name="variables")
def variables():
    task = note_variable(name="C")
    task.set_env_variable("A", "$(B)").set_env_variable("B", "b")
    task.set_env_variable("C", "$(B)/$(A)/$(HOME)/$B")


@conforms(
    SECTION,
    "`$(NAME)` in a variable",
    variables,
    kubeflow="a variable that stands before it is put there",
)
def test_a_variable_may_name_those_before_it(tmp_path: Path) -> None:
    assert run_pipeline(variables, tmp_path).journal == ["b/$(B)/$(HOME)/$B"]


def test_a_run_is_like_a_backend_that_there_is() -> None:
    with pytest.raises(InputError, match=r"`like` is 'airflow', expected one of \['kubeflow'"):
        Options(like="airflow")  # type: ignore[arg-type]
