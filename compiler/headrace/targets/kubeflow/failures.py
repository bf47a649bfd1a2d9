"""Reads why a task failed from the log of its pod.

The log of a task's pod has the component's lines between those of Kubeflow's launcher. The launcher
runs the component, and exits with 1 for any exit code of the component. The log of a driver's pod
ends with the reason why the task could not be prepared.
"""

import re
from itertools import takewhile

from headrace_components.contract.task import EXIT_INPUT_ERROR, EXIT_PLATFORM_ERROR

# Lines of Go's glog and klog, such as `F1129 21:08:42.903210      16 main.go:130] failed ...`.
_LAUNCHER = re.compile(r"(?P<level>[IWEF])\d{4} [\d:.]+ +\d+ \S+:\d+\] (?P<text>.*)")
_LEVEL = re.compile(r"(?:DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL)[ :]")
# In the form of Headrace's components, or in Python's default form, such as `ERROR:root:...`.
_ERROR = re.compile(r"(?:ERROR|CRITICAL)(?: |:[\w.]+:)(?P<text>.*)")
_EXIT = re.compile(r"failed to execute component: (?:exit status (?P<code>\d+)|(?P<how>.*))")
_DRIVER = re.compile(r"KFP driver: .*?\) failed: (?P<text>.*)")
# Terminal codes of libraries that colour their lines.
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Python writes this before the traceback of an exception that does not end the program.
_SIDE = re.compile(r"Exception (?:ignored|in thread)\b")
_TRACEBACK = "Traceback (most recent call last):"

EXIT_KILLED = 137
_MOST_LINES = 20

OUT_OF_MEMORY = (
    "It was killed, most often because it needed more memory than its limit (exit code 137). Give "
    "it more `memory` in the profile."
)
NO_END = (
    "Its log just stops, so its whole container was killed. Most often it needed more memory than "
    "its limit (exit code 137): give it more `memory` in the profile; or it ran into its `timeout`."
)
_TIMEOUT = "It ran into its `timeout`: give it more in the profile, or less to do."
_CODES = {
    EXIT_INPUT_ERROR: "Exit code 2: the pipeline, a parameter or the data has to change, and a "
    "retry would fail as well.",
    EXIT_PLATFORM_ERROR: "Exit code 75: the platform failed, so a retry may help.",
    EXIT_KILLED: OUT_OF_MEMORY,
}


def reason_of_pod(reason: str) -> str:
    """Returns why a pod ended, for people, from the message of Argo or Kubernetes."""
    if "OOMKilled" in reason:
        return OUT_OF_MEMORY
    if "longer than the specified deadline" in reason:
        return _TIMEOUT
    return "Its pod was deleted." if reason == "pod deleted" else f"Kubernetes says: {reason}"


def has_end(log: str) -> bool:
    """Returns whether the log has the last line of the launcher or the driver."""
    return _last_words(log) != ""


def reason_of_task(log: str) -> str:
    """Returns why a task failed, by the log of its pod, for people; it may have several lines."""
    last = _last_words(log)
    match = _EXIT.search(last)
    reason = _component_error(log)
    if match is None:
        return "\n".join(filter(None, [reason, f"Kubeflow's launcher: {last}" if last else NO_END]))
    if match["code"] is None:
        is_killed = "signal: killed" in match["how"]
        end = OUT_OF_MEMORY if is_killed else f"It ended by {match['how'].rstrip('.')}."
    else:
        code = int(match["code"])
        end = _CODES.get(code, f"Exit code {code}.")
    return "\n".join(filter(None, [reason, end]))


def reason_of_driver(log: str) -> str:
    """Returns why a task could not be prepared, by the log of its driver's pod."""
    last = _last_words(log)
    match = _DRIVER.search(last)
    reason = match["text"] if match else last
    return f"Its driver, which prepares the task, failed: {reason or 'its log does not say why'}."


def _last_words(log: str) -> str:
    """Returns the last line with which the launcher ended itself; empty without one."""
    for line in reversed(log.splitlines()):
        match = _LAUNCHER.fullmatch(line)
        if match and match["level"] == "F":
            return match["text"].strip().rstrip(".")
    return ""


def _component_error(log: str) -> str:
    """Returns the last error that the component itself reports, or its exception."""
    lines = [line for line in _COLOUR.sub("", log).splitlines() if not _LAUNCHER.fullmatch(line)]
    exception, raised = _last_exception(lines)
    for start in range(len(lines) - 1, -1, -1):
        if match := _ERROR.fullmatch(lines[start]):
            found = [match["text"]]
            for number in range(start + 1, min(start + _MOST_LINES, len(lines))):
                if number == raised:  # its frames are in the log
                    return "\n".join([*found, exception]).strip()
                if _LEVEL.match(lines[number]):
                    break
                found.append(lines[number])
            # An exception after the error ended the component.
            return exception if raised > start else "\n".join(found).strip()
    return exception


def _last_exception(lines: list[str]) -> tuple[str, int]:
    """Returns the last exception without its frames, and its position; -1 without an exception."""
    starts = [
        number
        for number, line in enumerate(lines)
        if line.strip() == _TRACEBACK and not _SIDE.match(lines[number - 1] if number else "")
    ]
    if starts:
        # A line that is not indented ends the frames: `ValueError: ...`, and the rest of its text.
        rest = lines[starts[-1] + 1 :]
        end = next((n for n, line in enumerate(rest) if line and not line[0].isspace()), None)
        if end is not None:
            text = list(takewhile(lambda line: not _LEVEL.match(line), rest[end:]))
            return "\n".join(text[:_MOST_LINES]).strip(), starts[-1]
    return "", -1
