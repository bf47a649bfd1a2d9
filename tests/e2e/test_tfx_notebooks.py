"""TFX's notebooks as they are: `InteractiveContext`, runners and metadata, with a real kernel."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace_components.contract.task import LIBRARY_SETTINGS
from support.launcher.notebooks import Cell, Kernel, running_kernel

IMPORTS = """
import os
import pathlib
import urllib

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx
from tfx.components import (
    CsvExampleGen, Evaluator, ExampleValidator, Pusher, SchemaGen, StatisticsGen, Trainer, Transform
)
from tfx.orchestration.experimental.interactive.interactive_context import InteractiveContext

%load_ext tfx.orchestration.experimental.interactive.notebook_extensions.skip

_data_root = "data"
_module = "model.py"
"""

DATA = """
%%skip_for_export
pathlib.Path(_data_root).mkdir()
rows = "".join(f"{i % 7 / 7},{'abc'[i % 3]},{int(i % 7 > 3)}\\n" for i in range(210))
pathlib.Path(_data_root, "rows.csv").write_text("x,letter,label\\n" + rows)
"""

MODULE = """
%%writefile {_module}
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

def preprocessing_fn(inputs):
    return {"x_xf": tft.scale_to_z_score(inputs["x"]), "label": inputs["label"]}

def _serving(model, tf_transform_output):
    model.tft_layer = tf_transform_output.transform_features_layer()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(serialized):
        spec = tf_transform_output.raw_feature_spec()
        spec.pop("label")
        features = model.tft_layer(tf.io.parse_example(serialized, spec))
        return {"outputs": model(features["x_xf"])}

    return serve

def run_fn(fn_args):
    output = tft.TFTransformOutput(fn_args.transform_output)
    options = tfxio.TensorFlowDatasetOptions(batch_size=20, label_key="label", shuffle=False)
    data = fn_args.data_accessor.tf_dataset_factory(
        fn_args.train_files, options, output.transformed_metadata.schema
    ).map(lambda features, label: (features["x_xf"], label))
    model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1, "sigmoid")])
    model.compile(optimizer="sgd", loss="binary_crossentropy")
    model.fit(data, steps_per_epoch=fn_args.train_steps, verbose=0)
    tf.saved_model.save(
        model, fn_args.serving_model_dir, signatures={"serving_default": _serving(model, output)}
    )
"""

TUTORIAL = {
    "imports": IMPORTS,
    "data": DATA,
    "context": "context = InteractiveContext(pipeline_name='tutorial', pipeline_root='root')",
    "examples": "example_gen = CsvExampleGen(input_base=_data_root)\ncontext.run(example_gen)",
    "artifact": """
%%skip_for_export
artifact = example_gen.outputs['examples'].get()[0]
print(artifact.split_names, os.path.isdir(os.path.join(artifact.uri, 'Split-train')), artifact.id)
""",
    "statistics": """
statistics_gen = StatisticsGen(examples=example_gen.outputs['examples'])
context.run(statistics_gen)
""",
    "show statistics": "context.show(statistics_gen.outputs['statistics'])",
    "schema": """
schema_gen = SchemaGen(
    statistics=statistics_gen.outputs['statistics'], infer_feature_shape=True)
context.run(schema_gen)
context.show(schema_gen.outputs['schema'])
""",
    "validator": """
example_validator = ExampleValidator(
    statistics=statistics_gen.outputs['statistics'], schema=schema_gen.outputs['schema'])
context.run(example_validator)
context.show(example_validator.outputs['anomalies'])
""",
    "module": MODULE,
    "transform": """
transform = Transform(
    examples=example_gen.outputs['examples'],
    schema=schema_gen.outputs['schema'],
    module_file=os.path.abspath(_module))
context.run(transform)
""",
    "transformed": "transform.outputs['transform_graph']",
    "trainer": """
trainer = Trainer(
    module_file=_module,
    examples=transform.outputs['transformed_examples'],
    transform_graph=transform.outputs['transform_graph'],
    schema=schema_gen.outputs['schema'],
    train_args=tfx.proto.TrainArgs(num_steps=5),
    eval_args=tfx.proto.EvalArgs(num_steps=1))
context.run(trainer)
""",
    "evaluator": """
eval_config = tfma.EvalConfig(
    model_specs=[tfma.ModelSpec(signature_name='serving_default', label_key='label')],
    metrics_specs=[tfma.MetricsSpec(metrics=[tfma.MetricConfig(
        class_name='BinaryAccuracy',
        threshold=tfma.MetricThreshold(
            value_threshold=tfma.GenericValueThreshold(lower_bound={'value': 0.0})))])],
    slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=['letter'])])
evaluator = Evaluator(
    examples=example_gen.outputs['examples'],
    model=trainer.outputs['model'],
    eval_config=eval_config)
context.run(evaluator)
context.show(evaluator.outputs['evaluation'])
""",
    "pusher": """
pusher = Pusher(
    model=trainer.outputs['model'],
    model_blessing=evaluator.outputs['blessing'],
    push_destination=tfx.proto.PushDestination(
        filesystem=tfx.proto.PushDestination.Filesystem(base_directory='served')))
context.run(pusher)
""",
    "pushed": """
%%skip_for_export
pushed = pusher.outputs['pushed_model'].get()[0]
print(os.listdir('served'), pushed.get_int_custom_property('pushed'))
""",
    "lineage": """
%%skip_for_export
import ml_metadata
store = ml_metadata.MetadataStore(context.metadata_connection_config)
(pushed,) = store.get_artifacts_by_type('PushedModel')
events = store.get_events_by_artifact_ids([trainer.outputs['model'].get()[0].id])
print([(e.execution_id, e.type) for e in events])
print([(t.name) for t in store.get_execution_types()])
""",
    "export": """
%%skip_for_export
context.export_to_pipeline('tutorial.ipynb', 'exported.py', 'beam')
print(os.getcwd())
""",
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """The kernel `headrace`, installed as its page says."""
    prefix = tmp_path_factory.mktemp("prefix")
    command = [sys.executable, "-m", "headrace.tfx", "kernel", "install", "--prefix", str(prefix)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "Installed the kernel 'headrace' at " in done.stdout
    os.environ["JUPYTER_PATH"] = str(prefix / "share/jupyter")
    # Jupyter may run in another environment: neither our commands nor our variables are there.
    variables = {name: text for name, text in os.environ.items() if name not in LIBRARY_SETTINGS}
    with running_kernel("headrace", {**variables, "PATH": os.defpath}) as started:
        yield started
    del os.environ["JUPYTER_PATH"]


@pytest.fixture(scope="module")
def tutorial(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cell]:
    directory = tmp_path_factory.mktemp("tutorial")
    cells = kernel.execute(directory, *TUTORIAL.values(), name="tutorial")
    return dict(zip(TUTORIAL, cells, strict=True))


@pytest.mark.slow
def test_each_cell_runs_one_node_and_shows_its_outputs(tutorial: dict[str, Cell]) -> None:
    assert ">done<" in tutorial["examples"].html
    assert "ExecutionResult</b> of CsvExampleGen" in tutorial["examples"].html
    assert tutorial["artifact"].printed.startswith('["train", "eval"] True ')
    assert "execution_id: 2" in tutorial["statistics"].value
    assert "Channel</b> of type <b>TransformGraph</b> (1 artifact)" in tutorial["transformed"].html
    assert re.match(r"\['\d+'\] 1\n", tutorial["pushed"].printed)


MODEL = """
import tensorflow as tf

model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])
model.save("model", save_format="tf")
print(list(tf.keras.models.load_model("model").signatures))
!saved_model_cli show --dir model --tag_set serve
"""


@pytest.mark.slow
def test_cells_have_the_keras_of_tasks_and_the_commands_of_the_environment(
    kernel: Kernel, tmp_path: Path
) -> None:
    (cell,) = kernel.execute(tmp_path, MODEL)

    assert "\n['serving_default']\n" in f"\n{cell.printed}"
    assert 'SignatureDef key: "serving_default"' in cell.printed


@pytest.mark.slow
def test_artifacts_are_shown_as_reports(tutorial: dict[str, Cell]) -> None:
    shown = {
        "show statistics": "Data statistics",
        "schema": "What each feature must look like",
        "validator": "Data and schema",
        "evaluator": "Slices",
    }
    for cell, text in shown.items():
        assert 'sandbox=""' in tutorial[cell].html, cell
        assert text in tutorial[cell].html, cell
        assert "Artifact at " in tutorial[cell].html, cell


@pytest.mark.slow
def test_lineage_joins_the_nodes_of_all_cells(tutorial: dict[str, Cell]) -> None:
    events, types, *_ = tutorial["lineage"].printed.splitlines()

    # 6 is the trainer, 7 the evaluator and 8 the pusher; 3 is INPUT, 4 is OUTPUT.
    assert events == "[(6, 4), (7, 3), (8, 3)]"
    assert "Importer" not in types


@pytest.mark.slow
def test_a_notebook_becomes_a_program(tutorial: dict[str, Cell]) -> None:
    directory = Path(tutorial["export"].printed.splitlines()[0])
    command = [sys.executable, "-m", "headrace.cli.main", "convert", "exported.py", "-o", "kfp.py"]

    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    text = (directory / "kfp.py").read_text("utf-8")
    assert text.count("catalog.") >= 8
    assert 'module_file="model.py"' in text


FUNCTIONS = {
    "imports": """
import json
import os
import random
from tfx import v1 as tfx
from tfx.dsl.component.experimental.annotations import (
    InputArtifact, OutputArtifact, OutputDict, Parameter)
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.experimental.interactive.interactive_context import InteractiveContext
from tfx.types.experimental.simple_artifacts import Dataset
from tfx.types.standard_artifacts import Model

context = InteractiveContext(pipeline_name="functions", pipeline_root="root")
SCALE = 3
model = object()  # of no interest to any function
""",
    "helper": """
class Writer:
    def write(self, path, rows):
        with open(path, "w") as file:
            json.dump([row * SCALE for row in rows], file)

def path_of(artifact):
    return os.path.join(artifact.uri, "rows.json")
""",
    "generator": """
@component
def Generate(num_rows: Parameter[int], data: OutputArtifact[Dataset]) -> OutputDict(count=int):
    random.seed(1)
    Writer().write(path_of(data), range(num_rows))
    data.set_string_custom_property("kind", "generated")
    model = {"count": num_rows}
    return model
""",
    "trainer": """
@component
def Train(data: InputArtifact[Dataset], count: int, model: OutputArtifact[Model]) -> OutputDict(
    loss=float, accuracy=float):
    rows = json.load(open(path_of(data)))
    with open(os.path.join(model.uri, "model.txt"), "w") as file:
        file.write(f"{data.get_string_custom_property('kind')} {sum(rows)}")
    return {"loss": count / 10, "accuracy": 1.0}
""",
    "run": """
generate = Generate(num_rows=4)
context.run(generate)
train = Train(data=generate.outputs["data"], count=generate.outputs["count"])
context.run(train)
""",
    "outputs": """
made = train.outputs["model"].get()[0]
print(generate.outputs["count"].get()[0].value, train.outputs["loss"].get()[0].value)
print(open(os.path.join(made.uri, "model.txt")).read())
""",
    "again": """
import logging
context.run(generate)
again = context.run(Generate(num_rows=4), enable_cache=False)
""",
    "not run": """
other = Generate(num_rows=1)
context.run(Train(data=other.outputs["data"], count=generate.outputs["count"]))
""",
    "broken": """
@component
def Broken(data: InputArtifact[Dataset]):
    json.loads("[")
""",
    "run broken": "broken = Broken(data=generate.outputs['data'])\ncontext.run(broken)",
    "resolve": """
resolver = tfx.dsl.Resolver(
    strategy_class=tfx.dsl.experimental.LatestArtifactStrategy,
    data=tfx.dsl.Channel(type=Dataset, producer_component_id="Generate", output_key="data"))
context.run(resolver)
print(resolver.outputs["data"].get()[0].uri == again.component.outputs["data"].get()[0].uri)
""",
    "import": """
importer = tfx.dsl.Importer(
    source_uri=made.uri, artifact_type=Model, custom_properties={"origin": "here"})
context.run(importer)
print(importer.outputs["result"].get()[0].get_string_custom_property("origin"))
""",
}


@pytest.fixture(scope="module")
def functions(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cell]:
    directory = tmp_path_factory.mktemp("functions")
    cells = kernel.execute(directory, *FUNCTIONS.values(), name="functions", may_fail=True)
    return dict(zip(FUNCTIONS, cells, strict=True))


@pytest.mark.slow
def test_functions_of_cells_are_components(functions: dict[str, Cell]) -> None:
    for cell in ("imports", "helper", "generator", "trainer", "run", "outputs", "again"):
        assert functions[cell].error == "", cell
    assert functions["outputs"].printed == "4 0.4\ngenerated 18\n"
    assert functions["again"].html.count(">cached<") == 1


@pytest.mark.slow
def test_what_is_wrong_in_a_cell_is_said_in_one_message(functions: dict[str, Cell]) -> None:
    message = functions["not run"].error.splitlines()[-1]
    assert message == (
        "MissingArtifactError: Train: it reads 'data' of Generate, which has not run here. Run "
        "Generate first, with context.run(...)."
    )
    _, code, message = functions["run broken"].error.splitlines()
    assert code.strip() == "context.run(broken)"
    assert message.startswith("InputError: Broken: ")
    assert "JSONDecodeError" in message
    assert "cells.py, line " in message


@pytest.mark.slow
def test_resolvers_and_importers_run_like_components(functions: dict[str, Cell]) -> None:
    assert functions["resolve"].error == ""
    assert functions["resolve"].printed == "True\n"
    assert functions["import"].error == ""
    assert functions["import"].printed == "here\n"


RUNNER = {
    "pipeline": """
import os
import pathlib
from tfx import v1 as tfx

pathlib.Path("data").mkdir()
rows = "".join(f"{i},{i % 2}\\n" for i in range(60))
pathlib.Path("data/rows.csv").write_text("x,label\\n" + rows)

def _create_pipeline(pipeline_name, pipeline_root, data_root, metadata_path):
    example_gen = tfx.components.CsvExampleGen(input_base=data_root)
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs['examples'])
    schema_gen = tfx.components.SchemaGen(
        statistics=statistics_gen.outputs['statistics'], infer_feature_shape=True)
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(metadata_path)),
        components=[example_gen, statistics_gen, schema_gen])
""",
    "run": """
tfx.orchestration.LocalDagRunner().run(
    _create_pipeline('my_schema', 'root', 'data', os.path.join('metadata', 'metadata.db')))
""",
    "metadata": """
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.metadata import Metadata
from tfx.orchestration.portable.mlmd import execution_lib

config = tfx.orchestration.metadata.sqlite_metadata_connection_config('metadata/metadata.db')
with Metadata(config) as handler:
    context = handler.store.get_context_by_type_and_name('node', 'my_schema.StatisticsGen')
    executions = handler.store.get_executions_by_context(context.id)
    latest = max(executions, key=lambda e: e.last_update_time_since_epoch)
    outputs = execution_lib.get_output_artifacts(handler, latest.id)
print(sorted(outputs))
""",
    "show": """
from tfx.orchestration.experimental.interactive import standard_visualizations, visualizations

standard_visualizations.register_standard_visualizations()
for artifact in outputs['statistics']:
    visualizations.get_registry().get_visualization(artifact.type_name).display(artifact)
""",
}


@pytest.mark.slow
def test_a_notebook_with_a_runner_reads_the_metadata_of_its_run(
    kernel: Kernel, tmp_path: Path
) -> None:
    cells = dict(zip(RUNNER, kernel.execute(tmp_path, *RUNNER.values()), strict=True))

    assert " succeeded in " in cells["run"].html
    assert ">SchemaGen<" in cells["run"].html
    assert "Report: StatisticsGen" in cells["run"].html
    assert "'statistics'" in cells["metadata"].printed
    assert "Data statistics" in cells["show"].html


def test_a_cell_may_call_tfx_as_a_command(kernel: Kernel, tmp_path: Path) -> None:
    (cell,) = kernel.execute(
        tmp_path,
        "MODEL = 'taxi'\n!tfx template copy --pipeline_name=p --destination_path=d --model={MODEL}",
    )

    assert "Copied the template 'taxi' to d" in cell.printed
    assert (tmp_path / "d/local_runner.py").is_file()


def test_a_runner_of_vertex_in_a_cell_writes_the_job_and_says_how_to_submit_it(
    kernel: Kernel, tmp_path: Path
) -> None:
    profile = Path(__file__).parents[2] / "examples/headrace.toml"
    (tmp_path / "headrace.toml").write_text(profile.read_text("utf-8"), "utf-8")
    (cell,) = kernel.execute(
        tmp_path,
        """
from tfx import v1 as tfx

experimental = tfx.orchestration.experimental
runner = experimental.KubeflowV2DagRunner(
    config=experimental.KubeflowV2DagRunnerConfig(), output_filename="job.json"
)
rows = tfx.components.CsvExampleGen(input_base="gs://my-bucket/data")
_ = runner.run(tfx.dsl.Pipeline("rows", "gs://my-bucket/root", components=[rows]))
""",
    )

    assert "Wrote job.json. Run it with: headrace.submit(PIPELINE, target='vertex')" in cell.printed
    assert (tmp_path / "job.json").is_file()


def test_an_import_or_an_extension_makes_tfx_importable_in_any_kernel(tmp_path: Path) -> None:
    check = "import tfx; print(tfx.__version__)\nfrom tfx import v1; print(v1.dsl.Pipeline)"
    with running_kernel() as kernel:
        before, _, after = kernel.execute(
            tmp_path, check, "%load_ext headrace.tfx", check, may_fail=True
        )

    assert "No module named 'tfx'" in before.error
    assert "headrace_tfx.authoring.pipeline.Pipeline" in after.printed
