"""Runs trials in one of several processes: `python -m headrace_components.tuner.trials`.

`headrace_components.tuner.parallel` starts this, with the environment of a KerasTuner worker. It
prints a line when its tuner exists, begins when it reads a line, and prints another one when the
search is over. A process that ends without that line counts as lost.
"""

import fcntl
import os
import pickle
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import ComponentError, InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import EXIT_INPUT_ERROR, EXIT_PLATFORM_ERROR, Task
from headrace_components.library.user_code.precision import computing
from headrace_components.tuner.parallel import DONE_LINE, READY_LINE, message_file
from headrace_components.tuner.params import TunerParams
from headrace_components.tuner.search import prepare

# If the oracle waits for other trials, ask it again after this time.
_IDLE_SECONDS = 0.2


def main(arguments: Sequence[str]) -> int:
    """Runs trials until the oracle has no more.

    Args:
        arguments: The pickled task and working directory, and the file for an error.
    """
    message, error_file = map(Path, arguments)
    # The output of the user's code belongs in the log; stdout is for messages between the two
    # processes.
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        task: Task
        task, working_dir = pickle.loads(message.read_bytes())
        try:
            params = read(TunerParams, task.params, task.component)
            with computing(params.mixed_precision, params.xla):
                with (message.parent / "prepare.lock").open("w") as lock:
                    # A tuner with `overwrite` first removes the directory that all share.
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    search = prepare(task, params, working_dir)
                _keep_messages(search.tuner, message.parent)
                _ask_at_leisure(search.tuner.oracle)
                print(READY_LINE, file=answer, flush=True)
                if not sys.stdin.readline():
                    return 0  # the process that started this one has ended
                search.run()
        except ComponentError as error:
            error_file.write_text(str(error), "utf-8")
            return EXIT_INPUT_ERROR if isinstance(error, InputError) else EXIT_PLATFORM_ERROR
        sys.stdout.flush()  # this process may be ended as soon as it has printed this line
        print(DONE_LINE, file=answer, flush=True)
    return 0


def _ask_at_leisure(oracle: Any) -> None:
    """Makes KerasTuner wait in a place where it would ask again at once."""
    ask = oracle.create_trial

    def create_trial(tuner_id: str) -> Any:
        trial = ask(tuner_id)
        if trial.status == "IDLE":
            time.sleep(_IDLE_SECONDS)
        return trial

    oracle.create_trial = create_trial


def _keep_messages(tuner: Any, folder: Path) -> None:
    end = tuner.on_trial_end

    def on_trial_end(trial: Any) -> None:
        if trial.message:
            message_file(folder, trial.trial_id).write_text(trial.message, "utf-8")
        end(trial)

    tuner.on_trial_end = on_trial_end


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
