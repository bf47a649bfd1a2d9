"""Contract of infra_validator: when a model is blessed, its outputs, and what is refused."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorflow_serving.apis import prediction_log_pb2

from headrace_components.contract import reasons
from headrace_components.infra_validator import executor
from headrace_components.library.data.tfrecord import read_records
from support.cases.saved_models import save_model, set_methods, write_examples
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

ONCE = {"num_tries": 1}


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def model(launcher: Launcher, model_folder: Path) -> Stored:
    return launcher.store(model_folder)


@pytest.fixture
def examples(launcher: Launcher, tmp_path: Path) -> Stored:
    return launcher.store(write_examples(tmp_path / "examples"))


def installed(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a `tensorflow_model_server` first on the PATH."""
    folder.mkdir()
    binary = folder / "tensorflow_model_server"
    binary.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def verdict(outcome: Outcome) -> tuple[list[str], dict[str, Any]]:
    blessing = outcome["blessing"]
    return sorted(path.name for path in blessing.path.iterdir()), blessing.metadata


BLESSED = (["INFRA_BLESSED"], {"blessed": 1, "has_model": 0})
NOT_BLESSED = ["INFRA_NOT_BLESSED"]


def why_refused(outcome: Outcome) -> str:
    """Returns the only reason of a blessing that is none."""
    names, metadata = verdict(outcome)
    assert names == NOT_BLESSED
    assert {**metadata, "reasons": ""} == {"blessed": 0, "has_model": 0, "reasons": ""}
    (reason,) = reasons.from_metadata(metadata)
    return reason


@pytest.mark.slow
def test_a_model_that_answers_is_blessed_and_pushed_with_its_warmup_requests(
    launcher: Launcher, model: Stored, examples: Stored, tmp_path: Path
) -> None:
    request_spec = {
        "tensorflow_serving": {"signature_names": ["serving_default", "classify", "regress"]},
        "split_name": "eval",
        "num_examples": 2,
        "make_warmup": True,
    }

    outcome = launcher.run(
        "infra_validator",
        {"request_spec": request_spec, "serving_spec": {"model_name": "hours"}},
        model=model,
        examples=examples,
    )

    names, metadata = verdict(outcome)
    assert names == ["INFRA_BLESSED", "stamped_model"]
    assert metadata == {"blessed": 1, "has_model": 1}
    stamped = outcome["blessing"].path / "stamped_model"
    assert (stamped / "variables/variables.index").is_file()
    warmup = stamped / "assets.extra/tf_serving_warmup_requests"
    assert not warmup.read_bytes().startswith(b"\x1f\x8b")  # the server reads plain TFRecords
    found = [prediction_log_pb2.PredictionLog.FromString(r) for r in read_records(warmup)]
    assert [log.WhichOneof("log_type") for log in found] == [
        *["predict_log"] * 2,
        *["classify_log"] * 2,
        *["regress_log"] * 2,
    ]
    assert found[0].predict_log.request.model_spec.name == "hours"
    assert found[0].predict_log.request.model_spec.signature_name == "serving_default"

    serving = tmp_path / "serving"
    launcher.run("pusher", {"base_directory": str(serving)}, infra_blessing=outcome["blessing"])
    (version,) = serving.iterdir()
    assert (version / "assets.extra/tf_serving_warmup_requests").is_file()


@pytest.mark.slow
def test_the_binary_is_started_where_it_is_installed(
    launcher: Launcher, model: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = f'echo "$@" > {tmp_path}/flags\n'
    serve = f'exec {sys.executable} -m headrace_components.infra_validator.server "$@"'
    installed(tmp_path / "bin", record + serve, monkeypatch)

    outcome = launcher.run("infra_validator", model=model)

    assert verdict(outcome) == BLESSED
    flags = (tmp_path / "flags").read_text("utf-8")
    assert "--model_name=infra-validation-model --model_base_path=" in flags


@pytest.mark.slow
def test_examples_without_a_request_spec_only_load_the_model(
    launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    # The model could not answer these.
    other = launcher.store(write_examples(tmp_path / "other", feature="minute"))

    outcome = launcher.run("infra_validator", model=model, examples=other)

    assert verdict(outcome) == BLESSED


@pytest.mark.slow
def test_a_model_that_stops_on_the_examples_is_not_blessed(
    launcher: Launcher, model: Stored, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = launcher.store(write_examples(tmp_path / "other", feature="minute"))

    outcome = launcher.run(
        "infra_validator",
        {"request_spec": {"num_examples": 1, "make_warmup": True}, "validation_spec": ONCE},
        model=model,
        examples=other,
    )

    why = why_refused(outcome)
    assert why.startswith("signature 'serving_default' answered INVALID_ARGUMENT: ")
    assert "Feature: hour" in why
    assert "signature 'serving_default' answered INVALID_ARGUMENT" in caplog.text


@pytest.mark.slow
def test_a_model_that_does_not_load_is_not_blessed(
    launcher: Launcher, model_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(model_folder, tmp_path / "torn")
    (tmp_path / "torn/Format-Serving/variables/variables.index").unlink()

    outcome = launcher.run(
        "infra_validator", {"validation_spec": ONCE}, model=launcher.store(tmp_path / "torn")
    )

    why = why_refused(outcome)
    assert why.startswith("the server did not load the model: infra_validator: TensorFlow")
    assert "Format-Serving/variables" in why
    assert "/tmp" not in why
    assert "the server did not load the model: infra_validator: TensorFlow" in caplog.text


def test_a_server_that_ends_is_tried_as_often_as_asked(
    launcher: Launcher,
    model: Stored,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    script = f'echo "out of memory"; echo try >> {tmp_path}/tries; exit 3'
    installed(tmp_path / "bin", script, monkeypatch)

    outcome = launcher.run("infra_validator", {"validation_spec": {"num_tries": 3}}, model=model)

    assert why_refused(outcome) == "the server ended with exit code 3"
    assert (tmp_path / "tries").read_text("utf-8").count("try") == 3
    assert "try 3 of 3: the server ended with exit code 3" in caplog.text


def test_a_server_that_takes_too_long_is_stopped(
    launcher: Launcher,
    model: Stored,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    installed(tmp_path / "bin", f"echo $$ > {tmp_path}/pid; exec sleep 100", monkeypatch)
    spec = {"numTries": 1, "maxLoadingTimeSeconds": 1}

    outcome = launcher.run("infra_validator", {"validation_spec": spec}, model=model)

    assert why_refused(outcome).startswith("the model was not there after 1 s; ")
    assert "the model was not there after 1 s; `max_loading_time_seconds`" in caplog.text
    assert not Path("/proc", (tmp_path / "pid").read_text("utf-8").strip()).exists()


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    examples = launcher.store(write_examples(tmp_path / "examples"))

    outcome = launcher.run(
        "infra_validator",
        {"request_spec": {"num_examples": 3}},
        model=launcher.store(save_model(tmp_path / "model")),
        examples=examples,
    )

    assert verdict(outcome) == BLESSED
    assert "3 requests" in outcome.log
    return outcome


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"request_spec": {"tensorflow_serving": {"signature_names": ["serve"]}}},
            r"no signature 'serve'; it has \['classify', 'raw', 'regress', 'serving_default', 'to",
        ),
        (
            {"request_spec": {"tensorflow_serving": {"signature_names": ["raw"]}}},
            r"signature 'raw' takes \{'hour': 'float32\(None, 1\)'\}, expected one input of type",
        ),
        (
            {"request_spec": {"tensorflow_serving": {"tag_set": ["gpu"]}}},
            r"no graph with the tags \['gpu'\]; it has \[\['serve'\]\]",
        ),
        ({"request_spec": {"split_name": "test"}}, r"split 'test' is not in .*\['eval', 'train'\]"),
        ({"request_spec": {"num_examples": 1.5}}, r"`num_examples` of `request_spec` is 1.5, exp"),
        ({"request_spec": {"make_warmup": "yes"}}, r"is 'yes', expected true or false"),
        ({"serving_spec": {"name": "x"}}, r"`serving_spec` has fields \['name'\], expected only"),
        ({"serving_spec": {"model_name": "a/b"}}, r"`model_name` of `serving_spec` is 'a/b', exp"),
        ({"validation_spec": {"num_tries": -1}}, r"is -1, expected a whole number of 0 or more"),
        ({"model_server": "docker"}, r"`model_server` is 'docker', expected one of \['auto', "),
        (
            {"model_server": "tensorflow_model_server"},
            r"`model_server` is 'tensorflow_model_server', which is not on the PATH '.*Install",
        ),
    ],
)
def test_parameters_that_no_run_could_honour_are_refused(
    launcher: Launcher,
    model: Stored,
    examples: Stored,
    monkeypatch: pytest.MonkeyPatch,
    parameters: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(TaskFailedError, match=message):
        launcher.run("infra_validator", parameters, model=model, examples=examples)


def test_requests_without_examples_are_refused(launcher: Launcher, model: Stored) -> None:
    with pytest.raises(TaskFailedError, match=r"given, but `examples` is not connected, so there"):
        launcher.run("infra_validator", {"request_spec": {"num_examples": 1}}, model=model)


def test_a_split_without_rows_is_refused(launcher: Launcher, model: Stored, tmp_path: Path) -> None:
    empty = launcher.store(write_examples(tmp_path / "empty", 0), {"split_names": '["train"]'})

    with pytest.raises(TaskFailedError, match=r"split 'train' of .* holds no rows, expected 1 to"):
        launcher.run(
            "infra_validator", {"request_spec": {"split_name": ""}}, model=model, examples=empty
        )


def test_more_warmup_requests_than_the_server_takes_are_refused(
    launcher: Launcher, model: Stored, examples: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "MAX_WARMUP_REQUESTS", 3)
    spec = {"num_examples": 4, "make_warmup": True}

    with pytest.raises(TaskFailedError, match=r"would keep 4 requests, but .* no model with more"):
        launcher.run("infra_validator", {"request_spec": spec}, model=model, examples=examples)


def test_a_method_that_no_server_knows_is_refused(
    launcher: Launcher, model_folder: Path, examples: Stored, tmp_path: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "model")
    set_methods(tmp_path / "model", {"serving_default": "rank"})

    with pytest.raises(TaskFailedError, match=r"has the method 'tensorflow/serving/rank', expect"):
        launcher.run(
            "infra_validator",
            {"request_spec": {"num_examples": 1}},
            model=launcher.store(tmp_path / "model"),
            examples=examples,
        )


def test_a_model_that_is_no_saved_model_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "pickled/Format-Serving").mkdir(parents=True)
    (tmp_path / "pickled/Format-Serving/model.pkl").touch()

    with pytest.raises(TaskFailedError, match=r"has no Format-Serving/saved_model.pb, but \['mode"):
        launcher.run("infra_validator", model=launcher.store(tmp_path / "pickled"))
