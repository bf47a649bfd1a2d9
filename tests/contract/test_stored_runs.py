"""Earlier runs in an object store that is not mounted: what is found, and how it is used."""

import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs

from headrace_components.contract.task import Artifact, Task
from headrace_components.evaluator.models import baseline_of
from headrace_components.library.clients import object_stores as stores
from headrace_components.library.data import examples_record
from headrace_components.library.data.examples import (
    ExamplesReader,
    ExamplesWriter,
    examples_metadata,
)
from headrace_components.library.runs import stored_runs
from support.fakes import object_stores
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

ROOT = "artifacts/pipeline"
INTS = pa.large_list(pa.int64())
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def server() -> Iterator[dict[str, str]]:
    with object_stores.s3() as environment:
        yield environment
        object_stores.store(environment).delete_dir_contents("bucket")  # the next server has it


def leave(server: dict[str, str], folder: Path, run: str, created: float) -> str:
    """Writes a model and its blessing to the store, like a run on Kubeflow; returns its URI."""
    trainer, evaluator = (f"{run}/{task}/{uuid.uuid4()}" for task in ("trainer", "evaluator"))
    uri = f"minio://bucket/{ROOT}/{trainer}/model"
    files = {
        f"{trainer}/model/Format-Serving/saved_model.pb": run,
        f"{trainer}/model/Format-Serving/variables/variables.index": "index",
        f"{trainer}/executor-logs-0": "log",
        f"{evaluator}/blessing/BLESSED": json.dumps({"model": uri, "created": created}),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    object_stores.put(server, folder, ROOT)
    return uri


def search(launcher: Launcher, server: Mapping[str, str], **parameters: Any) -> Outcome:
    return launcher.run("latest_blessed_model", parameters, server)


def test_the_newest_blessed_model_is_copied_whole(
    server: dict[str, str], launcher: Launcher, tmp_path: Path
) -> None:
    leave(server, tmp_path / "a", "run-a", 1.0)
    leave(server, tmp_path / "c", "run-c", 2.0)
    newest = leave(server, tmp_path / "b", "run-b", 3.0)

    found = search(launcher, server)

    assert found["model"].metadata == {"found": 1, "copied_from": newest}
    files = {
        file.relative_to(found["model"].path).as_posix(): file.read_text()
        for file in found["model"].path.rglob("*")
        if file.is_file()
    }
    assert files == {
        "Format-Serving/saved_model.pb": "run-b",
        "Format-Serving/variables/variables.index": "index",
    }


def test_a_root_in_the_store_may_be_named(
    server: dict[str, str], launcher: Launcher, tmp_path: Path
) -> None:
    uri = leave(server, tmp_path / "a", "run-a", 1.0)

    found = search(launcher, server, search_root=f"minio://bucket/{ROOT}/")

    assert found["model"].metadata["copied_from"] == uri
    with pytest.raises(TaskFailedError, match="is 'minio://bucket/none', where there is nothing"):
        search(launcher, server, search_root="minio://bucket/none")


def test_a_pipeline_that_never_ran_has_no_model(server: dict[str, str], launcher: Launcher) -> None:
    assert search(launcher, server)["model"].metadata == {"found": 0}


@pytest.mark.parametrize(
    "key",
    [
        f"{ROOT}//run-b/x",
        f"{ROOT}/run-a//x",
        f"{ROOT}/run-a",
        f"{ROOT}/run-a/",
        f"{ROOT}/run-b/{'a' * 300}/x",
        f"{ROOT}/run-b/../../x",
        f"{ROOT}/run-b/größe %41/x",
    ],
)
def test_a_key_that_no_file_here_could_have_is_passed_over(
    server: dict[str, str], launcher: Launcher, tmp_path: Path, key: str
) -> None:
    uri = leave(server, tmp_path / "a", "run-a", 1.0)
    object_stores.put_key(server, key)

    found = search(launcher, server)

    object_stores.put_key(server, key, None)  # pyarrow cannot delete all of these
    assert found["model"].metadata["copied_from"] == uri


@pytest.mark.parametrize("name", ["../../x", "Format-Serving/../../../x"])
def test_an_object_whose_name_leads_out_of_the_artifact_is_refused(
    server: dict[str, str], launcher: Launcher, tmp_path: Path, name: str
) -> None:
    """Otherwise everybody who may write to the bucket could write other files in the pod."""
    uri = leave(server, tmp_path / "a", "run-a", 1.0)
    key = f"{uri.removeprefix('minio://bucket/')}/{name}"
    object_stores.put_key(server, key)

    with pytest.raises(TaskFailedError) as caught:
        search(launcher, server)

    object_stores.put_key(server, key, None)  # pyarrow cannot delete all of these
    assert "latest_blessed_model: exit code 2" in str(caught.value)
    assert "has an object with a name that is refused: " in str(caught.value)
    assert not list(tmp_path.rglob("x"))


@pytest.mark.parametrize("name", ["/x", "Format-Serving//x", "Format-Serving/a//b/x"])
def test_an_object_whose_name_has_an_empty_part_is_refused(
    server: dict[str, str], launcher: Launcher, tmp_path: Path, name: str
) -> None:
    """A store lists a directory below itself then, which is not a matter of the task's account."""
    uri = leave(server, tmp_path / "a", "run-a", 1.0)
    key = f"{uri.removeprefix('minio://bucket/')}/{name}"
    object_stores.put_key(server, key)

    with pytest.raises(TaskFailedError) as caught:
        search(launcher, server)

    object_stores.put_key(server, key, None)  # pyarrow cannot delete all of these
    assert "latest_blessed_model: exit code 2" in str(caught.value)
    folder = f"{uri.removeprefix('minio://')}/{name}".partition("//")[0]
    assert f"refused: the name {folder}//... has an empty part. Remove" in str(caught.value)


@pytest.mark.parametrize("model", ["/etc", f"minio://bucket/{ROOT}/../../../../../../etc"])
def test_a_blessing_of_what_is_outside_of_the_store_is_passed_over(
    server: dict[str, str], launcher: Launcher, tmp_path: Path, model: str
) -> None:
    uri = leave(server, tmp_path / "a", "run-a", 1.0)
    blessing = tmp_path / "b/run-b/evaluator" / str(uuid.uuid4()) / "blessing/BLESSED"
    blessing.parent.mkdir(parents=True)
    blessing.write_text(json.dumps({"model": model, "created": 2.0}))
    object_stores.put(server, tmp_path / "b", ROOT)

    assert search(launcher, server)["model"].metadata["copied_from"] == uri


def test_a_run_that_is_deleted_while_it_is_listed_is_passed_over(
    server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its blessing is deleted after the listing."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    leave(server, tmp_path / "a", "run-a", 1.0)
    leave(server, tmp_path / "b", "run-b", 2.0)
    download = stores.download

    def delete_first(filesystem: fs.FileSystem, source: str, target: Path, size: int) -> None:
        if "run-b" in source:
            filesystem.delete_file(source)
        download(filesystem, source, target, size)

    monkeypatch.setattr(stores, "download", delete_first)

    runs = stored_runs.list_runs(f"minio://bucket/{ROOT}", ["BLESSED"], "latest_blessed_model")

    found = [path.relative_to(runs.path).parts[0] for path in runs.path.rglob("BLESSED")]
    assert found == ["run-a"]


def test_an_input_tells_the_server(
    server: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Like `store_session_info`: a pod has the account's variables, but no AWS_ENDPOINT_URL."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    launcher = Launcher(root=tmp_path, endpoint=server["AWS_ENDPOINT_URL"].partition("://")[2])
    runs = tmp_path / "store/bucket/artifacts/pipeline"
    for run, span in (("run-0", 4), ("run-1", 5)):
        path = runs / f"{run}/reader/{uuid.uuid4()}/examples"
        with ExamplesWriter(path, "train") as writer:
            writer.write(pa.RecordBatch.from_pydict({"day": pa.array([[span]], INTS)}))
        metadata = examples_metadata(["train"], span=span)
        examples_record.publish(Artifact(key="examples", name="", uri="", path=path), metadata)
    object_stores.put(server, runs, ROOT)
    key = path.relative_to(tmp_path / "store").as_posix()
    examples = Stored(uri=f"minio://{key}", path=path, metadata={"span": 5.0})
    account = {name: server[name] for name in KEYS}

    found = launcher.run(
        "span_range",
        {"range_config": {"rolling_range": {"num_spans": 2}}},
        account,
        examples=examples,
    )

    assert found["span_examples"].metadata["spans"] == "[4, 5]"
    reader = ExamplesReader(found["span_examples"].path, "test")
    batches = reader.record_batches("train")
    assert [day for batch in batches for day in batch["day"].to_pylist()] == [[4], [5]]


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9", "http://no.such.host.invalid:9000"], ids=["shut", "unknown"]
)
def test_a_store_that_does_not_answer_fails_the_task_and_names_the_ways_out(
    server: dict[str, str], launcher: Launcher, endpoint: str
) -> None:
    with pytest.raises(TaskFailedError) as caught:
        search(launcher, {**server, "AWS_ENDPOINT_URL": endpoint})

    text = str(caught.value)
    assert "latest_blessed_model: exit code 75" in text
    assert "could not list minio://bucket/artifacts/pipeline, where the outputs of" in text
    assert "AWS_ENDPOINT_URL; or mount the store and pass its directory as `search_root`" in text


def test_a_copy_of_the_candidate_is_not_its_baseline(tmp_path: Path) -> None:
    """If everything is cached, the latest blessed model is the candidate, with another URI."""
    (tmp_path / "copy/Format-Serving").mkdir(parents=True)
    uri = "minio://bucket/artifacts/pipeline/run-0/trainer/1/model"
    copy = Artifact(
        key="baseline_model",
        name="",
        uri="minio://bucket/artifacts/pipeline/run-1/latest/1/model",
        path=tmp_path / "copy",
        metadata={"found": 1.0, "copied_from": uri},
    )
    candidate = Artifact(key="model", name="", uri=uri, path=tmp_path / "candidate")
    task = Task(
        component="evaluator",
        params={},
        inputs={"model": (candidate,), "baseline_model": (copy,)},
        outputs={},
        output_file=tmp_path / "output.json",
    )

    assert baseline_of(task) is None
    task.inputs["model"] = (Artifact(key="model", name="", uri=f"{uri}2", path=tmp_path / "other"),)
    assert baseline_of(task) == copy
