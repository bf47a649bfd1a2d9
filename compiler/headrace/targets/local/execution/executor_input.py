"""The messages between backend and task: `ExecutorInput` out, `ExecutorOutput` in.

Source: `pipeline_spec.proto` of kfp-pipeline-spec, and KFP's launcher, whose rules these are: the
output message takes precedence over a parameter's file, and the fields of an output artifact that
it does not replace are kept.
"""

import json
import re
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace.ir.values import coerce
from headrace.ir.view import ComponentSpec, artifact_type
from headrace.targets.local.execution.output_texts import from_text
from headrace.targets.local.records.attempt import Attempt
from headrace.targets.local.runners.container_command import TMPDIR
from headrace.targets.local.shared.results import RuntimeArtifact, TaskFailure, TaskInputs
from headrace.targets.local.shared.rules import Rules
from headrace_components.contract.errors import InputError, PlatformError

# With less than this left, a task that could not even write its reason ran out of space.
_FULL_BYTES = 1 << 16

# These types are one file and not a directory. A browser needs the suffix to show a page;
# components that do not belong to Headrace can use the name that a backend gives.
_SUFFIXES = {"system.HTML": ".html", "system.Markdown": ".md"}

_ANY_TYPE = "system.Artifact"

_LOG = "executor-logs"

# A scheme to which KFP's launcher uploads no outputs, such as https, oci or bq.
_ELSEWHERE = re.compile(r"(?!(?:gs|s3|minio|file)://)[A-Za-z][A-Za-z0-9+.-]*://")


def message(
    component: ComponentSpec, inputs: TaskInputs, attempt: Attempt, rules: Rules | None
) -> dict[str, Any]:
    """Returns the `ExecutorInput` of a task, and makes its directories.

    As in protojson, empty values are left out.

    Args:
        component: The task's component.
        inputs: Its inputs.
        attempt: Where it is to write.
        rules: How a backend describes artifacts; None for a component of Headrace, which gets them
            unchanged.
    """
    for name in component.output_artifacts:
        (attempt.partial / _file_name(name, component)).parent.mkdir(parents=True, exist_ok=True)
    parameters = attempt.private / "parameters"
    parameters.mkdir(parents=True, exist_ok=True)
    return {
        "inputs": _filled(
            parameterValues=dict(inputs.parameters),
            artifacts={
                port: _filled(
                    artifacts=[
                        _input(artifact, rules, is_typed=_is_typed(port, component, rules))
                        for artifact in artifacts
                    ]
                )
                for port, artifacts in inputs.artifacts.items()
            },
        ),
        "outputs": _filled(
            parameters={
                name: {"outputFile": str(parameters / name)} for name in component.output_parameters
            },
            artifacts={
                **{name: _output(name, component, attempt) for name in component.output_artifacts},
                **(_log(attempt) if rules and rules.announces_log else {}),
            },
            outputFile=str(attempt.private / "output.json"),
        ),
    }


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _is_typed(port: str, component: ComponentSpec, rules: Rules | None) -> bool:
    if rules is None or rules.sends_types:
        return True
    # For these the compiler makes sure that types are given.
    return component.is_python and bool(component.input_artifacts[port].get("isArtifactList"))


def _input(artifact: RuntimeArtifact, rules: Rules | None, *, is_typed: bool) -> dict[str, Any]:
    return _filled(
        name="" if artifact.id is None else str(artifact.id),
        type=_schema(artifact.type) if is_typed else {"instanceSchema": ""},
        uri=artifact.uri,
        metadata=(
            rules.input_metadata(artifact.metadata, artifact.port)
            if rules
            else dict(artifact.metadata)
        ),
    )


def _output(name: str, component: ComponentSpec, attempt: Attempt) -> dict[str, Any]:
    announced = {
        "name": name,
        "type": _schema(artifact_type(component.output_artifacts[name])),
        "uri": str(attempt.partial / _file_name(name, component)),
    }
    return {"artifacts": [announced]}


def _log(attempt: Attempt) -> dict[str, Any]:
    place = str(attempt.private / _LOG)
    announced = {"name": _LOG, "type": {"schemaTitle": _ANY_TYPE}, "uri": place}
    return {_LOG: {"artifacts": [announced]}}


def _schema(title: str) -> dict[str, str]:
    return {"schemaTitle": title, "schemaVersion": "0.0.1"}


def _file_name(name: str, component: ComponentSpec) -> str:
    if component.headrace_name is None:
        return name
    return name + _SUFFIXES.get(artifact_type(component.output_artifacts[name]), "")


def read_outputs(
    component: ComponentSpec,
    attempt: Attempt,
    root: Path,
    task: str,
    directory: Path | None,
    rules: Rules | None,
    notify: Callable[[str], None],
) -> tuple[dict[str, Any], dict[str, tuple[RuntimeArtifact, ...]]]:
    """Returns the output parameters and artifacts of a task that succeeded.

    URIs are the final ones. If the task set an artifact's URI to an earlier artifact, somewhere
    else under the root, that URI is kept. Files that it wrote to a path of its own choice are moved
    to the place of the URI, as KFP's launcher does.

    Args:
        component: The task's component.
        attempt: Where it wrote.
        root: The pipeline root.
        task: Its name, for error messages.
        directory: The directory in which it ran; None if that was in a container, of which only the
            outputs remain.
        rules: The rules of a backend; None for a component of Headrace.
        notify: Gets a line about an output that is accepted, but unusual.

    Raises:
        InputError: There is nothing at a path that the task chose, or a value is not of its type.
        PlatformError: The task broke the contract: a parameter is missing, or a URI is outside of
            the root.
    """
    published = _published(attempt, task)
    parameters = {
        name: _parameter(name, component, published, attempt, task)
        for name in component.output_parameters
    }
    artifacts = {}
    for name in component.output_artifacts:
        entries = published.get("artifacts", {}).get(name, {}).get("artifacts") or [{}]
        chosen = entries[0].get("customPath") or entries[0].get("custom_path")
        if chosen:
            target = attempt.partial / _file_name(name, component)
            source = _as_written(chosen, attempt, directory)
            _bring(source, target, attempt, name, task, is_confined=directory is None)
        artifacts[name] = tuple(
            _artifact(name, component, entry, attempt, root, task, notify) for entry in entries
        )
        if rules is not None:
            _check_metadata(name, artifacts[name], rules, task)
    return parameters, artifacts


def _as_written(chosen: str, attempt: Attempt, directory: Path | None) -> Path:
    # In the message, the temporary place was replaced by the final place.
    path = Path(chosen.replace(str(attempt.final), str(attempt.partial)))
    if directory is not None:
        return directory / path
    inside = attempt.private / "tmp"
    return inside / path.relative_to(TMPDIR) if path.is_relative_to(TMPDIR) else path


def _bring(
    source: Path, target: Path, attempt: Attempt, name: str, task: str, *, is_confined: bool
) -> None:
    """Moves files that a task wrote to a path of its own choice to the place of its output."""
    own = (attempt.partial.resolve(), attempt.temporary.resolve())
    place = source.resolve()
    is_own = any(place.is_relative_to(directory) for directory in own)
    reason = ""
    if not source.exists() or (is_confined and not is_own):
        reason = "in its container, of which nothing is left" if is_confined else "not there"
    elif attempt.partial.resolve().is_relative_to(place):
        reason = "a directory around all outputs"
    if reason:
        raise InputError(
            f"{task}: output `{name}` was set to the path {str(source)!r}, which is {reason}. "
            "Write there before the task ends, below TMPDIR if it runs in a container."
        )
    if place == target.resolve():
        return
    if is_own:  # it may be in the output's own directory
        source = source.rename(attempt.private / "chosen")
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if is_own:
        source.rename(target)
    elif source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _published(attempt: Attempt, task: str) -> dict[str, Any]:
    file = attempt.private / "output.json"
    if not file.exists():
        return {}
    try:
        # A path in the temporary place means the same path in the final place.
        data: dict[str, Any] = attempt.published(
            json.loads(file.read_text("utf-8"), parse_constant=_no_number)
        )
    except ValueError as error:
        raise PlatformError(
            f"{task}: it wrote an output message that is not JSON: {error}. The component is at "
            "fault: it must write an ExecutorOutput."
        ) from error
    return data


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is in it, which is not a number in JSON")


def _parameter(
    name: str,
    component: ComponentSpec,
    published: Mapping[str, Any],
    attempt: Attempt,
    task: str,
) -> Any:
    where = f"{task}: output parameter `{name}`"
    kind = component.output_parameters[name].get("parameterType")
    if name in published.get("parameterValues", {}):
        return coerce(published["parameterValues"][name], kind, where)
    file = attempt.private / "parameters" / name
    if not file.is_file():
        raise PlatformError(
            f"{where} was not written. The component must write it to the path that "
            f"`{{{{$.outputs.parameters['{name}'].output_file}}}}` stands for."
        )
    try:
        text = attempt.published(file.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where} is not text in UTF-8: {error}. Write a text, or make it an artifact."
        ) from error
    return (from_text if component.headrace_name is None else coerce)(text, kind, where)


def _check_metadata(
    port: str, artifacts: tuple[RuntimeArtifact, ...], rules: Rules, task: str
) -> None:
    absent = [name for each in artifacts for name, value in each.metadata.items() if value is None]
    if absent and rules.flattens_metadata:
        raise InputError(
            f"{task}: metadata {absent[0]!r} of output `{port}` is None, which Kubeflow cannot "
            "store and fails the task for. Leave it out, or write a text."
        )


def _artifact(
    name: str,
    component: ComponentSpec,
    entry: Mapping[str, Any],
    attempt: Attempt,
    root: Path,
    task: str,
    notify: Callable[[str], None],
) -> RuntimeArtifact:
    file_name = _file_name(name, component)
    final, partial = attempt.final / file_name, attempt.partial / file_name
    uri = entry.get("uri") or str(final)
    if _ELSEWHERE.match(uri):
        notify(
            f"{task}: output `{name}` points at {uri!r}, which is in no store of artifacts: what "
            "reads it gets the URI and no file. KFP's launcher warns of it, too."
        )
    elif not Path(uri).resolve().is_relative_to(root.resolve()):
        raise PlatformError(
            f"{task}: output `{name}` points at {uri!r}, outside of the root {root}, which no KFP "
            "backend accepts. Write under the given URI and publish the place as metadata."
        )
    kind = artifact_type(component.output_artifacts[name])
    if uri == str(final) and not partial.exists():
        # Components may leave an output empty; later tasks still need a directory or a file.
        partial.touch() if kind in _SUFFIXES else partial.mkdir(parents=True)
    if kind == _ANY_TYPE:  # the task may know which, and lineage files the artifact under it
        kind = entry.get("type", {}).get("schemaTitle", kind)
    return RuntimeArtifact(uri=uri, type=kind, metadata=entry.get("metadata", {}), port=name)


def failure(attempt: Attempt, log: Path, status: int, task: str) -> TaskFailure:
    """Returns why a task failed: in its own words if it left any, else the end of its log."""
    reported = _reported_error(attempt)
    if reported is not None:
        return TaskFailure(task=task, kind=reported["kind"], message=reported["message"], log=log)
    if shutil.disk_usage(attempt.partial).free < _FULL_BYTES:
        message = (
            f"{task}: exit code {status}, and the disk of {attempt.final.parent} is full. "
            "Free space, then resume the run; nothing half-written was kept."
        )
        return TaskFailure(task=task, kind="platform", message=message, log=log)
    if status < 0:
        hint = ", perhaps for want of memory" if status == -signal.SIGKILL else ""
        message = f"{task}: killed by signal {-status}{hint}. See its log {log}, and run again."
        return TaskFailure(task=task, kind="crash", message=message, log=log)
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    last = lines[-1].strip() if lines else "it printed nothing"
    message = f"{task}: exit code {status}: {last}"
    return TaskFailure(task=task, kind="crash", message=message, log=log)


def has_findings(attempt: Attempt) -> bool:
    """Returns whether a task says that it failed because of what it found and wrote."""
    reported = _reported_error(attempt)
    return reported is not None and bool(reported.get("has_findings"))


def _reported_error(attempt: Attempt) -> dict[str, Any] | None:
    """Returns the reason that the task wrote; None if it wrote none, or only a part of one."""
    try:
        reported = json.loads((attempt.private / "executor_error.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    published: dict[str, Any] = attempt.published(reported)
    return published
