"""Runs trials in several processes of this machine, which share the tuner's oracle.

The processes are KerasTuner's own distributed workers: each calls the user's tuner_fn, whose tuner
asks for trials over gRPC where `KERASTUNER_ORACLE_IP` says so. The oracle they ask is that of this
process, so nothing has to be read back.
"""

import logging
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc

from headrace_components.errors import InputError, PlatformError
from headrace_components.task import EXIT_INPUT_ERROR, Task
from headrace_components.tuner.search import Search

READY_LINE = "ready"
GO_LINE = "go\n"
_POLL_SECONDS = 0.1


def search_in_processes(task: Task, num_processes: int, working_dir: str, search: Search) -> None:
    """Has `num_processes` processes run the trials that the oracle of `search` hands out.

    Raises:
        InputError: The user's code raised outside of a trial.
        PlatformError: A process was lost.
    """
    trials = getattr(search.tuner.oracle, "max_trials", None)
    count = min(num_processes, trials) if trials else num_processes
    logging.info("tuner: %d trials run at once.", count)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-trials-")))
        message = folder / "task.pickle"
        message.write_bytes(pickle.dumps((task, working_dir)))
        port = stack.enter_context(_served(search.tuner.oracle))
        processes = [
            stack.enter_context(_process(message, port, number)) for number in range(count)
        ]
        # A tuner that is told to overwrite empties the directory that all share, when it is made:
        # no trial may begin before the last tuner is there.
        for number, process in enumerate(processes):
            _await_ready(process, folder, number)
        for process in processes:
            _send_go(process)
        _await_all(processes, folder)
        _restore_messages(search.tuner.oracle, folder)


def _restore_messages(oracle: Any, folder: Path) -> None:
    # KerasTuner's message of a trial that ended has no field for why it failed.
    for trial_id, trial in oracle.trials.items():
        file = message_file(folder, trial_id)
        if file.exists():
            trial.message = file.read_text("utf-8")


def message_file(folder: Path, trial_id: str) -> Path:
    """Returns where a process writes why a trial failed."""
    return folder / f"trial-{trial_id}.txt"


@contextmanager
def _served(oracle: Any) -> Iterator[int]:
    # Not before `keras_choice` has chosen for which Keras it is imported.
    from keras_tuner.src import protos
    from keras_tuner.src.distribute.oracle_chief import OracleServicer

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    protos.get_service_grpc().add_OracleServicer_to_server(OracleServicer(oracle), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


@contextmanager
def _process(message: Path, port: int, number: int) -> Iterator["subprocess.Popen[str]"]:
    environment = {
        **os.environ,
        "KERASTUNER_TUNER_ID": f"tuner{number}",
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(port),
    }
    error_file = _error_file(message.parent, number)
    module = "headrace_components.tuner.trials"
    command = [sys.executable, "-m", module, str(message), str(error_file)]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _error_file(folder: Path, number: int) -> Path:
    return folder / f"error-{number}.txt"


def _await_ready(process: "subprocess.Popen[str]", folder: Path, number: int) -> None:
    for line in process.stdout or ():
        if line.strip() == READY_LINE:
            return
    _check(process.wait(), folder, number)
    raise PlatformError(
        f"tuner: process {number} of the trials ended before its tuner was there. Run the task "
        "again; the log may say more."
    )


def _send_go(process: "subprocess.Popen[str]") -> None:
    if process.stdin:
        process.stdin.write(GO_LINE)
        process.stdin.flush()


def _await_all(processes: list["subprocess.Popen[str]"], folder: Path) -> None:
    while True:
        codes = [process.poll() for process in processes]
        for number, code in enumerate(codes):
            if code:
                _check(code, folder, number)
        if None not in codes:
            return
        time.sleep(_POLL_SECONDS)


def _check(code: int, folder: Path, number: int) -> None:
    """Raises what a process that ended reported."""
    if code == 0:
        return
    error_file = _error_file(folder, number)
    if code == EXIT_INPUT_ERROR and error_file.exists():
        raise InputError(error_file.read_text("utf-8"))
    raise PlatformError(
        f"tuner: process {number} of the trials ended with exit code {code}, expected 0. Where it "
        "was killed (-9) for want of memory, lower `num_parallel_trials` or give the task more; "
        "the log may say more."
    )
