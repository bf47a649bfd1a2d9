"""`headrace convert`: TFX files of many forms become kfp files that compile to the same."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.cli.main import main
from headrace.ir import specs
from unit.tfx_api.test_layout import formatted

PROFILE = Path(__file__).parents[3] / "examples/headrace.toml"

MODULES = {
    "module.py": """
        def preprocessing_fn(inputs): return inputs
        def run_fn(fn_args): ...
        def tuner_fn(fn_args): ...
        def filter_fn(serialized): return True
        """,
    "models/preprocessing.py": "def preprocessing_fn(inputs): return inputs",
    "models/keras_model/model.py": "def run_fn(fn_args): ...",
    "nodes.py": """
        from tfx import v1 as tfx

        def gen(name="CsvExampleGen"):
            return tfx.components.CsvExampleGen(input_base="gs://bucket/" + name).with_id(name)
        """,
}

BEGIN = """
import os
from pathlib import Path
from tfx import v1 as tfx
import nodes

gen = nodes.gen()
rows = gen.outputs["examples"]
stats = tfx.components.StatisticsGen(examples=rows)
schema = tfx.components.SchemaGen(statistics=stats.outputs["statistics"])
trainer = tfx.components.Trainer(
    module_file=os.path.join(os.path.dirname(__file__), "module.py"),
    examples=rows,
    train_args=tfx.proto.TrainArgs(num_steps=10),
    eval_args=tfx.proto.EvalArgs(num_steps=5),
)
first = [gen, stats, schema, trainer]
settings = {}
more = []
"""

END = """
if __name__ == "__main__":
    pipeline = tfx.dsl.Pipeline("My_pipeline", components=[*first, *more], **settings)
    tfx.orchestration.LocalDagRunner().run(pipeline)
"""

FORMS = {
    "nothing more": "",
    "cached": "settings = {'enable_cache': True}",
    "in a bucket": "settings = {'pipeline_root': 'gs://bucket/root'}",
    "splits and spans": """
        more = [
            tfx.components.CsvExampleGen(
                input_base="gs://bucket/spans",
                input_config=tfx.proto.Input(splits=[
                    tfx.proto.Input.Split(name="train", pattern="span-{SPAN}/train/*"),
                    tfx.proto.Input.Split(name="eval", pattern="span-{SPAN}/eval/*"),
                ]),
                range_config=tfx.proto.RangeConfig(
                    static_range=tfx.proto.StaticRange(start_span_number=2, end_span_number=2)),
            ).with_id("CsvExampleGen.spans"),
            tfx.components.ImportExampleGen(
                input_base="gs://bucket/records",
                output_config=tfx.proto.Output(split_config=tfx.proto.SplitConfig(splits=[
                    tfx.proto.SplitConfig.Split(name=name, hash_buckets=buckets)
                    for name, buckets in (("train", 8), ("eval", 1), ("test", 1))
                ])),
            ),
        ]
        """,
    "transform by path": """
        transform = tfx.components.Transform(
            examples=rows, schema=schema.outputs["schema"],
            module_file=str(Path(__file__).parent / "module.py"),
            custom_config={"key": [1, 2.5, "text", True, {"nested": "'\\"quotes\\"'"}]},
            splits_config=tfx.proto.SplitsConfig(analyze=["train"], transform=["train", "eval"]),
            disable_statistics=True,
        )
        more = [transform]
        """,
    "functions by dotted path": """
        transform = tfx.components.Transform(
            examples=rows, schema=schema.outputs["schema"],
            preprocessing_fn="models.preprocessing.preprocessing_fn")
        other = tfx.components.Trainer(
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            run_fn="models.keras_model.model.run_fn",
            train_args=tfx.proto.TrainArgs(num_steps=1),
            eval_args=tfx.proto.EvalArgs()).with_id("Trainer.dotted")
        more = [transform, other]
        """,
    "code in a bucket": """
        more = [tfx.components.Trainer(
            module_file="gs://bucket/module.py", examples=rows, schema=schema.outputs["schema"],
            train_args={"num_steps": 10}, eval_args='{"num_steps": 5}').with_id("remote")]
        """,
    "tuned, evaluated and pushed": """
        tuner = tfx.components.Tuner(
            module_file="module.py", examples=rows,
            train_args=tfx.proto.TrainArgs(num_steps=2), eval_args=tfx.proto.EvalArgs(num_steps=1),
            tune_args=tfx.proto.TuneArgs(num_parallel_trials=2))
        resolver = tfx.dsl.Resolver(
            strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
            model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
            model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
        ).with_id("latest_blessed")
        evaluator = tfx.components.Evaluator(
            examples=rows, model=trainer.outputs["model"],
            baseline_model=resolver.outputs["model"],
            eval_config={
                "model_specs": [{"label_key": "late"}],
                "metrics_specs": [{"metrics": [{"class_name": "AUC"}]}],
            })
        infra = tfx.components.InfraValidator(
            model=trainer.outputs["model"], examples=rows,
            serving_spec=tfx.proto.ServingSpec(
                tensorflow_serving=tfx.proto.TensorFlowServing(tags=["latest"]), model_name="m"),
            request_spec=tfx.proto.RequestSpec(num_examples=2))
        pusher = tfx.components.Pusher(
            model=trainer.outputs["model"], model_blessing=evaluator.outputs["blessing"],
            infra_blessing=infra.outputs["blessing"],
            push_destination=tfx.proto.PushDestination(
                filesystem=tfx.proto.PushDestination.Filesystem(base_directory="gs://bucket/s")))
        inferrer = tfx.components.BulkInferrer(
            examples=rows, model=trainer.outputs["model"],
            model_blessing=evaluator.outputs["blessing"],
            data_spec=tfx.proto.DataSpec(example_splits=["eval"]), model_spec=tfx.proto.ModelSpec())
        more = [tuner, resolver, evaluator, infra, pusher, inferrer]
        """,
    "compared": """
        other = nodes.gen("other")
        more = [other, tfx.components.ExampleDiff(
            examples_test=rows, examples_base=other.outputs["examples"],
            config=tfx.proto.ExampleDiffConfig(paired_example_skew=tfx.proto.PairedExampleSkew(
                identifier_features=["id"], skew_sample_size=2)),
            include_split_pairs=[("train", "train")])]
        """,
    "only if": """
        with tfx.dsl.Cond(
            trainer.outputs["model"].future()[0].custom_property("good") == 1
        ):
            pusher = tfx.components.Pusher(
                model=trainer.outputs["model"],
                push_destination=tfx.proto.PushDestination(
                    filesystem=tfx.proto.PushDestination.Filesystem(base_directory="gs://b/s")))
        more = [pusher]
        """,
    "with parameters": """
        steps = tfx.dsl.experimental.RuntimeParameter(
            name="train-steps", ptype=str, default='{"num_steps": 7}', description='The "steps".')
        root = tfx.dsl.experimental.RuntimeParameter(name="data_root", ptype=str)
        more = [
            tfx.components.CsvExampleGen(input_base=root).with_id("given"),
            tfx.components.Trainer(
                module_file="module.py", examples=rows, train_args=steps,
                eval_args=tfx.proto.EvalArgs()).with_id("parametrized"),
        ]
        """,
    "imported and ordered": """
        importer = tfx.dsl.Importer(
            source_uri="gs://bucket/hyper",
            artifact_type=tfx.types.standard_artifacts.HyperParameters,
        ).with_id("import_hparams")
        tuned = tfx.components.Trainer(
            module_file="module.py", examples=rows, hyperparameters=importer.outputs["result"],
            train_args=tfx.proto.TrainArgs(), eval_args=tfx.proto.EvalArgs()).with_id("tuned")
        tuned.add_upstream_node(trainer)
        more = [importer, tuned]
        """,
    "on other machines": """
        settings = {"beam_pipeline_args": [
            "--runner=DataflowRunner", "--project=p", "--region=us-central1",
            "--temp_location=gs://bucket/tmp"]}
        gen.with_beam_pipeline_args(["--num_workers=3"])
        """,
    "on google cloud": """
        from tfx.v1.extensions import google_cloud_ai_platform, google_cloud_big_query
        from tfx.v1.extensions.google_cloud_ai_platform import (
            ENABLE_VERTEX_KEY, SERVING_ARGS_KEY, TRAINING_ARGS_KEY, VERTEX_REGION_KEY)
        query = google_cloud_big_query.BigQueryExampleGen(
            query='SELECT a,\\n  "b"\\nFROM `p.d.t` WHERE c = 1 AND d = 2 AND e = 3 AND f = 4')
        trained = google_cloud_ai_platform.Trainer(
            module_file="gs://bucket/module.py", examples=query.outputs["examples"],
            train_args=tfx.proto.TrainArgs(num_steps=1), eval_args=tfx.proto.EvalArgs(),
            custom_config={
                ENABLE_VERTEX_KEY: True, VERTEX_REGION_KEY: "us-central1",
                TRAINING_ARGS_KEY: {"project": "p", "worker_pool_specs": [{
                    "machine_spec": {"machine_type": "n1-standard-8"}, "replica_count": 1,
                    "container_spec": {"image_uri": "gcr.io/tfx-oss-public/tfx:1.16.0"}}]},
            }).with_id("Trainer.vertex")
        pushed = google_cloud_ai_platform.Pusher(
            model=trained.outputs["model"],
            custom_config={
                ENABLE_VERTEX_KEY: True, VERTEX_REGION_KEY: "us-central1",
                SERVING_ARGS_KEY: {"project_id": "p", "endpoint_name": "prediction"},
            })
        more = [query, trained, pushed]
        """,
}


def written(folder: Path, form: str) -> Path:
    for name, text in MODULES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")
    source = folder / "pipeline.py"
    source.write_text(BEGIN + textwrap.dedent(FORMS[form]) + END, "utf-8")
    return source


@pytest.mark.parametrize("form", FORMS)
def test_a_converted_file_is_formatted_and_compiles_to_the_same(tmp_path: Path, form: str) -> None:
    source, converted = written(tmp_path, form), tmp_path / "converted.py"
    assert main(["convert", str(source), "-o", str(converted)]) == 0
    text = converted.read_text("utf-8")
    assert formatted(text) == text
    assert str(tmp_path) not in text
    targets: tuple[Any, ...] = ("local", "kubeflow", "vertex")
    for target in targets:
        found = headrace.compile(converted, target=target, config=PROFILE)
        assert found == headrace.compile(source, target=target, config=PROFILE)


ODD_NAMES = {
    "quotes": ('a"b\\c', "we\"ird'\\id"),
    "line breaks": ("a\nb", "x\ny"),
    "other letters": ("Größe", "漢字"),
    "words of Python": ("class", "if"),
    "names of the text": ("my_dsl", "dsl"),
    "names of components": ("csv_example_gen", "catalog"),
    "digits first": ("1st", "2nd"),
}


@pytest.mark.parametrize("case", ODD_NAMES)
def test_names_may_have_any_letters(tmp_path: Path, case: str) -> None:
    pipeline, node = ODD_NAMES[case]
    path, converted = tmp_path / "pipeline.py", tmp_path / "converted.py"
    path.write_text(
        f"""
from tfx import v1 as tfx
nodes = [tfx.components.CsvExampleGen(input_base="/data").with_id({node!r})]
PIPELINE = tfx.dsl.Pipeline({pipeline!r}, components=nodes)
""",
        "utf-8",
    )
    assert main(["convert", str(path), "-o", str(converted)]) == 0
    text = converted.read_text("utf-8")
    assert formatted(text) == text
    found = headrace.compile(converted, target="local")
    assert found == headrace.compile(path, target="local")
    (task,) = found["root"]["dag"]["tasks"].values()
    assert task["taskInfo"]["name"] == node


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{'x': float('nan')}", "`custom_config` holds nan, which JSON has no word for"),
        ("{'x': [float('-inf')]}", "`custom_config` holds -inf"),
        ("{'x': {'y': None}}", "`custom_config` holds None, which kfp does not compile"),
        ("{'x': 2**60}", "`custom_config` holds the integer 1152921504606846976"),
        ("{'x': len}", "`custom_config` holds a builtin_function_or_method"),
        ("{'x': b'a'}", "`custom_config` holds a bytes"),
        ("{'x': rows}", "`custom_config` holds CsvExampleGen.outputs"),
    ],
)
def test_values_that_no_pipeline_holds_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str, message: str
) -> None:
    source = written(tmp_path, "nothing more")
    text = source.read_text("utf-8").replace("num_steps=10),", f"), custom_config={value},")
    source.write_text(text, "utf-8")
    assert main(["convert", str(source)]) == 2
    assert capsys.readouterr().err.startswith(f"error: pipeline.py: Trainer: {message}")


def test_a_pipeline_without_nodes_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pipeline.py"
    path.write_text("from tfx import v1 as tfx\nP = tfx.dsl.Pipeline('empty')\n", "utf-8")
    assert main(["compile", str(path), "--target", "local"]) == 2
    assert "pipeline.py: the pipeline 'empty' has no nodes" in capsys.readouterr().err


def test_every_node_is_the_display_name_of_a_task(tmp_path: Path) -> None:
    source = written(tmp_path, "tuned, evaluated and pushed")
    spec = headrace.compile(source, target="local")
    shown = {node.task["taskInfo"]["name"] for node in specs.tasks(spec)}
    assert shown == {
        "BulkInferrer",
        "CsvExampleGen",
        "Evaluator",
        "InfraValidator",
        "Pusher",
        "SchemaGen",
        "StatisticsGen",
        "Trainer",
        "Tuner",
        "latest_blessed",
    }


def test_the_same_file_gives_the_same_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path, "with parameters")
    texts = set()
    for _ in range(3):
        assert main(["convert", str(source)]) == 0
        texts.add(capsys.readouterr().out)
    assert len(texts) == 1


def test_a_converted_file_reads_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = written(tmp_path, "cached")
    assert main(["convert", str(source)]) == 0
    assert capsys.readouterr().out == textwrap.dedent(
        '''\
        """The TFX pipeline My_pipeline, as a pipeline of Kubeflow Pipelines.

        `headrace convert` wrote it from pipeline.py.
        """

        from kfp import dsl

        from headrace_components import catalog


        @dsl.pipeline(name="my-pipeline", display_name="My_pipeline")
        def my_pipeline():
            """Does what the TFX pipeline My_pipeline does."""
            csv_example_gen = catalog.csv_example_gen(input_base="gs://bucket/CsvExampleGen")
            csv_example_gen.set_display_name("CsvExampleGen")
            statistics_gen = catalog.statistics_gen(examples=csv_example_gen.outputs["examples"])
            statistics_gen.set_display_name("StatisticsGen")
            catalog.trainer(
                examples=csv_example_gen.outputs["examples"],
                module_file="module.py",
                train_args={"num_steps": 10},
                eval_args={"num_steps": 5},
            ).set_display_name("Trainer")
            schema_gen = catalog.schema_gen(statistics=statistics_gen.outputs["statistics"])
            schema_gen.set_display_name("SchemaGen")
        '''
    )
