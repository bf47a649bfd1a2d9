"""Contract of pusher: what a server sees, what is recorded, what is refused."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from headrace_components.library.pushing.source import copy_model
from headrace_components.pusher import executor
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

FILES = {
    "saved_model.pb": "graph",
    "fingerprint.pb": "f",
    "variables/variables.index": "i",
    "assets/vocabulary": "AA\nUA\n",
}


@pytest.fixture
def model(launcher: Launcher, tmp_path: Path) -> Stored:
    return stored_model(launcher, tmp_path)


def stored_model(launcher: Launcher, tmp_path: Path) -> Stored:
    folder = tmp_path / "trained/model"
    for name, text in FILES.items():
        (folder / "Format-Serving" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "Format-Serving" / name).write_text(text)
    return launcher.store(folder)


def blessing(
    launcher: Launcher, tmp_path: Path, file: str, metadata: dict[str, Any] | None = None
) -> Stored:
    folder = tmp_path / f"verdict-{file}-{len(metadata or {})}"
    folder.mkdir()
    if file:
        (folder / file).write_text("")
    return launcher.store(folder, metadata)


def files_under(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_blessed_model_becomes_a_version_and_an_artifact(
    launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    verdict = blessing(launcher, tmp_path, "BLESSED")
    before = int(time.time())

    outcome = launcher.run(
        "pusher", {"base_directory": str(tmp_path / "serving")}, model=model, model_blessing=verdict
    )

    (version,) = (tmp_path / "serving").iterdir()
    assert before <= int(version.name) <= time.time()
    assert files_under(version) == FILES
    assert files_under(outcome["pushed_model"].path) == FILES
    assert outcome["pushed_model"].metadata == {
        "pushed": 1,
        "pushed_destination": str(version),
        "pushed_version": version.name,
    }


VARIES = {"pushed_model/pushed_*": "The version is the time."}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    model = stored_model(launcher, tmp_path)
    on_vertex = launcher.rules == "vertex"
    serving = "gs://bucket/serving" if on_vertex else str(tmp_path / "serving")

    outcome = launcher.run("pusher", {"base_directory": serving}, model=model)

    version = str(outcome["pushed_model"].metadata["pushed_version"])
    seen = launcher.root / "store/bucket/serving" if on_vertex else tmp_path / "serving"
    assert files_under(seen / version) == FILES
    assert outcome["pushed_model"].metadata["pushed_destination"] == f"{serving}/{version}"
    assert "the model is pushed without validation" in outcome.log
    return outcome


@pytest.mark.parametrize(
    ("port", "file", "metadata", "is_pushed"),
    [
        ("model_blessing", "BLESSED", {}, True),
        ("model_blessing", "NOT_BLESSED", {}, False),
        # If the two differ, the file decides: backends lose metadata.
        ("model_blessing", "BLESSED", {"blessed": 0}, True),
        ("model_blessing", "NOT_BLESSED", {"blessed": 1}, False),
        ("model_blessing", "", {"blessed": 1}, True),
        ("model_blessing", "", {"blessed": 1.0}, True),
        ("model_blessing", "", {"blessed": 0}, False),
        ("model_blessing", "", {}, False),
        ("infra_blessing", "INFRA_BLESSED", {}, True),
        ("infra_blessing", "INFRA_NOT_BLESSED", {}, False),
    ],
)
def test_only_a_blessed_model_is_pushed(
    launcher: Launcher,
    model: Stored,
    tmp_path: Path,
    port: str,
    file: str,
    metadata: dict[str, Any],
    is_pushed: bool,
) -> None:
    verdict = blessing(launcher, tmp_path, file, metadata)
    inputs: dict[str, Any] = {"model": model, port: verdict}

    outcome = launcher.run("pusher", {"base_directory": str(tmp_path / "serving")}, **inputs)

    assert outcome["pushed_model"].metadata["pushed"] == int(is_pushed)
    assert (tmp_path / "serving").exists() == is_pushed
    if not is_pushed:
        is_model = port == "model_blessing"
        reason = "the model is not blessed" if is_model else "no server serves the model"
        assert outcome["pushed_model"].metadata == {"pushed": 0, "reasons": f'["{reason}"]'}
        assert not files_under(outcome["pushed_model"].path)


def test_one_refusal_is_enough(launcher: Launcher, model: Stored, tmp_path: Path) -> None:
    outcome = launcher.run(
        "pusher",
        {"base_directory": str(tmp_path / "serving")},
        model=model,
        model_blessing=blessing(launcher, tmp_path, "BLESSED"),
        infra_blessing=blessing(launcher, tmp_path, "INFRA_NOT_BLESSED"),
    )

    assert outcome["pushed_model"].metadata["pushed"] == 0


def test_a_stamped_model_of_the_infra_validator_is_pushed(
    launcher: Launcher, tmp_path: Path
) -> None:
    folder = tmp_path / "infra"
    (folder / "stamped_model").mkdir(parents=True)
    (folder / "stamped_model/saved_model.pb").write_text("warm")
    (folder / "INFRA_BLESSED").write_text("")

    launcher.run(
        "pusher",
        {"base_directory": str(tmp_path / "serving")},
        infra_blessing=launcher.store(folder),
    )

    (version,) = (tmp_path / "serving").iterdir()
    assert files_under(version) == {"saved_model.pb": "warm"}


def test_a_model_that_an_estimator_exported_is_found(launcher: Launcher, tmp_path: Path) -> None:
    export = tmp_path / "estimator/Format-Serving/export/taxi/1584391735"
    export.mkdir(parents=True)
    (export / "saved_model.pb").write_text("graph")

    launcher.run(
        "pusher",
        {"base_directory": str(tmp_path / "serving")},
        model=launcher.store(tmp_path / "estimator"),
    )

    (version,) = (tmp_path / "serving").iterdir()
    assert files_under(version) == {"saved_model.pb": "graph"}


def test_a_version_is_greater_than_all_there_are_even_when_the_clock_was_set_back(
    launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    serving = tmp_path / "serving"
    (serving / "99999999999").mkdir(parents=True)
    (serving / "lost+found").mkdir()

    for _ in range(2):
        launcher.run("pusher", {"base_directory": str(serving)}, model=model)

    versions = sorted(path.name for path in serving.iterdir())
    assert versions == ["100000000000", "100000000001", "99999999999", "lost+found"]


def test_pushes_at_the_same_time_get_versions_of_their_own(tmp_path: Path) -> None:
    model = tmp_path / "model"
    for name, text in FILES.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_text(text)
    (tmp_path / "serving").mkdir()
    threads = [
        threading.Thread(target=executor._push, args=(model, tmp_path / "serving"))
        for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    versions = list((tmp_path / "serving").iterdir())
    assert len(versions) == 8
    assert all(files_under(version) == FILES for version in versions)


def test_a_server_never_sees_half_a_model(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for index in range(300):
        (model / f"{index}.bin").write_bytes(b"x" * 4096)
    (model / "saved_model.pb").write_text("graph")
    serving = tmp_path / "serving"
    serving.mkdir()
    pushing = threading.Thread(target=executor._push, args=(model, serving))
    counts = set()

    pushing.start()
    while pushing.is_alive():
        for version in serving.iterdir():
            if version.name.isdecimal():
                counts.add(len(list(version.iterdir())))
    pushing.join()

    assert counts <= {301}
    assert [path.name.isdecimal() for path in serving.iterdir()] == [True]


def test_the_file_that_announces_a_model_is_written_last(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_text("graph")
    os.mkfifo(model / "variables/data")  # a file that cannot be copied

    with pytest.raises(shutil.SpecialFileError):
        copy_model(model, tmp_path / "1")

    assert (tmp_path / "1/variables").is_dir()
    assert not (tmp_path / "1/saved_model.pb").exists()


def test_a_push_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "dangling").symlink_to("nowhere")
    (tmp_path / "serving").mkdir()

    with pytest.raises(FileNotFoundError):
        executor._push(model, tmp_path / "serving")

    assert not list((tmp_path / "serving").iterdir())


def big_model(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    (model / "variables").mkdir(parents=True)
    for index in range(400):
        (model / f"variables/{index}.bin").write_bytes(b"x" * 100_000)
    (model / "saved_model.pb").write_text("graph")
    return model


def start_push(model: Path, serving: Path, mark: str = "") -> "subprocess.Popen[bytes]":
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from headrace_components.pusher import executor\n"
        "executor._push(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])\n"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(model), str(serving), mark])


def test_what_a_killed_push_left_goes_with_the_next_and_that_of_a_live_one_stays(
    tmp_path: Path,
) -> None:
    model = big_model(tmp_path)
    serving = tmp_path / "serving"
    serving.mkdir()
    pushes = []
    for count in (1, 2):
        pushes.append(start_push(model, serving))
        while len({file.parents[1] for file in serving.glob(".*.partial/variables/*")}) < count:
            if pushes[-1].poll() is not None:
                pytest.fail("the push ended before it could be stopped")
        pushes[-1].send_signal(signal.SIGSTOP)
    both = set(serving.glob(".*.partial"))
    pushes[0].kill()
    pushes[0].wait()

    executor._push(model, serving)
    left = set(serving.glob(".*.partial"))
    pushes[1].send_signal(signal.SIGCONT)

    assert pushes[1].wait(timeout=60) == 0
    assert len(both) == 2
    assert len(left) == 1
    assert not list(serving.glob(".*"))
    assert len(list(serving.iterdir())) == 2


def test_a_task_that_is_tried_again_after_its_push_pushes_no_second_version(
    tmp_path: Path,
) -> None:
    model = big_model(tmp_path)
    serving = tmp_path / "serving"
    serving.mkdir()
    uri = "/root/p/run/pusher/pushed_model"
    tries = [f"/root/p/run/.pusher.0123abc{n}.partial/pushed_model" for n in range(2)]

    first = executor._push(model, serving, executor._mark(tries[0]))
    again = executor._push(model, serving, executor._mark(tries[1]))
    (model / "variables/0.bin").write_bytes(b"y" * 100_000)
    changed = executor._push(model, serving, executor._mark(tries[1]))
    other = executor._push(model, serving, executor._mark(uri.replace("run", "run2")))

    assert executor._mark(tries[0]) == executor._mark(uri)
    assert again == first
    assert len({first, changed, other}) == 3


def test_on_a_bucket_a_task_that_is_tried_again_completes_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is no bucket to mount here, so a directory is used instead.
    monkeypatch.setattr(executor, "is_mounted_bucket", lambda _: True)
    model = big_model(tmp_path)
    serving = tmp_path / "serving"
    serving.mkdir()

    first = executor._push(model, serving, "a" * 32)
    (first / "saved_model.pb").unlink()
    (first / "variables/0.bin").write_bytes(b"half")
    completed = executor._push(model, serving, "a" * 32)
    again = executor._push(model, serving, "a" * 32)
    other = executor._push(model, serving, "b" * 32)

    assert completed == again == first
    assert (first / "variables/0.bin").read_bytes() == b"x" * 100_000
    assert other != first


def test_a_relative_destination_is_relative_to_the_working_directory(
    launcher: Launcher, model: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    outcome = launcher.run("pusher", {"base_directory": "serving"}, model=model)

    destination = str(outcome["pushed_model"].metadata["pushed_destination"])
    assert Path(destination).parent == tmp_path / "serving"


def test_the_destination_may_come_as_tfx_has_it(
    launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    filesystem = {"base_directory": str(tmp_path / "serving"), "versioning": 1}

    launcher.run("pusher", {"push_destination": {"filesystem": filesystem}}, model=model)

    assert len(list((tmp_path / "serving").iterdir())) == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, r"pusher: neither `base_directory` nor `push_destination` names a directory"),
        (
            {"base_directory": "/a", "push_destination": {"filesystem": {"base_directory": "/b"}}},
            r"pusher: `base_directory` is '/a', but `push_destination` says '/b'. Expected one",
        ),
        (
            {"push_destination": {"filesystem": {"base_directory": "/b", "versioning": "DATE"}}},
            r"pusher: `versioning` of `push_destination` is 'DATE', expected 'AUTO'",
        ),
        (
            {"push_destination": {"file_system": {"base_directory": "/b"}}},
            r"pusher: `push_destination` is .*, expected \{'filesystem'",
        ),
        (
            {"base_directory": "s3://bucket/serving"},
            r"`base_directory` is 's3://bucket/serving', but no storage is mounted.*mount a volume",
        ),
        (
            {"base_directory": "/proc/serving"},
            r"`base_directory` is '/proc/serving', where user \d+ may not make.*write access",
        ),
        ({"base_directory": "/etc/hostname/serving"}, r"but /etc/hostname is a file. Pass a dir"),
    ],
)
def test_a_destination_that_cannot_be_used_is_refused(
    launcher: Launcher, model: Stored, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        launcher.run("pusher", parameters, model=model)


def test_an_empty_model_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "empty/Format-Serving").mkdir(parents=True)

    with pytest.raises(TaskFailedError, match=r"pusher: `model` at .* has no file in Format-Serv"):
        launcher.run(
            "pusher",
            {"base_directory": str(tmp_path / "serving")},
            model=launcher.store(tmp_path / "empty"),
        )

    assert not (tmp_path / "serving").exists()


def test_something_to_push_must_be_connected(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(TaskFailedError, match=r"neither `model` nor `infra_blessing` is connected"):
        launcher.run("pusher", {"base_directory": str(tmp_path / "serving")})


def test_a_verdict_without_a_model_cannot_be_pushed(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(TaskFailedError, match=r"no file in stamped_model, so it carries no model"):
        launcher.run(
            "pusher",
            {"base_directory": str(tmp_path / "serving")},
            infra_blessing=blessing(launcher, tmp_path, "INFRA_BLESSED"),
        )


def test_it_needs_no_tensorflow() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'kfp'])); "
        "import headrace_components.pusher.executor"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False)
    assert result.returncode == 0
