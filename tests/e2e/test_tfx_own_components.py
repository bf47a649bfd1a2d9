"""Components of the author's own in TFX pipelines: run here, and compiled for every target."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.errors import CompileError
from headrace.lineage.local_store.connection import connection_config
from headrace.target_registry import TargetName

FIXTURES = Path(__file__).parents[1] / "fixtures/own_components/tfx"
PROFILE = Path(__file__).parents[2] / "examples/headrace.toml"
TARGETS: tuple[TargetName, ...] = ("local", "kubeflow", "vertex")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the pipeline, its siblings and a package."""
    folder = tmp_path / "project"
    shutil.copytree(FIXTURES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").mkdir()
    (folder / "data/rows.csv").write_text("a,b\n1,2\n3,4\n5,6\n", "utf-8")
    return folder


def store_of(database: Path) -> Any:
    from ml_metadata import MetadataStore

    return MetadataStore(connection_config(database))


def value(properties: Any, name: str) -> Any:
    found = properties[name]
    return getattr(found, found.WhichOneof("value"))


def test_functions_classes_and_packages_run_and_leave_their_properties_in_lineage(
    project: Path,
) -> None:
    result = headrace.run(str(project / "pipeline.py"))

    assert result.state == "succeeded", result.failures
    assert [task.name for task in result.tasks] == ["CsvExampleGen", "Count", "Greet.one", "Check"]
    store = store_of(project / "root/metadata.db")
    (report,) = store.get_artifacts_by_type("WordReport")
    declared = store.get_artifact_type("WordReport").properties
    assert dict(declared) == {"words": 1, "ratio": 2, "longest": 3, "more": 4}
    assert value(report.properties, "words") == 4
    assert value(report.properties, "longest") == "hello"
    assert value(report.properties, "ratio") == 0.5
    assert list(report.properties["more"].struct_value["splits"]) == ["train", "eval"]
    assert value(report.custom_properties, "done") is True
    assert value(report.custom_properties, "times") == 3
    assert "property_types" not in report.custom_properties
    (model,) = store.get_artifacts_by_type("Model")
    assert value(model.custom_properties, "label") == "y"
    assert Path(model.uri, "model.txt").read_text("utf-8") == "5"
    names = {each.name for each in store.get_execution_types()}
    assert names >= {"__main__.Count", "words.Greet", "steps.checking.Check"}


def test_an_own_component_is_compiled_for_every_target(project: Path) -> None:
    targets: tuple[tuple[TargetName, str], ...] = (
        ("local", "tfx.WordReport"),
        ("kubeflow", "tfx.WordReport"),
        ("vertex", "title: tfx.WordReport"),
    )
    for target, title in targets:
        compiled = headrace.compile(
            str(project / "pipeline.py"),
            target=target,
            config=PROFILE,
        )
        spec = compiled.get("pipelineSpec", compiled)
        (greet,) = (each for name, each in spec["components"].items() if name == "comp-greet")
        kind = greet["outputDefinitions"]["artifacts"]["report"]["artifactType"]
        assert title in "".join(map(str, kind.values()))
        image = spec["deploymentSpec"]["executors"]["exec-greet"]["container"]["image"]
        assert "python_component" in image
        code = spec["root"]["dag"]["tasks"]["check"]["inputs"]["parameters"]["headrace_code"]
        assert code["runtimeValue"]["constant"].startswith("headrace-module:v2:steps/checking.py:")


def changed(project: Path, replacements: Sequence[tuple[str, str, str]]) -> Path:
    for name, old, new in replacements:
        file = project / name
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")
    return project / "pipeline.py"


def test_an_error_of_the_code_names_its_file_and_line(project: Path) -> None:
    file = changed(project, [("steps/rules.py", "report.ratio == 0.5", "report.ratio == 1")])

    result = headrace.run(str(file))

    assert result.state == "failed"
    (failure,) = result.failures
    message = failure.message
    assert "Check raised ValueError at rules.py, line 17" in message
    assert "['ratio'] are wrong in WordReport(" in message


@pytest.mark.parametrize(
    ("replacements", "message"),
    [
        (
            [
                (
                    "words.py",
                    "SPEC_CLASS = GreetSpec",
                    "SPEC_CLASS = GreetSpec\n    DRIVER_CLASS = dict",
                )
            ],
            "pipeline.py: Greet.one: it has the driver dict, and Headrace runs no drivers",
        ),
        (
            [("pipeline.py", 'sizes={"a": 1}', "sizes=[1]")],
            "Check: the argument `sizes` is [1]",
        ),
        (
            [("pipeline.py", 'n=count.outputs["n"],', 'n=count.outputs["mean"],')],
            "expected one of Integer",
        ),
        (
            [("pipeline.py", "limit: tfx.dsl.components.Parameter[int] = 5", "limit=5")],
            "the argument `limit` has no annotation",
        ),
        (
            [("steps/rules.py", '"""What a', 'import no_such_module\n"""What a')],
            "no_such_module",
        ),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(
    replacements: Sequence[tuple[str, str, str]], message: str, project: Path
) -> None:
    file = changed(project, replacements)

    with pytest.raises(CompileError) as caught:
        headrace.compile(str(file), target="vertex", config=PROFILE)

    assert message in str(caught.value)


@pytest.mark.slow
def test_executors_of_the_authors_own_make_examples_and_take_the_place_of_tfxs(
    project: Path,
) -> None:
    for span, number in ((1, 10), (2, 300)):
        folder = project / f"texts/span{span:02}"
        folder.mkdir(parents=True)
        (folder / "lines.txt").write_text("".join(f"line {n}\n" for n in range(number)), "utf-8")

    result = headrace.run(str(project / "examples.py"))

    assert result.state == "succeeded", result.failures
    counts = {
        f"{node}/{split}": int((result.directory / node / "model" / f"{split}.txt").read_text())
        for node in ("CountRows", "CountRows.two")
        for split in ("train", "eval")
    }
    assert counts["CountRows/train"] + counts["CountRows/eval"] == 300
    assert counts["CountRows/train"] > counts["CountRows/eval"] > 50
    assert (counts["CountRows.two/train"], counts["CountRows.two/eval"]) == (20, 10)
    store = store_of(project / "root/metadata.sqlite")
    spans = sorted(
        value(each.properties, "span")
        for each in store.get_artifacts_by_type("Examples")
        if "span" in each.properties
    )
    assert spans == [2]
    (pushed,) = store.get_artifacts_by_type("PushedModel")
    assert value(pushed.custom_properties, "pushed_by") == "me"
    assert value(pushed.custom_properties, "from").endswith("CountRows/model")


def test_a_container_reads_and_writes_files_and_values(project: Path) -> None:
    # Here the command runs on this machine: a runner with an engine runs it in its image.
    result = headrace.run(str(project / "containers.py"))

    assert result.state == "succeeded", result.failures
    for target in TARGETS:
        compiled = headrace.compile(str(project / "containers.py"), target=target, config=PROFILE)
        spec = compiled.get("pipelineSpec", compiled)
        container = spec["deploymentSpec"]["executors"]["exec-copy-files"]["container"]
        assert container["image"] == "docker.io/library/busybox"
        words = [*container["command"], *container["args"]]
        assert words[3] == "{{$.inputs.artifacts['rows'].uri}}"
        assert words[6] == "{{$.outputs.parameters['number'].output_file}}"


def test_values_and_properties_of_own_components_decide_what_runs(project: Path) -> None:
    file = project / "conditions.py"

    result = headrace.run(str(file))

    assert result.state == "succeeded", result.failures
    states = {task.name.rpartition("/")[2]: task.state for task in result.tasks}
    assert states["Note.many"] == states["Note.words"] == "done"
    assert states["Note.too_many"] == states["Note.somebody"] == "skipped"
    log = next((result.directory / "logs").rglob("*Note.many*")).read_text("utf-8")
    assert "NOTED 4 {'a': 3} * here" in log
    for target in TARGETS:
        headrace.compile(str(file), target=target, config=PROFILE)
    fewer = headrace.run(str(file), parameters={"limit": 1})
    states = {task.name.rpartition("/")[2]: task.state for task in fewer.tasks}
    assert states["Note.many"] == "skipped"
