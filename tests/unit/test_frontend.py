"""Loading an author's file: the pipeline in it, and the messages about mistakes."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import base64
import gzip
import io
import os
import runpy
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.author_errors import author_error
from headrace.frontend.embedded_archives import fix_archives
from headrace.frontend.loading import load
from headrace.profiles.profile import Profile
from headrace.targets.vertex.settings import Vertex
from headrace_components.catalog import csv_example_gen

HEAD = """
from headrace_components.catalog import csv_example_gen, schema_gen, statistics_gen
from kfp import dsl
"""

ONE = (
    HEAD
    + """
@dsl.pipeline(name="one")
def one(data: str = "in", rows: int = 3):
    csv_example_gen(input_base=data, span=rows)
"""
)


def write(directory: Path, text: str, name: str = "pipeline.py") -> Path:
    path = directory / name
    path.write_text(text, "utf-8")
    return path


def test_the_one_pipeline_of_a_file_is_found(tmp_path: Path) -> None:
    frontend = load(write(tmp_path, ONE))

    assert frontend.spec["pipelineInfo"]["name"] == "one"
    assert frontend.directory == tmp_path
    assert frontend.platform == {}


def test_integers_are_floats_as_in_the_yaml_of_kfp(tmp_path: Path) -> None:
    frontend = load(write(tmp_path, ONE))

    default = frontend.spec["root"]["inputDefinitions"]["parameters"]["rows"]["defaultValue"]
    assert repr(default) == "3.0"


def test_a_decorated_function_needs_no_file_name() -> None:
    @dsl.container_component
    def step() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="python:3.12", command=["true"])

    @dsl.pipeline(name="inline")
    def inline() -> None:
        step()

    frontend = load(inline)

    assert frontend.spec["pipelineInfo"]["name"] == "inline"
    assert frontend.directory == Path(__file__).parent


def test_a_plain_function_is_no_pipeline() -> None:
    with pytest.raises(CompileError, match=r"is not a pipeline, expected .*@dsl.pipeline"):
        load(write)


def test_one_of_several_pipelines_is_chosen_by_name(tmp_path: Path) -> None:
    text = ONE + ONE.removeprefix(HEAD).replace("one", "two")
    path = write(tmp_path, text)

    assert load(f"{path}:two").spec["pipelineInfo"]["name"] == "two"
    with pytest.raises(CompileError, match=r"has 2 pipelines \['one', 'two'\].*pipeline.py:two"):
        load(path)
    with pytest.raises(CompileError, match=r"`three` is not among its pipelines \['one', 'two'\]"):
        load(f"{path}:three")


def test_one_of_several_components_is_chosen_by_name(tmp_path: Path) -> None:
    text = HEAD + "@dsl.container_component\ndef step():\n    return dsl.ContainerSpec(image='a')\n"
    path = write(tmp_path, text)

    assert load(f"{path}:step").spec["pipelineInfo"]["name"] == "step"
    with pytest.raises(CompileError, match=r"`stop` is not among its components \['step'\]"):
        load(f"{path}:stop")


def test_an_imported_pipeline_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, ONE, "parts.py")
    text = HEAD + (
        "from parts import one\n"
        '@dsl.pipeline(name="whole")\n'
        "def whole():\n"
        '    one(data="elsewhere")\n'
    )

    assert load(write(tmp_path, text)).spec["pipelineInfo"]["name"] == "whole"


# In the last two, `settings` is a package without `__init__.py`.
@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("settings.py", "settings"),
        ("settings/__init__.py", "settings"),
        ("settings/names.py", "settings.names"),
        ("settings/more/names.py", "settings.more.names"),
    ],
)
def test_siblings_of_one_pipeline_are_not_those_of_the_next(
    tmp_path: Path, file: str, module: str
) -> None:
    names = []
    for name in ("first", "second"):
        (tmp_path / name / file).parent.mkdir(parents=True)
        write(tmp_path / name, f"NAME = {name!r}\n", file)
        text = ONE.replace('name="one"', "name=NAME")
        path = write(tmp_path / name, f"from {module} import NAME\n" + text)
        names.append(load(path).spec["pipelineInfo"]["name"])

    assert names == ["first", "second"]
    assert not [each for each in sys.modules if each.partition(".")[0] == "settings"]
    assert not [entry for entry in sys.path if entry.startswith(str(tmp_path))]


def test_a_file_without_a_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"has 0 pipelines \[\], expected one. .*@dsl.pipeline"):
        load(write(tmp_path, HEAD))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"gone.py' is not there, expected a pipeline file"):
        load(tmp_path / "gone.py")


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"^pipeline.py:6: expected ':': 'def one\(\)'"):
        load(write(tmp_path, HEAD + "\n\ndef one()\n    pass\n"))


def test_a_missing_package_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"^pipeline.py:1: no module named 'nowhere'. Install"):
        load(write(tmp_path, "import nowhere\n" + ONE))


def test_an_error_in_a_sibling_is_placed_there(tmp_path: Path) -> None:
    write(tmp_path, "\nLIMIT = 1 / 0\n", "limits.py")

    with pytest.raises(CompileError, match=r"^limits.py:2: ZeroDivisionError: division by zero"):
        load(write(tmp_path, "import limits\n" + ONE))


WIRED_WRONGLY = (
    HEAD
    + """
@dsl.pipeline(name="wrong")
def wrong(data: str):
    examples = csv_example_gen(input_base=data)
    statistics = statistics_gen(examples=examples.outputs["examples"])
    schema = schema_gen(statistics=statistics.outputs["statistics"])
    statistics_gen(examples=schema.outputs["schema"])
"""
)


def test_a_schema_wired_into_examples_names_both_ports(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        load(write(tmp_path, WIRED_WRONGLY))

    assert str(caught.value) == (
        "pipeline.py:10: statistics_gen: input `examples` takes Examples, but gets output `schema` "
        "of task `schema-gen`, which is Schema. Connect an output of type Examples to `examples`."
    )


def test_a_parameter_wired_into_a_port_is_named(tmp_path: Path) -> None:
    text = WIRED_WRONGLY.replace('schema.outputs["schema"])', "data)")

    with pytest.raises(
        CompileError, match=r"takes Examples, but gets the pipeline's parameter `data`"
    ):
        load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("examples=1", r"statistics_gen: input `examples` takes Examples, but gets the value 1\."),
        ("examples=schema", r"A task was passed on whole: name one output"),
        (
            'examples=schema.outputs["shcema"]',
            r"the task has no output 'shcema'; it has \['schema'\]\. Did you mean 'schema'\?$",
        ),
        (
            'examples=csv_example_gen(input_base="ü").outputs[\n        "exmaples"]',
            r"no output 'exmaples'; it has \['examples'\]\. Did you mean 'examples'\?$",
        ),
        (
            'examples=schema.outputs["rows"]',
            r"no output 'rows'; it has \['schema'\]\. Name one that its component declares",
        ),
    ],
)
def test_a_wrong_argument_says_what_to_pass(argument: str, message: str, tmp_path: Path) -> None:
    text = WIRED_WRONGLY.replace('examples=schema.outputs["schema"]', argument)

    with pytest.raises(CompileError, match=r"^pipeline.py:10: .*" + message):
        load(write(tmp_path, text))


def test_an_unknown_argument_has_its_line(tmp_path: Path) -> None:
    text = WIRED_WRONGLY.replace('examples=schema.outputs["schema"]', "exmples=1")

    with pytest.raises(CompileError) as caught:
        load(write(tmp_path, text))

    message = str(caught.value)
    assert message.startswith("pipeline.py:10: ")
    assert "unexpected keyword argument \"exmples\"; it has ['beam_pipeline_args'" in message
    assert message.endswith("Did you mean 'examples'?")


def test_a_misspelt_component_gets_the_near_name(tmp_path: Path) -> None:
    text = ONE.replace("import csv_example_gen", "import cvs_example_gen")

    with pytest.raises(
        CompileError,
        match=r"^pipeline.py:2: headrace_components.catalog has no 'cvs_example_gen'\. "
        r"Did you mean 'csv_example_gen'\?$",
    ):
        load(write(tmp_path, text))


def test_a_type_that_kfp_does_not_know_has_its_line(tmp_path: Path) -> None:
    text = ONE.replace("rows: int", "rows: set[int]").replace("span=rows", "span=1")

    with pytest.raises(CompileError, match=r"^pipeline.py:\d: kfp takes the type 'set\[int\]' for"):
        load(write(tmp_path, text))


def test_types_in_quotes_have_an_explanation(tmp_path: Path) -> None:
    text = "from __future__ import annotations\n" + ONE

    with pytest.raises(CompileError, match="remove `from __future__ import annotations`"):
        load(write(tmp_path, text))


def test_a_line_of_headrace_is_not_the_authors(tmp_path: Path) -> None:
    path = write(tmp_path, ONE.replace("span=rows", "span=None"))

    with pytest.raises(ValueError, match="Got: None") as caught:
        runpy.run_path(str(path))

    message = str(author_error(caught.value, Path("/")))
    assert message.startswith(f"{str(path)[1:]}:7: ")
    assert message.endswith("Leave the argument out: kfp takes no None.")


REFUSED_BY_KFP = """
from kfp import dsl

@dsl.container_component
def make(rows: dsl.Output[dsl.Dataset]):
    return dsl.ContainerSpec(image="mine", command=["make"])

@dsl.container_component
def use(rows: dsl.Input[dsl.Dataset] = None, number: int = 1, text: str = "a"):
    return dsl.ContainerSpec(image="mine", command=["use"])

@dsl.container_component
def join(parts: dsl.Input[list[dsl.Dataset]]):
    return dsl.ContainerSpec(image="mine", command=["join"])

@dsl.pipeline(name="refused")
def refused(on: bool, items: list, word: str):
    """


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "with dsl.If(items == []): use()",
            "type List in .*Compare a string, a number or a bool: have a component return it",
        ),
        (
            "with dsl.If(make().outputs['rows'] == 1): use()",
            "Compare a string, a number or a bool: have a component return it",
        ),
        ("with dsl.If(word == None): use()", "kfp cannot compare with None: give the parameter a"),
        ("with dsl.If(on): use()", r"Compare it, as in `dsl\.If\(flag == True\)`"),
        (
            "with dsl.If(on == True): rows = make()\n    use(rows=rows.outputs['rows'])",
            r"Use the output inside the same `with`, or join with dsl\.OneOf",
        ),
        (
            "use().set_env_variable('WORD', word)",
            "set_env_variable: pass the parameter as an input",
        ),
        (
            "join(parts=[make().outputs['rows'], make().outputs['rows']])",
            r"join: input `parts` takes a list of Dataset, .* pass dsl\.Collected\(\.\.\.\), or",
        ),
        (
            "with dsl.ParallelFor([{'b': 1}, {'b': 'x'}]) as item: use(text=item.b)",
            "gets `b` of a loop's item, to whose fields kfp gives the type of the first one",
        ),
    ],
)
def test_what_kfp_refuses_says_what_to_write_instead(
    body: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError, match=r"^pipeline.py:\d+: .*" + message):
        load(write(tmp_path, REFUSED_BY_KFP + body))


CONDITION = (
    HEAD
    + """
@dsl.pipeline(name="inner")
def inner(flag: bool):
    with dsl.If({condition}):
        csv_example_gen(input_base="x")

@dsl.pipeline(name="outer")
def outer(on: bool):
    inner(flag=on)
"""
)


@pytest.mark.parametrize(("number", "meant"), [("1", "True"), ("0", "False")])
def test_a_bool_compared_with_a_number_is_refused(number: str, meant: str, tmp_path: Path) -> None:
    path = write(tmp_path, CONDITION.format(condition=f"flag == {number}"))

    for name in ("inner", "outer"):  # the mistake may be in a part of the pipeline
        with pytest.raises(CompileError, match=rf"compares the bool `flag` with {number}.*{meant}"):
            load(f"{path}:{name}")


def test_a_bool_compared_with_a_bool_passes(tmp_path: Path) -> None:
    path = write(tmp_path, CONDITION.format(condition="flag == False"))

    assert load(f"{path}:outer").spec["pipelineInfo"]["name"] == "outer"


CLIENT = """
import sys
from headrace.frontend.kfp_import import import_kfp
import_kfp()
import kfp, kfp.compiler
for name in ("kubernetes", "requests", "google.auth", "kfp_server_api", "kfp.client"):
    assert name not in sys.modules, name
if {first!r} == "attribute":
    client = kfp.Client
else:
    from kfp.client import Client as client
assert client is kfp.Client is kfp.client.Client is sys.modules["kfp.client"].Client
assert client.__module__ == "kfp.client.client"
assert hasattr(sys.modules["kubernetes"].client, "CoreV1Api")
from kfp.components import load_yaml_utilities
import requests
assert load_yaml_utilities.requests.get is requests.get
try:
    client(host="http://localhost:1")
except Exception as error:
    print(type(error).__module__)
"""


@pytest.mark.parametrize("first", ["attribute", "import"])
def test_the_client_of_kfp_is_real_for_those_who_use_it(first: str) -> None:
    environment = {**os.environ, "KF_PIPELINES_ENDPOINT": ""}
    result = subprocess.run(
        [sys.executable, "-c", CLIENT.format(first=first)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    # It got as far as a request to the server, which does not exist.
    assert result.stdout.strip() in ("", "urllib3.exceptions", "kfp_server_api.exceptions")


def test_a_pipeline_file_may_use_the_client(tmp_path: Path) -> None:
    text = "import kfp\nCLIENT = kfp.Client\nassert CLIENT.__name__ == 'Client'\n" + ONE

    assert load(write(tmp_path, text)).spec["pipelineInfo"]["name"] == "one"


LARGE = """
from headrace_components.catalog import csv_example_gen, trainer
from kfp import dsl


@dsl.pipeline(name="large")
def large(seed: int = 1):
    examples = csv_example_gen(input_base="in").outputs["examples"]
    trainer(examples=examples, module_file="gs://b/m.py", train_steps=5, custom_config={"key": 7})
"""


@pytest.mark.parametrize("place", ["seed: int = 1", "train_steps=5", '"key": 7'])
@pytest.mark.parametrize("number", [2**53 + 1, -(2**60)])
def test_an_integer_that_would_be_rounded_is_refused(
    place: str, number: int, tmp_path: Path
) -> None:
    text = LARGE.replace(place, f"{place[:-1]}{number}")
    digits = str(number)[:-1]
    with pytest.raises(CompileError, match=rf"the integer {digits}\d .* exact below 2\^53"):
        load(write(tmp_path, text))
    load(write(tmp_path, LARGE.replace(place, f"{place[:-1]}{2**53 - 1}")))


@pytest.mark.parametrize("place", ["seed: int = 1", '"key": 7'])
@pytest.mark.parametrize("number", ["nan", "-inf"])
def test_a_number_that_json_does_not_have_is_refused(
    place: str, number: str, tmp_path: Path
) -> None:
    text = LARGE.replace(place, f"{place[:-1]}float('{number}')").replace("int =", "float =")
    with pytest.raises(CompileError, match=rf"the number {number} is given, .* a finite number"):
        load(write(tmp_path, text))


def test_a_decorated_function_with_a_number_that_json_does_not_have_is_refused() -> None:
    @dsl.pipeline(name="large")
    def large(rate: float = float("nan")) -> None:
        csv_example_gen(input_base="in")

    @dsl.pipeline(name="inner")
    def inner() -> None:
        csv_example_gen(input_base="in", output_config={"a": float("inf")})

    with pytest.raises(CompileError, match="large: parameter `rate`: the number nan is given"):
        load(large)
    with pytest.raises(CompileError, match="inner: a value of a task is NaN or infinite, but"):
        load(inner)


def test_a_decorated_function_with_an_integer_that_was_rounded_is_refused() -> None:
    @dsl.pipeline(name="large")
    def large(seed: int = 2**53 + 1) -> None:
        csv_example_gen(input_base="in")

    with pytest.raises(CompileError, match="large: parameter `seed`: the integer 9007199254740992"):
        load(large)


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        (
            "words = ['a']\n    with dsl.ParallelFor(words) as a:\n        use(text=a)\n"
            "    with dsl.ParallelFor([word, 'b']) as item:\n        use(text=item)",
            21,
            "a list that dsl.ParallelFor loops over is written in the pipeline and holds a "
            "parameter or an output, but kfp takes constants only in such a list. Loop over",
        ),
        (
            "words = ['a']\n    with dsl.ParallelFor(words) as a:\n        use(text=a)\n"
            "    with dsl.ParallelFor(['b', word]) as item:\n        use(text=item)",
            21,
            "a list that dsl.ParallelFor loops over is written in the pipeline and holds a "
            "parameter or an output, but kfp takes constants only in such a list. Loop over",
        ),
        (
            "with dsl.ParallelFor([{'a': 'x'}]) as outer:\n"
            "        with dsl.ParallelFor([{'b': 1}]) as item:\n"
            "            use(text=outer.a, number=item.b)",
            19,
            "the item of a loop is used inside another `with`, where kfp loses it. Put what is "
            "inside the loop into a @dsl.pipeline of its own",
        ),
        (
            "@dsl.container_component\n"
            "    def listed(words: dsl.OutputPath(list)):\n"
            "        return dsl.ContainerSpec(image='mine', command=['listed', words])\n"
            "    with dsl.ParallelFor(listed().output) as outer:\n"
            "        with dsl.ParallelFor(['a', 'b']) as item:\n"
            "            use(text=f'{outer}{item}')",
            22,
            "the item of a loop is used inside another `with`, where kfp loses it. Put what is "
            "inside the loop into a @dsl.pipeline of its own",
        ),
        (
            "use()\n    with dsl.If(make().outputs['rows'] == 'a'):\n        use()",
            19,
            "a condition compares an artifact, a list or a dict. Compare a string",
        ),
        (
            "from headrace_components.catalog import csv_example_gen\n"
            "    csv_example_gen(input_base='in', column_types={'a': None})",
            19,
            "a list or dict that a task gets holds None, which kfp does not compile. Leave the key",
        ),
        (
            "from headrace_components.catalog import csv_example_gen\n"
            "    csv_example_gen(input_base='in', input_config={'splits': ({},)})",
            19,
            "a list or dict that a task gets holds a tuple, which kfp does not compile. Write a",
        ),
        (
            "from headrace_components.catalog import csv_example_gen\n"
            "    csv_example_gen(input_base='in', column_types={word: 'INT'})",
            19,
            "a dict that a task gets has a key that is not a string. Write the key in quotes",
        ),
        (
            "from headrace_components.catalog import csv_example_gen\n"
            "    csv_example_gen(input_base='in', input_config={'splits': [{3: 'a'}]})",
            19,
            "a dict that a task gets has a key that is not a string. Write the key in quotes",
        ),
    ],
)
def test_what_kfp_says_in_its_own_words_has_the_authors_line(
    body: str, line: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError) as caught:
        load(write(tmp_path, REFUSED_BY_KFP + body))

    assert str(caught.value).startswith(f"pipeline.py:{line}: {message}")


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("number * 2", "A parameter or an output has no value while the pipeline is read: have a"),
        ("list(range(number))[0]", "A parameter or an output has no value while the pipeline is"),
        ("__import__('json').dumps([number])", "is read: pass the list or dict itself, or have"),
        ("None", "Leave the argument out"),
    ],
)
def test_python_with_the_value_of_a_parameter_is_told_that_there_is_none_yet(
    value: str, advice: str, tmp_path: Path
) -> None:
    body = f"number = word\n    use(number={value})"
    with pytest.raises(CompileError) as caught:
        load(write(tmp_path, REFUSED_BY_KFP + body))

    assert str(caught.value).startswith("pipeline.py:19: ")
    assert advice in str(caught.value)


def test_waiting_for_a_task_in_a_loop_compiles_or_has_the_authors_line(tmp_path: Path) -> None:
    body = (
        "use().after(make())\n    with dsl.ParallelFor(['a']) as item:\n"
        "        looped = use(text=item)\n    with dsl.If(word == 'a'):\n"
        "        use().after(looped)"
    )
    try:
        load(write(tmp_path, REFUSED_BY_KFP + body))
    except CompileError as error:  # kfp 2.13
        assert str(error).startswith(
            "pipeline.py:23: `.after()` names a task inside a dsl.ParallelFor, where this version"
        )


NAMED = """
from kfp import dsl

@dsl.container_component
def use():
    return dsl.ContainerSpec(image="mine", command=["use"])

@dsl.pipeline(NAME)
def FUNCTION():
    use()
"""


@pytest.mark.parametrize(
    ("name", "function", "kept"),
    [
        ('name="ünï"', "f", "n"),
        ('name="中文"', "f", ""),
        ('name="--"', "f", ""),
        ("", "größe", "gr-e"),
    ],
)
def test_a_pipeline_of_which_kfp_would_keep_a_part_of_the_name_is_refused(
    name: str, function: str, kept: str, tmp_path: Path
) -> None:
    path = write(tmp_path, NAMED.replace("NAME", name).replace("FUNCTION", function))

    with pytest.raises(CompileError) as caught:
        load(path)

    message = str(caught.value)
    assert message.startswith("pipeline.py:8: the pipeline is named ")
    assert f"of which kfp would keep {kept!r}. Name it with letters a to z" in message


@pytest.mark.parametrize(
    ("name", "found"), [("My Pipeline_x", "my-pipeline-x"), ("flights 2.1", "flights-2-1")]
)
def test_other_characters_become_hyphens_as_in_kfp(name: str, found: str, tmp_path: Path) -> None:
    text = NAMED.replace("NAME", f'name="{name}"').replace("FUNCTION", "f")

    assert load(write(tmp_path, text)).spec["pipelineInfo"]["name"] == found


def test_a_function_whose_name_kfp_shortened_is_refused() -> None:
    @dsl.pipeline
    def größe() -> None:
        csv_example_gen(input_base="in")

    with pytest.raises(CompileError, match="of which kfp would keep 'gr-e'"):
        load(größe)


COMPONENT = """
from headrace_components.catalog import trainer
from kfp import dsl

@dsl.container_component
def say(text: str = "a", out: dsl.OutputPath(str) = None):
    return dsl.ContainerSpec(image="mine", command=["say"], args=[text, out])
"""


def test_a_file_with_one_component_is_a_pipeline_of_one_task(tmp_path: Path) -> None:
    spec = load(write(tmp_path, COMPONENT)).spec

    assert spec["pipelineInfo"]["name"] == "say"
    assert list(spec["root"]["dag"]["tasks"]) == ["say"]
    assert spec["root"]["inputDefinitions"]["parameters"]["text"]["defaultValue"] == "a"


def test_a_component_is_chosen_by_name_and_a_pipeline_goes_before_all(tmp_path: Path) -> None:
    two = COMPONENT + COMPONENT[COMPONENT.index("@dsl") :].replace("say(", "tell(")
    path = write(tmp_path, two)
    words = r"has 2 components and no pipeline: \['say', 'tell'\], expected one\. Say which, as"

    with pytest.raises(CompileError, match=words):
        load(path)
    assert load(f"{path}:say").spec["pipelineInfo"]["name"] == "say"
    with_pipeline = write(tmp_path, two + "\n@dsl.pipeline(name='p')\ndef p(): say()\n")
    assert load(with_pipeline).spec["pipelineInfo"]["name"] == "p"


def test_the_display_name_of_a_pipeline_is_that_of_its_job(tmp_path: Path) -> None:
    def job(display_name: str, profile: str = "") -> Any:
        text = NAMED.replace("NAME", f'name="f", display_name="{display_name}"')
        settings = Vertex(pipeline_root="gs://b/r", display_name=profile)
        source = load(write(tmp_path, text.replace("FUNCTION", "f")))
        return compile_for(source, "vertex", Profile(targets=(settings,))).document["displayName"]

    assert job("Für alle") == "Für alle"
    assert job("For all", profile="mine") == "mine"
    with pytest.raises(CompileError, match=r"`display_name` of dsl\.pipeline has 129 characters"):
        job("x" * 129)


def archive(modified: int, content: bytes = b"hello") -> str:
    """Returns a text of kfp 2.17 that contains an archive with a time."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, data in (("./b.txt", content), ("./a.txt", b"a")):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uid, member.uname = len(data), modified, 7, "me"
            tar.addfile(member, io.BytesIO(data))
    packed = base64.b64encode(gzip.compress(written.getvalue(), mtime=modified)).decode()
    return f"import os\n__KFP_EMBEDDED_ARCHIVE_B64 = '{packed}'\n"


def fixed(text: str) -> str:
    command = ["sh", text]
    fix_archives({"deploymentSpec": {"executors": {"e": {"container": {"command": command}}}}})
    return command[1]


def test_an_embedded_archive_has_the_bytes_of_its_content_alone() -> None:
    first = fixed(archive(1))

    assert first == fixed(archive(2_000_000_000))
    assert first != fixed(archive(1, b"other"))
    packed = base64.b64decode(first.split("'")[1])
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        files = {each.name: tar.extractfile(each) for each in tar}
        content = {name: file.read() for name, file in files.items() if file}
    assert content == {"./a.txt": b"a", "./b.txt": b"hello"}


@pytest.mark.parametrize("packed", ["AAAA", "H4sIAAAAAAAA", base64.b64encode(b"x" * 99).decode()])
def test_what_is_no_archive_of_kfp_is_left_alone(packed: str) -> None:
    text = f"__KFP_EMBEDDED_ARCHIVE_B64 = '{packed}'"

    assert fixed(text) == text


AFTER_AN_ELIF = """
from kfp import dsl

@dsl.container_component
def note(text: str):
    return dsl.ContainerSpec(image="busybox", command=["echo"], args=[text])

@dsl.pipeline(name="after-an-elif")
def after_an_elif(letters: list):
    with dsl.ParallelFor(letters) as outer, dsl.ParallelFor(letters) as letter:
        with dsl.If(letter == "a"):
            note(text="a")
        with dsl.Elif(letter == "b"):
            note(text="b")
    note(text="once")
"""


def test_what_follows_a_loop_stays_outside_where_its_last_condition_has_no_else(
    tmp_path: Path,
) -> None:
    spec = load(write(tmp_path, AFTER_AN_ELIF)).spec

    assert sorted(spec["root"]["dag"]["tasks"]) == ["for-loop-1", "note-3"]
    inner = spec["components"]["comp-for-loop-2"]["dag"]["tasks"]
    assert sorted(inner) == ["condition-branches-3"]
