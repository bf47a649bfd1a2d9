"""Importers: artifacts that exist already."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from pathlib import Path

import pytest
from kfp import dsl

from headrace.compilation.passes.lint import lint
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from support.cases.conformance_features import conforms
from support.cases.local_pipelines import read, run_pipeline, step

SECTION = "Importers"
SCHEMES = "from `gs`, `s3`, `minio` and `oci`"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A file that no run has made."""
    file = tmp_path / "given.txt"
    file.write_text("mine", "utf-8")
    return file


@dsl.pipeline(name="said")
def said(uri: str):
    imported = dsl.importer(
        artifact_uri=uri, artifact_class=dsl.Dataset, metadata={"owner": "me", "n": 2}
    )
    read(name="imported", item=imported.output)


@conforms(SECTION, "a URI from a parameter; metadata", said, kubeflow=SCHEMES)
def test_an_importer_says_what_is_written(given: Path, tmp_path: Path) -> None:
    ran = run_pipeline(said, tmp_path, uri=str(given))

    (artifact,) = ran.result.tasks[0].artifacts["artifact"]
    assert artifact.metadata == {"owner": "me", "n": 2}


@dsl.pipeline(name="imports")
def imports(uri: str, owner: str, count: int = 3):
    imported = dsl.importer(
        artifact_uri=uri,
        artifact_class=dsl.Dataset,
        metadata={"owner": owner, "n": 2, "count": count, "title": f"of {owner}", "share": 0.5},
    )
    read(name="imported", item=imported.output)


@conforms(SECTION, "metadata from parameters", imports)
def test_an_importer_hands_on_an_existing_file(given: Path, tmp_path: Path) -> None:
    ran = run_pipeline(imports, tmp_path, uri=str(given), owner="me")

    assert ran.journal == ["imported mine"]
    (artifact,) = ran.result.tasks[0].artifacts["artifact"]
    assert (artifact.uri, artifact.type) == (str(given), "system.Dataset")
    assert artifact.metadata == {
        "owner": "me",
        "n": 2,
        "count": 3,
        "title": "of me",
        "share": 0.5,
    }
    assert type(artifact.metadata["n"]) is int


def test_an_importer_of_nothing_is_an_error_that_names_the_path(tmp_path: Path) -> None:
    ran = run_pipeline(imports, tmp_path, uri="/gone.txt", owner="me")

    assert ran.result.failures[0].message.startswith(
        "importer: the importer's URI is '/gone.txt', but there is no /gone.txt."
    )


def test_a_changed_file_behind_an_importer_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "given.txt"
    journals = []
    for text in ("one", "one", "three"):
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
        journals.append(run_pipeline(imports, tmp_path, uri=str(file), owner="me").journal)

    assert journals == [["imported one"], [], ["imported three"]]


@dsl.pipeline(name="constant")
def constant():
    imported = dsl.importer(
        artifact_uri="gs://bucket/model", artifact_class=dsl.Model, reimport=True
    )
    step(name="uri", value="x").after(imported)


@conforms(SECTION, "a constant URI; `reimport`", constant, kubeflow=SCHEMES)
def test_a_remote_uri_is_named_and_not_fetched(tmp_path: Path) -> None:
    ran = run_pipeline(constant, tmp_path)

    (artifact,) = ran.result.tasks[0].artifacts["artifact"]
    assert (artifact.uri, artifact.type) == ("gs://bucket/model", "system.Model")


@dsl.pipeline(name="from-a-task")
def from_a_task(uri: str):
    told = step(name="told", value=uri)
    imported = dsl.importer(artifact_uri=told.outputs["text"], artifact_class=dsl.Dataset)
    read(name="imported", item=imported.output)


@conforms(SECTION, "a URI that a task returned", from_a_task)
def test_a_uri_may_be_an_output(given: Path, tmp_path: Path) -> None:
    ran = run_pipeline(from_a_task, tmp_path, uri=str(given))

    assert ran.journal == [f"told {given}", "imported mine"]
    with pytest.raises(CompileError, match=r"cannot import a URI that is the output of a task"):
        lint(load(from_a_task).spec, target_named("kubeflow"), {})


@dsl.pipeline(name="part")
def part(uri: str):
    imported = dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset)
    read(name="imported", item=imported.output)


@dsl.pipeline(name="through-a-part")
def through_a_part(uri: str):
    part(uri=step(name="told", value=uri).outputs["text"])


@conforms(SECTION, "the same, in a sub-pipeline", through_a_part, kubeflow=SCHEMES)
def test_a_uri_that_is_an_output_may_go_into_a_sub_pipeline(given: Path, tmp_path: Path) -> None:
    ran = run_pipeline(through_a_part, tmp_path, uri=str(given))

    assert ran.journal == [f"told {given}", "imported mine"]


@dsl.pipeline(name="in-a-loop")
def in_a_loop(uris: list):
    with dsl.ParallelFor(uris) as uri:
        imported = dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset)
        read(name="imported", item=imported.output)


@conforms(SECTION, "in a loop", in_a_loop, kubeflow=SCHEMES)
def test_an_importer_runs_in_a_loop(given: Path, tmp_path: Path) -> None:
    assert run_pipeline(in_a_loop, tmp_path, uris=[str(given)]).journal == ["imported mine"]


@dsl.pipeline(name="text")
def text(bucket: str):
    imported = dsl.importer(artifact_uri=f"gs://{bucket}/data", artifact_class=dsl.Dataset)
    read(name="imported", item=imported.output)


@conforms(SECTION, "a URI in an f-string", text)
def test_a_uri_that_kfp_does_not_fill_in_is_refused() -> None:
    with pytest.raises(CompileError, match="has an f-string with `bucket` in `artifact_uri`"):
        lint(load(text).spec, target_named("local"), {})
