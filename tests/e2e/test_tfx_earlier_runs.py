"""TFX pipelines that use artifacts of earlier runs, run on this machine."""

import json
from pathlib import Path
from typing import Any

import ml_metadata as mlmd
import pytest

import headrace
from headrace_components.contract.errors import InputError
from headrace_tfx.authoring.pipeline import Pipeline, RunOptions
from headrace_tfx.components.data_checks import SchemaGen, StatisticsGen
from headrace_tfx.components.example_gens import CsvExampleGen
from headrace_tfx.running import execution_lib, metadata
from support.tfx_hosts import headrace_host

pytestmark = pytest.mark.slow

PIPELINE = """
import os
from tfx import v1 as tfx

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runs")
DATABASE = os.path.join(os.path.dirname(ROOT), "metadata", "metadata.db")


class PotReport(tfx.dsl.Artifact):
    TYPE_NAME = "PotReport"
    PROPERTIES = {}


def create_pipeline():
    rows = tfx.components.CsvExampleGen(
        input_base=os.path.join(os.path.dirname(ROOT), "data"),
        input_config={"splits": [{"name": "all", "pattern": "span-{SPAN}/*.csv"}]},
    ).with_id("Pots")
    spans = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.SpanRangeStrategy,
        config={
            "range_config": tfx.proto.RangeConfig(
                rolling_range=tfx.proto.RollingRange(num_spans=2)
            )
        },
        examples=tfx.dsl.Channel(
            type=tfx.types.standard_artifacts.Examples, producer_component_id=rows.id
        ),
    ).with_id("span_resolver")
    spans.add_upstream_node(rows)
    earlier = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestArtifactStrategy,
        statistics=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ExampleStatistics),
        examples=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Examples),
    ).with_id("Earlier.ones")
    schema = tfx.dsl.Importer(
        source_uri=os.path.join(os.path.dirname(ROOT), "schema"),
        artifact_type=tfx.types.standard_artifacts.Schema,
        custom_properties={"owner": "potter"},
    ).with_id("schema_importer")
    report = tfx.dsl.Importer(
        source_uri=os.path.join(os.path.dirname(ROOT), "report.txt"),
        artifact_type=PotReport,
        output_key="report",
    ).with_id("Report")
    statistics = tfx.components.StatisticsGen(
        examples=spans.outputs["examples"], schema=schema.outputs["result"]
    )
    checked = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["result"]
    ).with_id("Check.pots")
    return tfx.dsl.Pipeline(
        pipeline_name="pot_spans",
        pipeline_root=ROOT,
        components=[rows, spans, earlier, schema, report, statistics, checked],
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(DATABASE)
        ),
    )


if __name__ == "__main__":
    tfx.orchestration.LocalDagRunner().run(create_pipeline())
"""

SCHEMA = "".join(
    f'feature {{ name: "{name}" type: {kind} presence {{ min_fraction: 1.0 min_count: 1 }} }}\n'
    for name, kind in (("height", "INT"), ("kind", "BYTES"))
)


def write_span(folder: Path, span: int, num_rows: int) -> None:
    directory = folder / f"data/span-{span}"
    directory.mkdir(parents=True)
    rows = "".join(f"{number},{'tin' if number % 2 else 'clay'}\n" for number in range(num_rows))
    (directory / "pots.csv").write_text(f"height,kind\n{rows}", "utf-8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """Returns a folder with three runs, on a span more each time, and their results."""
    folder = tmp_path_factory.mktemp("pots")
    (folder / "schema").mkdir()
    (folder / "schema/schema.pbtxt").write_text(SCHEMA, "utf-8")
    (folder / "report.txt").write_text("pots", "utf-8")
    (folder / "pots.py").write_text(PIPELINE, "utf-8")
    results = []
    for span, num_rows in ((1, 20), (2, 30), (3, 50)):
        write_span(folder, span, num_rows)
        results.append(headrace.run(str(folder / "pots.py")))
        assert results[-1].state == "succeeded", results[-1].failures
    return folder, results


def outputs(result: Any, node: str) -> dict[str, Any]:
    (task,) = [task for task in result.tasks if task.name == node]
    return {port: found[0] for port, found in task.artifacts.items()}


def test_runs_go_where_the_pipeline_says_under_its_ids(runs: tuple[Path, list[Any]]) -> None:
    folder, results = runs

    assert {result.directory.parent for result in results} == {folder / "runs/pot-spans"}
    assert (folder / "metadata/metadata.db").is_file()
    assert not (folder / "runs/metadata.sqlite").exists()
    assert {path.parent.name for path in results[0].directory.glob("*/.headrace")} == {
        "Pots", "span_resolver", "Earlier.ones", "earlier_ones_statistics", "schema_importer",
        "Report", "StatisticsGen", "Check.pots",
    }  # fmt: skip


def test_spans_of_earlier_runs_are_joined(runs: tuple[Path, list[Any]]) -> None:
    _, results = runs

    found = [outputs(result, "span_resolver")["span_examples"].metadata for result in results]

    assert [json.loads(each["spans"]) for each in found] == [[1], [1, 2], [2, 3]]


def test_the_latest_artifacts_are_found_together_from_the_second_run_on(
    runs: tuple[Path, list[Any]],
) -> None:
    _, (first, second, third) = runs

    assert outputs(first, "Earlier.ones")["artifact"].metadata == {"found": 0}
    assert outputs(first, "earlier_ones_statistics")["artifact"].metadata == {"found": 0}
    for before, after in ((first, second), (second, third)):
        statistics = outputs(after, "earlier_ones_statistics")["artifact"]
        assert statistics.uri == outputs(before, "StatisticsGen")["statistics"].uri
        examples = outputs(after, "Earlier.ones")["artifact"]
        # Joined examples are those of the node too, under the type alone.
        assert examples.uri == outputs(before, "Pots")["examples"].uri


def test_imported_artifacts_have_their_types_and_properties(runs: tuple[Path, list[Any]]) -> None:
    folder, results = runs

    config = metadata.sqlite_metadata_connection_config(str(folder / "metadata/metadata.db"))
    with metadata.Metadata(config) as handle:
        found = {}
        for node in ("schema_importer", "Report", "Check.pots"):
            context = handle.store.get_context_by_type_and_name("node", f"pot_spans.{node}")
            executions = handle.store.get_executions_by_context(context.id)
            assert len(executions) == len(results)
            newest = max(executions, key=lambda each: each.last_update_time_since_epoch)
            found[node] = execution_lib.get_output_artifacts(handle, newest.id)
    (schema,) = next(iter(found["schema_importer"].values()))
    assert (schema.type_name, schema.uri) == ("Schema", str(folder / "schema"))
    assert schema.get_string_custom_property("owner") == "potter"
    (report,) = next(iter(found["Report"].values()))
    assert (report.type_name, report.uri) == ("PotReport", str(folder / "report.txt"))
    assert found["Check.pots"]["anomalies"][0].type_name == "ExampleAnomalies"
    assert "PotReport" in {each.name for each in mlmd.MetadataStore(config).get_artifact_types()}


def test_a_part_runs_on_the_results_of_the_run_before(tmp_path: Path) -> None:
    write_span(tmp_path, 1, 20)
    rows = CsvExampleGen(input_base=str(tmp_path / "data/span-1")).with_id("Pots.rows")
    statistics = StatisticsGen(examples=rows.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    pipeline = Pipeline("pot_parts", str(tmp_path / "runs"), components=[rows, statistics, schema])
    host = headrace_host()
    whole = host.run(pipeline, runner="LocalDagRunner")

    options = RunOptions(
        from_nodes=["StatisticsGen"], to_nodes=["StatisticsGen"], base_pipeline_run_id=whole.run_id
    )
    part = host.run(pipeline, runner="LocalDagRunner", run_options=options)

    assert {task.name: task.state for task in part.tasks} == {
        "Pots.rows": "cached",
        "StatisticsGen": "done",
        "SchemaGen": "skipped",
    }
    assert outputs(part, "Pots.rows")["examples"].uri == outputs(whole, "Pots.rows")["examples"].uri
    with pytest.raises(InputError, match="names 'Statistics', which is the name of no task"):
        host.run(pipeline, runner="LocalDagRunner", run_options=RunOptions(to_nodes=["Statistics"]))
