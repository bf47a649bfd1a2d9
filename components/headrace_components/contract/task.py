"""The contract between a component and the backend that runs it.

Every backend starts a component as `python -m headrace_components.<name> --executor_input JSON`.
The local backend writes messages that are too long for an argument to a file, and passes `@FILE`.
The JSON is KFP's `ExecutorInput` message (kfp-pipeline-spec, `pipeline_spec.proto`, in protojson).
The answer is an `ExecutorOutput` message, written to the path in the input. Standard library only:
images without TensorFlow, Beam or kfp run this module too.
"""

import argparse
import atexit
import contextlib
import errno
import importlib.util
import json
import logging
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from headrace_components.contract import notices
from headrace_components.contract.errors import (
    ComponentError,
    FindingsError,
    InputError,
    PlatformError,
    RefusedError,
    Stopped,
    named,
)
from headrace_components.contract.fingerprint_ports import FINGERPRINT_INPUT, UNKNOWN
from headrace_components.contract.machines import is_chief
from headrace_components.contract.s3_settings import adopt
from headrace_components.contract.templates import fill

EXIT_INPUT_ERROR = 2
# EX_TEMPFAIL of sysexits.h: "temporary failure; the user is invited to retry".
EXIT_PLATFORM_ERROR = 75

# Where a backend mounts or downloads URIs of a scheme.
_MOUNTS = {"gs": "gcs", "s3": "s3", "minio": "minio", "oci": "oci"}

# Backends since KFP 2.5 add this output themselves; it is their file, not ours.
_LAUNCHER_OUTPUTS = frozenset({"executor-logs"})

# Google's launcher of custom jobs, which runs us, writes the job's name here.
_LAUNCHER_PARAMETERS = frozenset({"gcp_resources"})

# The UIs show the file at the artifact's own path, so it must be one file and not a directory.
_FILE_TYPES = frozenset({"system.HTML", "system.Markdown"})

# The UIs draw curves and matrices from lists and dicts in the metadata of these types alone.
_NESTED_TYPES = frozenset({"system.ClassificationMetrics"})

# The file in an artifact whose rows are stored beside it:
# `headrace_components.library.data.references`.
REFERENCE = "reference.json"

MetadataValue = str | int | float

# The time after a signal for functions that libraries registered for the end of the process.
_LEAVING_SECONDS = 5.0

# Libraries of components read this at import, as in TFX's own image: `tf.keras` is Keras 2 in every
# process, whatever was imported before. Keras 3 is `import keras`.
LIBRARY_SETTINGS = {"TF_USE_LEGACY_KERAS": "1"}

# Their INFO lines, thousands per task, would hide the component's own lines.
_CHATTY_LIBRARIES = ("absl", "apache_beam", "tensorflow")


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """An artifact of this task, readable or writable at `path`.

    Attributes:
        key: Name of the input or output port.
        name: The backend's identifier of the artifact; empty if the backend gives none.
        uri: Where the artifact lives for every task of the run.
        path: Where this process reads or writes it. Equals `uri` for local runs.
        metadata: Flat properties. Values in an output's metadata are published; a list, a dict or
            None is refused, because no backend carries it unchanged.
        type: Schema title of an output, such as `system.HTML`; backends send none for inputs.
    """

    key: str
    name: str
    uri: str
    path: Path
    metadata: dict[str, Any] = field(default_factory=dict)
    type: str = ""

    def make_room(self) -> None:
        """Makes the directory to write: `path` itself, or its parent if `path` is a file."""
        directory = self.path.parent if self.type in _FILE_TYPES else self.path
        directory.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One run of a component: its parameters, its inputs and the places of its outputs.

    Attributes:
        component: Name of the component, for error messages.
        params: Parameter values from the backend, with templates filled in. Numbers may be floats
            instead of integers: `headrace_components.contract.parameters.read` turns them into
            typed parameters.
        inputs: Artifacts by input port; a port may have several, and an optional one none.
        outputs: The artifact to write, by output port. Its directory exists; for a file, such as a
            report, the directory around it.
        output_parameters: Values to publish by output parameter; fill it.
        schema_titles: Types of outputs that are not those of their ports, by port.
        parameter_files: Where each output parameter is written, by name.
        output_file: Where the `ExecutorOutput` message goes.
        fingerprint: The fingerprint that a task before this one found; empty without such a task.
    """

    component: str
    params: Mapping[str, Any]
    inputs: dict[str, tuple[Artifact, ...]]
    outputs: dict[str, Artifact]
    output_parameters: dict[str, Any] = field(default_factory=dict)
    schema_titles: dict[str, str] = field(default_factory=dict)
    parameter_files: Mapping[str, Path] = field(default_factory=dict)
    output_file: Path
    fingerprint: str = ""

    @classmethod
    def from_json(cls, text: str, component: str, mounts: Path = Path("/")) -> "Task":
        """Reads an `ExecutorInput`.

        Args:
            text: The message in protojson.
            component: Name of the component, for error messages.
            mounts: The directory under which `gs://` and other remote schemes are mounted.

        Raises:
            PlatformError: The text is not an `ExecutorInput`.
            InputError: A parameter is made with a value that is not there.
        """
        try:
            message = json.loads(text)
            inputs = message.get("inputs", {})
            outputs = message["outputs"]
            return cls(
                component=component,
                params=fill(inputs.get("parameterValues", {}), component),
                inputs={
                    key: tuple(_artifact(key, entry, mounts) for entry in entries["artifacts"])
                    for key, entries in inputs.get("artifacts", {}).items()
                    if entries.get("artifacts")
                },
                outputs={
                    key: _artifact(key, entries["artifacts"][0], mounts)
                    for key, entries in outputs.get("artifacts", {}).items()
                    if key not in _LAUNCHER_OUTPUTS
                },
                parameter_files={
                    key: Path(entry["outputFile"])
                    for key, entry in outputs.get("parameters", {}).items()
                },
                output_file=Path(outputs["outputFile"]),
                fingerprint=_known(inputs.get("parameterValues", {}).get(FINGERPRINT_INPUT, "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise PlatformError(
                f"--executor_input is not an ExecutorInput message "
                f"({type(error).__name__}: {error}). The backend writes it: run the component "
                "through `headrace run` or a KFP backend."
            ) from error

    def input(self, key: str) -> Artifact:
        """Returns the one artifact of input port `key`.

        Raises:
            InputError: The port is empty or carries several artifacts.
        """
        artifacts = self.inputs.get(key, ())
        if len(artifacts) != 1:
            raise InputError(
                f"input `{key}` got {len(artifacts)} artifacts, expected 1. "
                f"Connect one upstream output to `{key}`."
            )
        return artifacts[0]

    def optional_input(self, key: str) -> Artifact | None:
        """Returns the one artifact of input port `key`, or None if nothing is connected."""
        return self.input(key) if self.inputs.get(key) else None

    def output(self, key: str) -> Artifact:
        """Returns the artifact to write for output port `key`.

        Raises:
            PlatformError: The backend announced no such output, so spec and code disagree.
        """
        if key not in self.outputs:
            raise PlatformError(
                f"the backend announced outputs {sorted(self.outputs)}, but the "
                f"component writes `{key}`. The compiled spec and the image are of different "
                "Headrace versions: compile again with the version of the image."
            )
        return self.outputs[key]

    def redirect(
        self, key: str, uri: str, metadata: Mapping[str, MetadataValue], schema_title: str = ""
    ) -> None:
        """Publishes an artifact that exists already in place of output `key`.

        Args:
            key: Name of the output port.
            uri: The URI of that artifact, under the pipeline's root, as backends require.
            metadata: The metadata to publish.
            schema_title: Its type, if the port accepts any type; empty keeps the port's type.
        """
        self.outputs[key] = replace(self.output(key), uri=uri, metadata=dict(metadata))
        if schema_title:
            self.schema_titles[key] = schema_title


def _known(fingerprint: str) -> str:
    return "" if fingerprint.startswith(UNKNOWN) else fingerprint


def _artifact(key: str, entry: Mapping[str, Any], mounts: Path) -> Artifact:
    uri = entry["uri"]
    path = Path(entry["customPath"]) if entry.get("customPath") else local_path(uri, mounts)
    return Artifact(
        key=key,
        name=entry.get("name", ""),
        uri=uri,
        path=path,
        metadata=dict(entry.get("metadata", {})),
        type=entry.get("type", {}).get("schemaTitle", ""),
    )


def local_path(uri: str, mounts: Path = Path("/")) -> Path:
    """Returns the backends' path for `uri`, such as `/gcs/bucket/key` for `gs://bucket/key`.

    Source: `LocalPathForURI` of the KFP launcher; Vertex mounts Cloud Storage at `/gcs`.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(uri)
    if scheme == "file":
        return Path("/" + rest.lstrip("/"))
    if scheme not in _MOUNTS:
        raise ValueError(f"no local path is known for the scheme of {uri!r}")
    if scheme == "oci":
        return mounts / "oci" / rest.replace("/", "_") / "models"
    return mounts / _MOUNTS[scheme] / rest


def run_component(component: str, argv: Sequence[str] | None = None) -> int:
    """Imports a component's executor and runs it: the entry of every process of a component.

    Args:
        component: Name of the component.
        argv: Command line without the program name; the process's own by default.

    Returns:
        The process's exit code, like `main`.
    """
    return main(component, import_executor(component).execute, argv)


def import_executor(component: str) -> Any:
    """Returns the module `executor` of a component; its libraries are imported as set up here."""
    for name, value in LIBRARY_SETTINGS.items():
        os.environ.setdefault(name, value)
    return importlib.import_module(f"headrace_components.{component}.executor")


def message_of(argument: str) -> str:
    """Returns the `ExecutorInput` that a command line has, or that the file has which it names.

    Args:
        argument: JSON; or `@` and a path, for messages that are too long for an argument.

    Raises:
        PlatformError: The file cannot be read.
    """
    if not argument.startswith("@"):
        return argument
    try:
        return Path(argument[1:]).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise PlatformError(
            f"--executor_input names {argument[1:]!r}, which cannot be read ({error}). Give the "
            "path of a file with an ExecutorInput message in JSON."
        ) from error


def main(component: str, execute: Callable[[Task], None], argv: Sequence[str] | None = None) -> int:
    """Runs `execute` for the task named on the command line and publishes its results.

    Args:
        component: Name of the component, for error messages.
        execute: The component's work. It raises InputError or PlatformError, or a bug.
        argv: Command line without the program name; the process's own by default.

    Returns:
        The process's exit code: 0, `EXIT_INPUT_ERROR` or `EXIT_PLATFORM_ERROR`. A bug passes
        through, with its traceback and Python's exit code 1.
    """
    parser = argparse.ArgumentParser(prog=f"python -m headrace_components.{component}")
    parser.add_argument("--executor_input", required=True, metavar="JSON or @FILE")
    arguments = parser.parse_args(argv)
    _log_to_stderr()
    mounts = Path(os.environ.get("HEADRACE_MOUNT_ROOT", "/"))
    task: Task | None = None
    try:
        with named(component):
            task = Task.from_json(message_of(arguments.executor_input), component, mounts)
            _adopt_stores(task)
            for artifact in task.outputs.values():
                artifact.make_room()
            _resolve_references(task)
            execute(task)
            _make_references(task)
            _publish(task)
    except (KeyboardInterrupt, Stopped) as stop:
        if argv is not None:
            raise  # the process is the caller's
        _leave(stop)
    except FindingsError as error:
        _report_findings(task, error)
        return EXIT_INPUT_ERROR
    except InputError as error:
        _report(task, "input", str(error))
        return EXIT_INPUT_ERROR
    except PlatformError as error:
        if not isinstance(error, RefusedError):
            logging.info("Where it failed:", exc_info=True)
        _report(task, "platform", str(error))
        return EXIT_PLATFORM_ERROR
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS):
            raise
        logging.info("Where it failed:", exc_info=True)
        _report(
            task,
            "platform",
            f"{component}: could not write {error.filename or 'an output'}: {error.strerror}. "
            "Free space or choose another root, then run again; nothing half-written was kept.",
        )
        return EXIT_PLATFORM_ERROR
    return 0


def _leave(stop: KeyboardInterrupt | Stopped) -> NoReturn:
    """Ends the process after a signal.

    The interpreter's own end would wait for threads, and one may be in a call to a service that
    does not answer. Whoever sent the signal does not wait long.
    """
    code = stop.code if isinstance(stop, Stopped) and isinstance(stop.code, int) else 1
    last = threading.Timer(_LEAVING_SECONDS, os._exit, [code])
    last.daemon = True
    last.start()
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, OSError):
            stream.flush()
    if isinstance(stop, KeyboardInterrupt):  # the parent sees the signal, as for any program
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code)


def _adopt_stores(task: Task) -> None:
    inputs = [artifact for found in task.inputs.values() for artifact in found]
    adopt((each.uri, str(each.metadata.get("store_session_info", ""))) for each in inputs)


def _resolve_references(task: Task) -> None:
    artifacts = [artifact for found in task.inputs.values() for artifact in found]
    is_there = any((artifact.path / REFERENCE).is_file() for artifact in artifacts)
    # An image without pyarrow reads no rows: training_job passes a reference on unchanged.
    if is_there and importlib.util.find_spec("pyarrow"):
        _references().resolve(task)


def _make_references(task: Task) -> None:
    makes_examples = any(each.type.endswith(".Examples") for each in task.outputs.values())
    if makes_examples and os.environ.get("HEADRACE_LARGE_ARTIFACTS") == "reference":
        _references().publish(task)


def _references() -> Any:
    # Import by name: images without pyarrow, which neither read nor write rows, run this module
    # too.
    return importlib.import_module("headrace_components.library.data.references")


def _log_to_stderr() -> None:
    root = logging.getLogger()
    # Importing TensorFlow or Beam first leaves a handler there, their own or Python's default, and
    # basicConfig would do nothing.
    for handler in [
        each
        for each in root.handlers
        if type(each) is logging.StreamHandler or type(each).__module__.startswith("absl")
    ]:
        root.removeHandler(handler)
    logging.addLevelName(notices.LEVEL, notices.NAME)
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stderr)
    root.setLevel(logging.INFO)
    for library in _CHATTY_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


def _publish(task: Task) -> None:
    for artifact in task.outputs.values():
        for name, value in artifact.metadata.items():
            # KFP's launcher fails on null, and turns lists and dicts into wrapper messages.
            if not _is_carried(value, may_nest=artifact.type in _NESTED_TYPES):
                raise ComponentError(
                    f"metadata {name!r} of output `{artifact.key}` is "
                    f"{value!r}, but artifact metadata is a string or a finite number. "
                    "Encode it as a JSON string."
                )
    missing = sorted(set(task.parameter_files) - set(task.output_parameters) - _LAUNCHER_PARAMETERS)
    if missing:
        raise ComponentError(f"output parameters {missing} were not set.")
    # Files under Vertex's /gcs mount are immutable, so of several workers only one may write.
    if not is_chief():
        return
    ours = {
        key: value for key, value in task.output_parameters.items() if key in task.parameter_files
    }
    for name, value in ours.items():
        path = task.parameter_files[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_parameter_text(value), "utf-8")
    message = {
        "parameterValues": ours,
        "artifacts": {
            key: {"artifacts": [_published_artifact(task, artifact)]}
            for key, artifact in task.outputs.items()
        },
    }
    task.output_file.parent.mkdir(parents=True, exist_ok=True)
    task.output_file.write_text(json.dumps(message), "utf-8")


def _published_artifact(task: Task, artifact: Artifact) -> dict[str, Any]:
    title = task.schema_titles.get(artifact.key)
    return {
        "name": artifact.name,
        "uri": artifact.uri,
        "metadata": artifact.metadata,
        **({"type": {"schemaTitle": title}} if title else {}),
    }


def _is_carried(value: Any, *, may_nest: bool) -> bool:
    if may_nest and isinstance(value, dict):
        return all(_is_carried(item, may_nest=True) for item in value.values())
    if may_nest and isinstance(value, list):
        return all(_is_carried(item, may_nest=True) for item in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _parameter_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _report_findings(task: Task | None, error: FindingsError) -> None:
    place = ""
    if task is not None and is_chief():
        # Import by name: it is only needed at such an end.
        place = importlib.import_module("headrace_components.library.runs.findings").keep(task)
    _report(task, "input", f"{error} {place}".rstrip(), has_findings=True)


def _report(task: Task | None, kind: str, message: str, *, has_findings: bool = False) -> None:
    """Prints the reason last, and writes it as JSON beside the output file for the backend."""
    logging.error("%s", message)
    if task is None:
        return
    # If the disk is full, the exit code and the log still show it.
    with contextlib.suppress(OSError):
        task.output_file.parent.mkdir(parents=True, exist_ok=True)
        error_file = task.output_file.parent / "executor_error.json"
        reason = {"kind": kind, "message": message}
        error_file.write_text(
            json.dumps({**reason, "has_findings": True} if has_findings else reason), "utf-8"
        )
