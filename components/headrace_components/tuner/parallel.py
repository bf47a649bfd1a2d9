"""Runs trials in several processes of this machine, which share the tuner's oracle.

The processes are KerasTuner's own distributed workers: each calls the user's tuner_fn, whose tuner
asks for trials over gRPC at the address in `KERASTUNER_ORACLE_IP`. The oracle at that address
belongs to this process, so nothing has to be read back.
"""

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.contract.task import EXIT_INPUT_ERROR, EXIT_PLATFORM_ERROR, Task
from headrace_components.tuner.search import GAVE_UP, Search

READY_LINE = "ready"
GO_LINE = "go\n"
DONE_LINE = "done"
_POLL_SECONDS = 0.1
_LISTEN_SECONDS = 5.0  # for the last lines of an ended process
_HOST = "127.0.0.1"


def search_in_processes(task: Task, num_processes: int, working_dir: str, search: Search) -> None:
    """Runs the trials of the oracle of `search` in `num_processes` processes.

    While KerasTuner continues, a failed trial does not raise: it is recorded in the oracle.

    Raises:
        InputError: The user's code raised outside of a trial, or ended its process.
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
        workers = [stack.enter_context(_worker(message, port, number)) for number in range(count)]
        # A tuner with `overwrite` empties the shared directory when it is created: no trial may
        # begin before the last tuner exists.
        _await_all(workers, READY_LINE)
        for worker in workers:
            worker.go()
        _await_all(workers, DONE_LINE)
        _restore_messages(search.tuner.oracle, folder)


def _restore_messages(oracle: Any, folder: Path) -> None:
    # KerasTuner's message about a finished trial has no field for the reason of a failure.
    for trial_id, trial in oracle.trials.items():
        file = message_file(folder, trial_id)
        if file.exists():
            trial.message = file.read_text("utf-8")


def message_file(folder: Path, trial_id: str) -> Path:
    """Returns the file to which a process writes why a trial failed."""
    return folder / f"trial-{trial_id}.txt"


@contextmanager
def _served(oracle: Any) -> Iterator[int]:
    # Import only after `keras_choice` has chosen the Keras.
    from keras_tuner.src import protos

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    protos.get_service_grpc().add_OracleServicer_to_server(_servicer(oracle), server)
    port = server.add_insecure_port(f"{_HOST}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


def _servicer(oracle: Any) -> Any:
    """Returns KerasTuner's service, changed to stop all processes when the oracle gives up.

    Unchanged, the process of the last failed trial gets an error and ends. The trial stays in the
    list of running trials, so an oracle that waits for them lets the other processes ask forever.
    """
    from keras_tuner.src import protos
    from keras_tuner.src.distribute.oracle_chief import OracleServicer
    from keras_tuner.src.engine.trial import Trial, TrialStatus

    class Servicer(OracleServicer):  # type: ignore[misc]
        has_given_up = False

        def CreateTrial(self, request: Any, context: Any) -> Any:  # noqa: N802  of the protocol
            if not self.has_given_up:
                return super().CreateTrial(request, context)
            stopped = Trial(oracle.get_space(), status=TrialStatus.STOPPED)
            return protos.get_service().CreateTrialResponse(trial=stopped.to_proto())

        def EndTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
            try:
                return super().EndTrial(request, context)
            except RuntimeError as error:
                if GAVE_UP not in str(error):
                    raise
                logging.info("tuner: KerasTuner gives up: several trials in a row failed.")
                self.has_given_up = True
                return protos.get_service().EndTrialResponse()

    return Servicer(oracle)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Worker:
    """A process that runs trials.

    Attributes:
        number: Its number.
        process: The process.
        error_file: The file to which it writes an error for the user.
        printed: The lines that it has printed.
        listener: The thread that notes these.
    """

    number: int
    process: "subprocess.Popen[str]"
    error_file: Path
    printed: set[str]
    listener: threading.Thread

    def is_lost(self, line: str) -> bool:
        """Returns whether the process has ended without printing a line."""
        if self.process.poll() is None:
            return False
        self.listener.join(_LISTEN_SECONDS)
        return line not in self.printed

    def go(self) -> None:
        """Lets the process begin; if it has ended, the waiting code notices it."""
        if self.process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(GO_LINE)
                self.process.stdin.flush()

    def failure(self, code: int) -> ComponentError:
        """Returns the error of a process that ended too early."""
        if code in (EXIT_INPUT_ERROR, EXIT_PLATFORM_ERROR) and self.error_file.exists():
            kind = InputError if code == EXIT_INPUT_ERROR else PlatformError
            return kind(self.error_file.read_text("utf-8"))
        if code == 0:
            return InputError(
                f"process {self.number} of the trials ended with exit code 0 before the "
                "search was over, expected that its trials come back. If the module ends it, for "
                "example by os._exit, raise an exception instead: then only that trial fails."
            )
        return PlatformError(
            f"process {self.number} of the trials ended with exit code {code}, expected 0. "
            "Where it was killed (-9) for want of memory, lower `num_parallel_trials` or give the "
            "task more; the log may say more."
        )


@contextmanager
def _worker(message: Path, port: int, number: int) -> Iterator[_Worker]:
    names = ("no_grpc_proxy", "no_proxy")
    excepted = next(filter(None, map(os.environ.get, names)), "")
    environment = {
        **os.environ,
        # gRPC would also use a proxy for this machine, and wait for an hour.
        "no_grpc_proxy": ",".join(filter(None, [excepted, _HOST])),
        "KERASTUNER_TUNER_ID": f"tuner{number}",
        "KERASTUNER_ORACLE_IP": _HOST,
        "KERASTUNER_ORACLE_PORT": str(port),
    }
    error_file = message.parent / f"error-{number}.txt"
    module = "headrace_components.tuner.trials"
    command = [sys.executable, "-m", module, str(message), str(error_file)]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    printed = set[str]()
    listener = threading.Thread(target=_listen, args=(process, printed), daemon=True)
    listener.start()
    try:
        yield _Worker(
            number=number,
            process=process,
            error_file=error_file,
            printed=printed,
            listener=listener,
        )
    finally:
        process.kill()
        process.wait()


def _listen(process: "subprocess.Popen[str]", printed: set[str]) -> None:
    for line in process.stdout or ():
        printed.add(line.strip())


def _await_all(workers: Sequence[_Worker], line: str) -> None:
    """Waits until all processes have printed a line.

    Raises:
        ComponentError: A process has ended without a line: the others might wait for it forever.
    """
    while waiting := [worker for worker in workers if line not in worker.printed]:
        for worker in waiting:
            if worker.is_lost(line):
                raise worker.failure(worker.process.wait())
        time.sleep(_POLL_SECONDS)
