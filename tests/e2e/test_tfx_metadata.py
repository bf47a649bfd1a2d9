"""The metadata of a local run, read as TFX's notebooks read it."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
from itertools import chain
from pathlib import Path
from typing import Any

import ml_metadata as mlmd
import pytest
from kfp import dsl
from ml_metadata.proto import metadata_store_pb2

import headrace
from headrace_components import catalog
from headrace_tfx.artifacts import standard, utils
from headrace_tfx.running import execution_lib, metadata

pytestmark = pytest.mark.slow

NAME = "flower_pots"


@dsl.pipeline(name="flower-pots", display_name=NAME)
def pots(data: str) -> None:
    rows = catalog.csv_example_gen(input_base=data).set_display_name("CsvExampleGen")
    statistics = catalog.statistics_gen(examples=rows.outputs["examples"]).set_display_name(
        "StatisticsGen"
    )
    schema = catalog.schema_gen(statistics=statistics.outputs["statistics"]).set_display_name(
        "SchemaGen.first"
    )
    catalog.example_validator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    ).set_display_name("ExampleValidator")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the root of two runs, of which the second fails at its second task."""
    folder = tmp_path_factory.mktemp("pots")
    data = folder / "data"
    data.mkdir()
    rows = "".join(
        f"{number},{number / 2},{'clay' if number % 3 else 'tin'}\n" for number in range(60)
    )
    (data / "pots.csv").write_text(f"height,width,kind\n{rows}", "utf-8")
    place = folder / "pipelines" / NAME
    good = headrace.run(
        pots,
        parameters={"data": str(data)},
        root=place,
        metadata=f"sqlite:///{folder}/metadata/{NAME}/metadata.db",
    )
    assert good.state == "succeeded", good.failures
    (data / "pots.csv").write_text("height,width,kind\n1,2\n", "utf-8")
    bad = headrace.run(
        pots,
        parameters={"data": str(data)},
        root=place,
        metadata=f"sqlite:///{folder}/metadata/{NAME}/metadata.db",
    )
    assert [failure.task for failure in bad.failures] == ["CsvExampleGen"]
    return folder


@pytest.fixture
def config(root: Path) -> Any:
    return metadata.sqlite_metadata_connection_config(str(root / "metadata" / NAME / "metadata.db"))


def latest_artifacts(handle: metadata.Metadata, node: str) -> dict[str, list[Any]]:
    context = handle.store.get_context_by_type_and_name("node", f"{NAME}.{node}")
    assert context is not None, node
    executions = handle.store.get_executions_by_context(context.id)
    newest = max(executions, key=lambda each: each.last_update_time_since_epoch)
    return execution_lib.get_output_artifacts(handle, newest.id)


def test_a_notebook_finds_the_outputs_of_each_node_of_the_newest_run(config: Any) -> None:
    with metadata.Metadata(config) as handle:
        statistics = latest_artifacts(handle, "StatisticsGen")["statistics"]
        schema = latest_artifacts(handle, "SchemaGen.first")["schema"]
        anomalies = latest_artifacts(handle, "ExampleValidator")["anomalies"]
        # The later run failed here.
        (examples,) = latest_artifacts(handle, "CsvExampleGen")["examples"]

    assert isinstance(statistics[0], standard.ExampleStatistics)
    assert (Path(statistics[0].uri) / "Split-train/FeatureStats.pb").is_file()
    assert Path(statistics[0].uri).parent.name == "StatisticsGen"
    assert [each.type_name for each in (*schema, *anomalies)] == ["Schema", "ExampleAnomalies"]
    assert (Path(schema[0].uri) / "schema.pbtxt").is_file()
    assert examples.splits == ["eval", "train"] or examples.splits == ["train", "eval"]
    assert examples.name.startswith(f"{NAME}:")
    assert examples.state == "published"


def test_every_output_and_input_of_every_execution_can_be_read(config: Any) -> None:
    with metadata.Metadata(config) as handle:
        kinds = set()
        for execution in handle.store.get_executions():
            outputs = execution_lib.get_output_artifacts(handle, execution.id)
            inputs = execution_lib.get_input_artifacts(handle, execution.id)
            for found in (outputs, inputs):
                kinds |= {each.type_name for each in chain.from_iterable(found.values())}
            event = mlmd.proto.Event
            made = execution_lib.get_artifacts_dict(handle, execution.id, event.OUTPUT)
            both = execution_lib.get_artifacts_dict(
                handle, execution.id, [event.INPUT, event.OUTPUT]
            )
            assert made.keys() == outputs.keys()
            assert both.keys() == outputs.keys() | inputs.keys()
        assert execution_lib.get_output_artifacts(handle, 10**6) == {}

    assert {"Examples", "ExampleStatistics", "Schema", "ExampleAnomalies"} <= kinds


def test_the_calls_of_a_tutorial_on_ml_metadata_walk_from_an_artifact_to_its_makers(
    config: Any,
) -> None:
    store = mlmd.MetadataStore(config)

    names = {each.name for each in store.get_artifact_types()}
    assert {"Examples", "ExampleStatistics", "Schema", "ExampleAnomalies"} <= names
    (anomalies,) = store.get_artifacts_by_type("ExampleAnomalies")
    (kind,) = store.get_artifact_types_by_id([anomalies.type_id])
    assert kind.name == "ExampleAnomalies"
    made = [
        event.execution_id
        for event in store.get_events_by_artifact_ids([anomalies.id])
        if event.type == metadata_store_pb2.Event.OUTPUT
    ]
    (execution,) = store.get_executions_by_id(made)
    (execution_type,) = [
        each for each in store.get_execution_types() if each.id == execution.type_id
    ]
    assert execution_type.name == "tfx.components.example_validator.component.ExampleValidator"
    inputs = [
        event.artifact_id
        for event in store.get_events_by_execution_ids(made)
        if event.type == metadata_store_pb2.Event.INPUT
    ]
    found = {
        store.get_artifact_types_by_id([each.type_id])[0].name
        for each in store.get_artifacts_by_id(inputs)
    }
    assert found == {"ExampleStatistics", "Schema"}
    generated = store.get_artifacts_by_type("Examples")[0]
    assert json.loads(generated.properties["split_names"].string_value)
    assert generated.custom_properties["tfx_version"].string_value


def test_runs_and_pipelines_have_the_contexts_of_tfx(config: Any) -> None:
    store = mlmd.MetadataStore(config)

    (pipeline,) = store.get_contexts_by_type("pipeline")
    assert pipeline.name == NAME
    runs = store.get_contexts_by_type("pipeline_run")
    assert len(runs) == 2
    assert {store.get_parent_contexts_by_context(run.id)[0].name for run in runs} == {NAME}
    assert {each.name for each in store.get_contexts_by_type("node")} == {
        f"{NAME}.{node}"
        for node in ("CsvExampleGen", "StatisticsGen", "SchemaGen.first", "ExampleValidator")
    }
    # Runners of TFX before 0.26 wrote these; those after them, and Headrace, do not.
    assert store.get_contexts_by_type("component_run") == []


def test_an_artifact_is_made_of_a_type_and_a_message(config: Any) -> None:
    store = mlmd.MetadataStore(config)
    message = store.get_artifacts_by_type("Schema")[0]

    made = utils.deserialize_artifact(store.get_artifact_type("Schema"), message)

    assert isinstance(made, standard.Schema)
    assert (made.uri, made.id) == (message.uri, message.id)


def test_a_store_is_open_inside_a_with_statement_alone(config: Any, tmp_path: Path) -> None:
    handle = metadata.Metadata(config)

    with pytest.raises(RuntimeError, match="Use it as in: with Metadata"):
        _ = handle.store
    with handle:
        with handle as again:
            assert again.store.get_artifacts()
        assert handle.store.get_artifacts()
    with pytest.raises(RuntimeError, match="is not open"):
        _ = handle.store


def test_configurations_are_messages_of_ml_metadata(tmp_path: Path) -> None:
    sqlite = metadata.sqlite_metadata_connection_config(str(tmp_path / "a/b/metadata.db"))
    mysql = metadata.mysql_metadata_connection_config("host", 3307, "runs", "me", "secret")

    assert isinstance(sqlite, metadata.ConnectionConfigType)
    assert (tmp_path / "a/b").is_dir()
    assert sqlite.sqlite.filename_uri == str(tmp_path / "a/b/metadata.db")
    assert (mysql.mysql.host, mysql.mysql.port, mysql.mysql.database) == ("host", 3307, "runs")
    assert (mysql.mysql.user, mysql.mysql.password) == ("me", "secret")
    with metadata.Metadata(sqlite) as handle:
        assert handle.store.get_artifacts() == []
    assert metadata.sqlite_metadata_connection_config("here.db").sqlite.filename_uri == "here.db"
