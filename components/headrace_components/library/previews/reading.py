"""Answers what artifacts hold: `python -m headrace_components.library.previews.reading`.

A line of standard input is a JSON object with `what` and its arguments; the answer is one line of
standard output, with `answer` or `error`. A process of its own may crash on a damaged file, take
too long, or be killed for its memory, without harm to a server.
"""

import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from headrace_components.contract.errors import InputError

_MAX_MEMORY_BYTES = 8 * 1024**3

_READERS = {
    "Schema": ("schema_table", "read_schema"),
    "ExampleStatistics": ("statistics_table", "read_statistics"),
    "ExampleAnomalies": ("anomaly_table", "read_anomalies"),
    "ModelEvaluation": ("evaluation_table", "read_evaluation"),
    "Model": ("saved_models", "read_model"),
    "PushedModel": ("saved_models", "read_model"),
    "ModelRun": ("training_curves", "read_curves"),
    "TransformGraph": ("transform_graphs", "read_transform_graph"),
    "InferenceResult": ("prediction_table", "read_predictions"),
    "HyperParameters": ("tuning", "read_hyperparameters"),
    "TunerResults": ("tuning", "read_trials"),
}
_COMPARISONS = {
    "Schema": ("schema_table", "compare_schemas"),
    "ExampleStatistics": ("statistics_table", "compare_statistics"),
    "ModelEvaluation": ("evaluation_table", "compare_evaluations"),
    "Model": ("saved_models", "compare_models"),
}


def answer(question: Mapping[str, Any]) -> Any:
    """Returns the answer to a question.

    Args:
        question: `what` is `read`, with `type` and `path` of an artifact; `compare`, with `type`,
            `before` and `after`; or `rows`, with `path`, `payload_format` and `window`.

    Raises:
        InputError: The artifact is damaged, or is not what its type says.
    """
    what = question["what"]
    for name in ("path", "before", "after"):
        if name in question:
            check_links(Path(question[name]))
    if what == "rows":
        from headrace_components.library.previews.example_table import Window, read_table

        window = Window(**question["window"])
        return read_table(Path(question["path"]), window, question["payload_format"])
    if what == "compare":
        compare = _function(_COMPARISONS[question["type"]])
        return compare(Path(question["before"]), Path(question["after"]))
    return _function(_READERS[question["type"]])(Path(question["path"]))


def check_links(path: Path) -> None:
    """Refuses an artifact with a link to a place outside of it, which a reader would follow.

    Raises:
        InputError: It has one.
    """
    place = path.resolve()
    for folder, directories, files in os.walk(path):
        for name in (*directories, *files):
            entry = Path(folder, name)
            if entry.is_symlink() and not entry.resolve().is_relative_to(place):
                raise InputError(
                    f"{entry} is a link to a place outside of the artifact, so nothing of the "
                    "artifact is read. Replace the link by what it leads to."
                )


def _function(place: tuple[str, str]) -> Callable[..., Any]:
    from importlib import import_module

    module, name = place
    function: Callable[..., Any] = getattr(
        import_module(f"headrace_components.library.previews.{module}"), name
    )
    return function


def main() -> NoReturn:
    """Answers until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends this
    with contextlib.suppress(ValueError, OSError):  # macOS knows the limit and takes none
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    # What a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        try:
            found = {"answer": answer(json.loads(line))}
        except InputError as error:
            found = {"error": str(error)}
        except (OSError, MemoryError, RecursionError, ValueError) as error:
            found = {"error": f"it cannot be read: {type(error).__name__}: {error}"}
        answers.write(json.dumps(found) + "\n")
        answers.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
