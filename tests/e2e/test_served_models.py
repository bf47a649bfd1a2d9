"""`headrace serve`: real servers of real models, asked as people ask them."""

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from headrace.cli.main import main
from headrace.cli.served_models import model_of, served_model
from headrace.contract.service import RunArtifact, ServiceRun, ServiceTask
from headrace_components.contract.errors import InputError
from support.cases.saved_models import save_model, write_examples
from support.programs.ports import free_ports

pytestmark = pytest.mark.slow

HEADRACE = Path(sys.executable).with_name("headrace")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel of the tests, as an artifact of a trainer."""
    return save_model(tmp_path_factory.mktemp("trained"))


class Session:
    """A `headrace serve` that runs, and the lines that it prints."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._came: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._came.put(line.rstrip("\n"))

    def until(self, pattern: str) -> str:
        """Returns the next line that has a pattern."""
        while True:
            line = self._came.get(timeout=240)
            self.lines.append(line)
            if re.search(pattern, line):
                return line


@contextlib.contextmanager
def served(*words: str | Path, at: Path, **environment: str) -> Iterator[Session]:
    ports = free_ports(2)
    flags = [f"--port={ports[0]}", f"--rest-port={ports[1]}"]
    with subprocess.Popen(
        [HEADRACE, "serve", *words, *flags],
        cwd=at,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    ) as process:
        try:
            yield Session(process)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def ask(curl: str) -> Any:
    """Runs a `curl` line as a shell does."""
    result = subprocess.run(curl, shell=True, capture_output=True, check=True)
    return json.loads(result.stdout)


def is_running(command: str) -> bool:
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if command.encode() in each.read_bytes():
                return True
    return False


def test_a_pushers_directory_is_served_by_rest_and_grpc_and_newer_versions_follow(
    tmp_path: Path, saved: Path
) -> None:
    base = tmp_path / "two words" / "hours"
    shutil.copytree(saved / "Format-Serving", base / "7")

    with served("two words/hours", at=tmp_path) as session:
        rest = session.until("REST").split()[-1]
        address = session.until("gRPC").split()[-1]
        assert address.startswith("127.0.0.1:")
        assert rest.endswith("/v1/models/hours")

        # The row is made up from what the model parses: an hour of 1.
        answer = ask(session.until("curl "))
        assert answer["predictions"][0]["score"] == [2.0]
        with grpc.insecure_channel(address) as channel:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "hours"
            example = tf.train.Example()
            example.features.feature["hour"].float_list.value.append(4.0)
            request.inputs["examples"].CopyFrom(tf.make_tensor_proto([example.SerializeToString()]))
            response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request)
        assert tf.make_ndarray(response.outputs["score"]).tolist() == [[8.0]]
        assert response.model_spec.version.value == 7

        # A model that cannot be loaded does not take the place of one that works.
        (base / "8").mkdir()
        (base / "8/saved_model.pb").write_bytes(b"\0 no model")
        assert "Version 8 is not served: " in session.until("Version 8")
        with urllib.request.urlopen(f"{rest}/metadata") as found:
            assert json.load(found)["model_spec"]["version"] == "7"

        shutil.copytree(saved / "Format-Serving", tmp_path / "next")
        (tmp_path / "next").rename(base / "12")
        session.until("Version 12 is served")
        with urllib.request.urlopen(f"{rest}/metadata") as found:
            assert json.load(found)["model_spec"]["version"] == "12"

    assert session.process.returncode == 0
    assert not is_running(str(base))


def test_an_end_by_a_signal_leaves_no_server_and_no_file(tmp_path: Path, saved: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with served(saved, "--name=hours", at=tmp_path, TMPDIR=str(tmp_path)) as session:
            session.until("REST")
            (directory,) = tmp_path.glob("headrace-serve-*")
            session.process.send_signal(number)
            session.process.wait(timeout=30)
        deadline = time.monotonic() + 30
        while is_running(f"{directory}/models") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not is_running(f"{directory}/models")
        if number == signal.SIGTERM:
            assert list(tmp_path.glob("headrace-serve-*")) == []


def test_a_run_is_served_with_a_row_of_its_examples(tmp_path: Path, saved: Path) -> None:
    examples = write_examples(tmp_path / "examples")
    pipeline = tmp_path / "pipeline.py"
    pipeline.write_text(
        f"""
from kfp import dsl
from headrace_components.artifacts import Model
from headrace_components.catalog import import_example_gen, pusher

@dsl.pipeline(name="hours")
def pipeline():
    import_example_gen(input_base={str(examples)!r}, input_config={{"splits": [
        {{"name": "train", "pattern": "Split-train/*.gz"}}]}})
    model = dsl.importer(artifact_uri={str(saved)!r}, artifact_class=Model).output
    pusher(model=model, base_directory="serving")
"""
    )
    ran = subprocess.run([HEADRACE, "run", pipeline], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (version,) = (tmp_path / "serving").iterdir()

    with served("latest", at=tmp_path) as session:
        assert "pushed" in session.until("run ")
        session.until(f"Version {version.name} of hours")
        answer = ask(session.until("curl "))
        assert answer["predictions"][0]["name"] == ["0"]  # the first row has the hour 0

    run_id = next((tmp_path / "headrace_root/hours").iterdir()).name
    shutil.rmtree(version)  # then the copy in the run
    found = served_model(run_id[:12], tmp_path / "headrace_root", "")
    assert found.single is not None
    assert found.single[0].is_relative_to(tmp_path / "headrace_root")
    assert (found.single[0] / "saved_model.pb").is_file()


def run_of(*tasks: ServiceTask) -> ServiceRun:
    return ServiceRun(
        id="r1", name="hours", state="succeeded", link="", pipeline="hours", tasks=tasks
    )


def task(name: str, **ports: Sequence[RunArtifact]) -> ServiceTask:
    inputs = {port[3:]: found for port, found in ports.items() if port.startswith("in_")}
    outputs = {port: found for port, found in ports.items() if not port.startswith("in_")}
    return ServiceTask(name=name, state="done", inputs=inputs, outputs=outputs)


def test_a_run_that_pushed_nothing_is_served_by_its_blessed_model_else_its_last_one(
    tmp_path: Path, saved: Path
) -> None:
    models = [
        RunArtifact(type="tfx.Model", uri=str(shutil.copytree(saved, tmp_path / name)))
        for name in ("first", "second")
    ]
    trained = [task(f"trainer-{n}", model=[model]) for n, model in enumerate(models)]
    refused = RunArtifact(type="tfx.PushedModel", uri=str(tmp_path), metadata={"pushed": 0})
    verdicts = {
        blessed: task(
            "evaluator",
            in_model=[models[0]],
            blessing=[RunArtifact(type="tfx.ModelBlessing", uri="", metadata={"blessed": blessed})],
        )
        for blessed in (0, 1)
    }

    blessed = model_of(run_of(*trained, verdicts[1], task("pusher", out=[refused])), "")
    last = model_of(run_of(*trained, verdicts[0], task("pusher", out=[refused])), "")

    assert blessed.single == (tmp_path / "first/Format-Serving", 1)
    assert "The blessed model" in blessed.notes[0]
    assert last.single == (tmp_path / "second/Format-Serving", 1)
    assert "not blessed" in last.notes[0]
    with pytest.raises(InputError, match="run r1 of hours succeeded, and has no SavedModel"):
        model_of(run_of(task("pusher", out=[refused])), "")


def test_the_binary_of_tensorflow_serving_is_started_for_all_addresses(
    tmp_path: Path, saved: Path
) -> None:
    """The binary is a script that notes its flags and starts the embedded server with them."""
    binary = tmp_path / "bin/tensorflow_model_server"
    binary.parent.mkdir()
    module = "headrace_components.infra_validator.server"
    binary.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/flags\nexec {sys.executable} -m {module} "$@"\n'
    )
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    path = f"{binary.parent}:{os.environ['PATH']}"

    with served(saved, "--host=0.0.0.0", "--name=hours", at=tmp_path, PATH=path) as session:
        assert ask(session.until("curl "))["predictions"][0]["score"] == [2.0]

    flags = (tmp_path / "flags").read_text().split()
    assert {flag.partition("=")[0] for flag in flags} == {
        "--port",
        "--rest_api_port",
        "--model_name",
        "--model_base_path",
        "--file_system_poll_wait_seconds",
    }


def test_what_has_no_model_is_refused_before_a_server_starts(
    tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").touch()
    (tmp_path / "headrace_root").mkdir()
    (tmp_path / "serving/hours/3").mkdir(parents=True)
    (tmp_path / "serving/hours/3/saved_model.pb").touch()
    (port,) = free_ports(1)
    tried = {
        ("nowhere/at-all",): "'nowhere/at-all'",
        ("data",): "expected saved_model.pb, or directories with numbers",
        ("data/rows.csv",): "is a file, expected a directory",
        ("latest",): "there is no run",
        ("gs://bucket/models",): "is a URI, expected a directory on this machine",
        ("serving",): f"Did you mean '{tmp_path}/serving/hours'?",
        ("latest", "--root", "missing"): "missing is not a directory",
        (str(saved), "--name", "a/b"): "--name is 'a/b'",
        (str(saved), "--host", "203.0.113.7", "--port", "1"): "cannot listen at 203.0.113.7 port 1",
        (str(saved), "--server", "tensorflow_model_server"): "which is not on the PATH",
        (str(saved), "--rest-port", str(port)): f"cannot listen at 127.0.0.1 port {port}",
    }
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        for words, message in tried.items():
            assert main(["serve", *words]) == 2, words
            assert message in capsys.readouterr().err


def test_a_model_that_cannot_be_loaded_ends_the_command_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken/3").mkdir(parents=True)
    (tmp_path / "broken/3/saved_model.pb").write_bytes(b"\0 no model")

    result = subprocess.run(
        [HEADRACE, "serve", "broken"], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )

    assert result.returncode == 2, result.stdout + result.stderr
    assert "version 3 cannot be served: " in result.stderr
    assert "Traceback" not in result.stderr
