"""Files of authors that build TFX pipelines: how they are told apart, executed and chosen from."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from absl import flags as absl_flags

import headrace
from headrace.cli.main import main
from headrace.errors import CompileError
from headrace.frontend import loading
from headrace.frontend.tfx_pipelines.recognition import builds_tfx_pipeline
from headrace.ir import specs
from headrace.profiles.profile import read_profile
from headrace.targets.remote.ordering import order_of
from unit.tfx_api.test_layout import formatted

EXAMPLES = Path(__file__).parents[3] / "examples"
PROFILE = EXAMPLES / "headrace.toml"

Write = Callable[..., Path]

CREATE = """
import os

from tfx import v1 as tfx


def create_pipeline(name="Penguin_first", **settings):
    gen = tfx.components.CsvExampleGen(input_base=os.path.join(os.path.dirname(__file__), "data"))
    statistics = tfx.components.StatisticsGen(examples=gen.outputs["examples"])
    schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"])
    nodes = [schema.with_id("SchemaGen.first"), statistics, gen]
    return tfx.dsl.Pipeline(pipeline_name=name, components=nodes, **settings)
"""

RUN = """
if __name__ == "__main__":
    tfx.orchestration.LocalDagRunner().run(create_pipeline())
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below a new folder and returns its path."""

    def written(text: str, name: str = "pipeline.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")
        return path

    return written


def tasks(source: Any, **rest: Any) -> dict[str, str]:
    """Returns the names of a pipeline's tasks, and their display names."""
    spec = loading.load(source, **rest).spec
    return {node.path[-1]: node.task["taskInfo"]["name"] for node in specs.tasks(spec)}


NODES = {
    "csv-example-gen": "CsvExampleGen",
    "statistics-gen": "StatisticsGen",
    "schema-gen": "SchemaGen.first",
}


def refusal(source: Any, **rest: Any) -> str:
    with pytest.raises(CompileError) as raised:
        loading.load(source, **rest)
    return str(raised.value)


# --- Which files are TFX's ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "import tfx",
        "import tfx.v1 as tfx",
        "from tfx import v1 as tfx",
        "from tfx.components import CsvExampleGen",
        "def main():\n    from tfx.orchestration import pipeline",
    ],
)
def test_a_file_that_imports_tfx_is_one(write: Write, line: str) -> None:
    assert builds_tfx_pipeline(write(line))


def test_a_file_whose_siblings_import_tfx_is_one(write: Write) -> None:
    write("import tfx", "parts/nodes.py")
    write("from . import nodes", "parts/create.py")
    write("", "parts/__init__.py")
    assert builds_tfx_pipeline(write("from parts import create", "runner.py"))
    assert builds_tfx_pipeline(write("import parts.create", "other.py"))
    assert not builds_tfx_pipeline(write("import parts", "third.py"))


def test_a_file_with_a_kfp_pipeline_is_none(write: Write) -> None:
    for decorator in ("@dsl.pipeline", "@dsl.pipeline(name='a')", "@kfp.dsl.pipeline", "@pipeline"):
        assert not builds_tfx_pipeline(write(f"import tfx\n{decorator}\ndef a(): ...\n"))
    assert not builds_tfx_pipeline(write("import json"))
    assert not builds_tfx_pipeline(write("import tfxyz"))
    assert not builds_tfx_pipeline(write("import tfx :"))


def test_an_unknown_output_is_told_without_quotation_marks(write: Write) -> None:
    file = write(
        "from tfx import v1 as tfx\n"
        "rows = tfx.components.CsvExampleGen(input_base='data')\n"
        "tfx.components.StatisticsGen(examples=rows.outputs['example'])\n"
    )
    assert ".py:3: CsvExampleGen has no output 'example', expected one of" in refusal(file)


def test_siblings_that_import_each_other_end(write: Write) -> None:
    write("import b", "a.py")
    assert not builds_tfx_pipeline(write("import a", "b.py"))


@pytest.mark.parametrize("example", ["penguins", "flights", "digits", "daily"])
def test_pipelines_of_kfp_stay_ones(example: str) -> None:
    assert not builds_tfx_pipeline(EXAMPLES / example / "pipeline.py")


# --- Forms of files ----------------------------------------------------------------------------


def test_a_runner_call_below_main_is_noted_and_not_run(write: Write) -> None:
    assert tasks(write(CREATE + RUN)) == NODES


def test_a_variable_may_be_the_pipeline(write: Write) -> None:
    assert tasks(write(CREATE + "\nPIPELINE = create_pipeline()\nSAME = PIPELINE\n")) == NODES


def test_a_function_may_be_named(write: Write) -> None:
    assert tasks(f"{write(CREATE)}:create_pipeline") == NODES


def test_a_pipeline_may_be_named(write: Write) -> None:
    calls = "\none = create_pipeline('one-1')\ntwo = create_pipeline('Two')\n"
    path = write(CREATE + calls)
    assert loading.load(f"{path}:one-1").spec["pipelineInfo"]["name"] == "one-1"
    assert loading.load(f"{path}:Two").spec["pipelineInfo"]["displayName"] == "Two"
    assert loading.load(f"{path}:two").spec["pipelineInfo"]["displayName"] == "Two"
    message = refusal(path)
    assert message == (
        "pipeline.py: it has 2 TFX pipelines ['one-1', 'Two'], expected one. Say which, as "
        "pipeline.py:Two."
    )


def test_a_pipeline_object_may_be_given(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(CREATE)
    monkeypatch.chdir(path.parent)
    with loading.author_modules(path.parent):
        names: dict[str, Any] = {"__file__": str(path)}
        exec(compile(path.read_text(), str(path), "exec"), names)
        pipeline = names["create_pipeline"]()
    assert tasks(pipeline) == NODES
    document = headrace.compile(pipeline, target="local")
    assert document["pipelineInfo"] == {
        "name": "penguin-first",
        "displayName": "Penguin_first",
        "description": "Does what the TFX pipeline Penguin_first does.",
    }


def test_a_runner_file_may_import_the_pipeline(write: Write) -> None:
    write(CREATE, "parts/create.py")
    write("", "parts/__init__.py")
    path = write("from parts import create\nPIPELINE = create.create_pipeline()", "runner.py")
    assert tasks(path) == NODES
    assert "parts.create" not in sys.modules


def test_the_file_sees_itself_as_the_program(write: Write) -> None:
    check = """
    import sys
    assert sys.argv == [__file__], sys.argv
    assert sys.modules["__main__"].create_pipeline is create_pipeline
    assert __name__ == "__main__"
    """
    before = sys.modules["__main__"], sys.argv
    assert tasks(write(CREATE + textwrap.dedent(check) + RUN)) == NODES
    assert (sys.modules["__main__"], sys.argv) == before
    assert "tfx" not in sys.modules


def test_a_file_that_imports_tfx_by_a_made_name_is_one_too(write: Write) -> None:
    made = CREATE.replace(
        "from tfx import v1 as tfx",
        'import importlib\ntfx = importlib.import_module("tf" + "x.v1")',
    )
    path = write(made + RUN)
    assert not builds_tfx_pipeline(path)
    assert tasks(path) == NODES


def test_kfp_files_may_use_names_of_tfx(write: Write) -> None:
    text = """
    from kfp import dsl
    from tfx.types import standard_artifacts
    from headrace_components.catalog import csv_example_gen

    @dsl.pipeline(name="mixed")
    def mixed():
        csv_example_gen(input_base=standard_artifacts.Examples.TYPE_NAME)
    """
    assert tasks(write(text)) == {"csv-example-gen": "csv-example-gen"}


# --- absl's flags ------------------------------------------------------------------------------

FLAGS = """
from absl import app, flags

flags.DEFINE_string("own_name", "Default", "Name of the pipeline.")
flags.DEFINE_string("own_required", None, "Required.", required={required})


def main(arguments):
    tfx.orchestration.LocalDagRunner().run(create_pipeline(flags.FLAGS.own_name))


if __name__ == "__main__":
    app.run(main)
"""


def flagged(*, required: bool = False) -> str:
    return CREATE + FLAGS.replace("{required}", str(required))


def test_flags_may_be_defined_again_and_again(write: Write) -> None:
    path = write(flagged())
    for _ in range(2):
        assert loading.load(path).spec["pipelineInfo"]["displayName"] == "Default"
    assert "own_name" not in absl_flags.FLAGS
    given = loading.load(path, flags=["--own_name=Other"])
    assert given.spec["pipelineInfo"]["displayName"] == "Other"


def test_flags_of_siblings_are_forgotten_too(write: Write) -> None:
    write("from absl import flags\nflags.DEFINE_string('sibling_name', 'S', '')", "settings.py")
    path = write("import settings\n" + flagged())
    for _ in range(2):
        loading.load(path)
    assert "sibling_name" not in absl_flags.FLAGS


def test_flags_of_libraries_stay(write: Write) -> None:
    before = set(absl_flags.FLAGS)
    loading.load(write(flagged()))
    assert before <= set(absl_flags.FLAGS)


def test_a_required_flag_is_asked_for(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(flagged(required=True))
    message = refusal(path)
    assert message.startswith("pipeline.py: it ended with exit code '1' and no flags, expected")
    assert "headrace run pipeline.py -- --name=value" in message
    assert "own_required" in "".join(capfd.readouterr())
    assert tasks(path, flags=["--own_required=1"]) == NODES


def test_flags_stand_behind_two_dashes(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(flagged())
    assert main(["compile", str(path), "--target", "local", "--", "--own_name=Given"]) == 0
    assert '"displayName": "Given"' in capsys.readouterr().out
    assert main(["convert", str(path), "--", "--own_name=Given"]) == 0
    assert 'display_name="Given"' in capsys.readouterr().out


def test_a_kfp_pipeline_takes_no_flags(capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLES / "penguins/pipeline.py"
    assert main(["compile", str(path), "--target", "local", "--", "--a=1"]) == 2
    assert "pipeline.py takes no flags, but got ['--a=1']" in capsys.readouterr().err


def test_a_file_may_end_itself(write: Write) -> None:
    assert tasks(write(CREATE + RUN + "\nimport sys\nsys.exit(0)\n")) == NODES
    message = refusal(write(CREATE + "\nraise SystemExit('no data')"))
    assert "it ended with exit code 'no data'" in message


# --- Mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tfx.components.CsvExampleGen('/data', spam=1)", "pipeline.py:{line}: CsvExampleGen: "),
        ("tfx.components.StatisticsGen(examples='/data')", "pipeline.py:{line}: StatisticsGen: "),
        ("tfx.dsl.Pipeline('p', components=[3])", "pipeline.py:{line}: the pipeline 'p' has 3 "),
        ("tfx.dsl.Pipeline('p', additional_pipeline_args={})", "pipeline.py:{line}: "),
        ("import no_such_module", "pipeline.py:{line}: no module named 'no_such_module'"),
        ("tfx.components.CsvExampleGenn('/data')", "pipeline.py:{line}: "),
        ("from tfx.orchestration.kubeflow import runner", "pipeline.py:{line}: "),
        ("1 / 0", "pipeline.py:{line}: ZeroDivisionError: division by zero."),
    ],
)
def test_a_mistake_is_at_its_line(write: Write, line: str, message: str) -> None:
    text = f"{CREATE}\n{line}\n"
    number = text.split("\n").index(line) + 1
    found = refusal(write(text))
    assert found.startswith(message.format(line=number)), found


def test_two_nodes_of_one_id_are_refused(write: Write) -> None:
    text = """
    from tfx import v1 as tfx
    nodes = [tfx.components.CsvExampleGen("/data") for _ in range(2)]
    tfx.dsl.Pipeline("twice", components=nodes)
    """
    message = refusal(write(text))
    assert message.startswith("pipeline.py:4: ")
    assert "'CsvExampleGen'" in message


def test_a_circle_is_refused(write: Write) -> None:
    text = """
    from tfx import v1 as tfx
    one = tfx.components.CsvExampleGen("/data")
    two = tfx.components.CsvExampleGen("/data").with_id("two")
    one.add_upstream_node(two)
    two.add_upstream_node(one)
    tfx.dsl.Pipeline("circle", components=[one, two])
    """
    message = refusal(write(text))
    assert message.startswith("pipeline.py:7: ")
    assert "circle" in message


def test_a_file_without_a_pipeline_is_told_how(write: Write) -> None:
    two = f"{CREATE}\n\ndef other_pipeline(): ...\n"
    assert refusal(write(two)) == (
        "pipeline.py: it imports `tfx`, but no runner was called and no variable is a "
        "tfx.dsl.Pipeline. Name the function that makes it, as pipeline.py:create_pipeline."
    )
    path = write("from tfx import v1 as tfx\ndef create(a, b=1): ...\ndef other(): return 3\n")
    assert "pipeline.py:other" in refusal(path)
    assert "the arguments ['a'] without a default" in refusal(f"{path}:create")
    assert "returned 3, expected a tfx.dsl.Pipeline" in refusal(f"{path}:other")
    assert "Did you mean 'other'?" in refusal(f"{path}:othr")


@pytest.mark.parametrize("head", ["def _create_pipeline():", "def first() -> tfx.dsl.Pipeline:"])
def test_the_only_function_that_makes_a_pipeline_is_called(write: Write, head: str) -> None:
    needs_name = CREATE.replace('(name="Penguin_first", ', "(name, ")
    text = f"{needs_name}\n\n{head}\n    return create_pipeline('One')\n"
    path = write(f"{text}\n\ndef main():\n    raise ValueError\n")
    assert loading.load(path).spec["pipelineInfo"]["name"] == "one"


def test_an_error_of_a_check_names_the_node(write: Write) -> None:
    text = CREATE.replace(
        'gen.outputs["examples"])', 'gen.outputs["examples"], exclude_splits=["x"])'
    )
    message = _compiled_refusal(write(text + RUN))
    assert message.startswith("pipeline.py: StatisticsGen: it reads the split"), message
    assert "statistics-gen" not in message
    assert "`CsvExampleGen`" in message


def _compiled_refusal(path: Path, target: Any = "local") -> str:
    with pytest.raises(CompileError) as raised:
        headrace.compile(path, target=target, config=PROFILE)
    return str(raised.value)


def test_a_missing_module_names_the_node(write: Write) -> None:
    text = """
    from tfx import v1 as tfx
    gen = tfx.components.CsvExampleGen("/data")
    train = tfx.components.Trainer(
        examples=gen.outputs["examples"], module_file="gone.py"
    ).with_id("Trainer.small")
    tfx.orchestration.LocalDagRunner().run(tfx.dsl.Pipeline("p", components=[gen, train]))
    """
    message = _compiled_refusal(write(text))
    assert message.startswith("pipeline.py: Trainer.small: `module_file` names "), message


# --- Compiled, converted, and where runs go ------------------------------------------------------


@pytest.mark.parametrize("target", ["local", "kubeflow", "vertex"])
def test_a_converted_file_compiles_to_the_same(write: Write, target: Any) -> None:
    path = write(CREATE + RUN)
    converted = path.with_name("converted.py")
    assert main(["convert", str(path), "-o", str(converted)]) == 0
    text = converted.read_text("utf-8")
    assert formatted(text) == text
    found = headrace.compile(converted, target=target, config=PROFILE)
    assert found == headrace.compile(path, target=target, config=PROFILE)


def test_modules_are_named_from_where_the_file_is_written(write: Write, tmp_path: Path) -> None:
    write("def run_fn(fn_args): ...", "models/model.py")
    text = """
    from pathlib import Path
    from tfx import v1 as tfx
    gen = tfx.components.CsvExampleGen("/data")
    train = tfx.components.Trainer(
        examples=gen.outputs["examples"],
        module_file=str(Path(__file__).parent / "models" / "model.py"),
        train_args=tfx.proto.TrainArgs(num_steps=10),
        eval_args=tfx.proto.EvalArgs(),
    )
    PIPELINE = tfx.dsl.Pipeline("p", components=[gen, train])
    """
    path = write(text)
    for output, module in {
        "converted.py": "models/model.py",
        "models/converted.py": "model.py",
        "elsewhere/converted.py": str(tmp_path / "models/model.py"),
    }.items():
        converted = write("", output)
        assert main(["convert", str(path), "-o", str(converted)]) == 0
        assert f'module_file="{module}"' in converted.read_text("utf-8")
        found = headrace.compile(converted, target="vertex", config=PROFILE)
        assert found == headrace.compile(path, target="vertex", config=PROFILE)


def test_a_file_that_cannot_be_written_is_named(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(CREATE + RUN)
    assert main(["convert", str(path), "-o", str(path.parent / "gone/out.py")]) == 2
    assert "could not write" in capsys.readouterr().err


def test_a_tfx_file_is_not_replaced_by_its_conversion(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(CREATE + RUN)
    assert main(["convert", f"{path}:Penguin_first", "-o", str(path)]) == 2
    assert "is the TFX file itself" in capsys.readouterr().err
    assert path.read_text("utf-8") == CREATE + RUN


def test_the_command_to_submit_has_the_flags(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(flagged())
    options = ["--target", "vertex", "--config", str(PROFILE), "-o", str(path.parent / "job.json")]
    assert main(["compile", str(path), *options, "--", "--own_name=A B"]) == 0
    assert capsys.readouterr().err.rstrip().endswith("-- '--own_name=A B'")


def test_a_service_gets_the_same_pipeline(write: Write) -> None:
    path = write(flagged())
    order = order_of(str(path), "kubeflow", read_profile(PROFILE), [], flags=["--own_name=Nightly"])
    assert order.compiled.document["pipelineInfo"]["displayName"] == "Nightly"


def test_nothing_is_cached_unless_the_pipeline_says_so(write: Write) -> None:
    def options(text: str) -> list[Any]:
        spec = loading.load(write(text)).spec
        return [node.task["cachingOptions"] for node in specs.tasks(spec)]

    assert options(CREATE + RUN) == [{}] * 3
    cached = RUN.replace("create_pipeline()", "create_pipeline(enable_cache=True)")
    assert options(CREATE + cached) == [{"enableCache": True}] * 3


def test_a_root_in_a_bucket_is_that_of_the_job(write: Write, tmp_path: Path) -> None:
    root = RUN.replace("create_pipeline()", "create_pipeline(pipeline_root='gs://bucket/root')")
    profile = tmp_path / "own.toml"
    profile.write_text(
        PROFILE.read_text().replace('pipeline_root = "gs://my-bucket/headrace"\n', "")
    )
    job = headrace.compile(write(CREATE + root), target="vertex", config=profile)
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/root"


def test_runs_go_where_the_pipeline_says(write: Write) -> None:
    settings = (
        "pipeline_root='roots/first', metadata_connection_config="
        "tfx.orchestration.metadata.sqlite_metadata_connection_config('db/first.db')"
    )
    path = write(CREATE + RUN.replace("create_pipeline()", f"create_pipeline({settings})"))
    defaults = loading.load(path).defaults
    assert defaults.root == "roots/first"
    assert defaults.metadata == f"sqlite:///{Path.cwd()}/db/first.db"


def test_kfp_files_are_not_converted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(EXAMPLES / "penguins/pipeline.py")]) == 2
    assert "does not import `tfx`" in capsys.readouterr().err
