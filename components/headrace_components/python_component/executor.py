"""Runs the author's code with the objects that TFX gives executors."""

import dataclasses
import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.data import examples_record
from headrace_components.library.user_code import user_module
from headrace_components.python_component.component import check
from headrace_components.python_component.params import OBJECT, PythonComponentParams
from headrace_tfx.executing import objects, task_ports
from headrace_tfx.executing.task_ports import Ports
from headrace_tfx.finder import tfx_importable
from headrace_tfx.running import host
from headrace_tfx.running.task_host import TaskHost

_EXAMPLES = EXAMPLES.name
_OWN = frozenset(each.name for each in dataclasses.fields(PythonComponentParams))


def execute(task: Task) -> None:
    """Calls the code, and publishes what it set of its outputs."""
    # The file may be that of the pipeline, which runs it where it ends.
    with tfx_importable(None, in_front=True), host.use(TaskHost()):
        _execute(task)


def _execute(task: Task) -> None:
    own = {name: value for name, value in task.params.items() if name in _OWN}
    params = read(PythonComponentParams, own, task.component)
    check(params)
    ports = Ports(**params.headrace_ports)
    others = {name: value for name, value in task.params.items() if name not in _OWN}
    _check_names(others, ports)
    found = _code(task.component, params)
    scratch = Path(tempfile.mkdtemp(prefix="headrace-values-"))
    given = dataclasses.replace(task, params=others)
    ready = task_ports.ready(
        given,
        ports,
        objects.artifact_classes(found),
        scratch,
        by_uri=_is_remote(params.beam_pipeline_args),
    )
    executor_class = objects.executor_class(found)
    executor = objects.made(executor_class, ports, list(params.beam_pipeline_args), scratch)

    exec_properties = objects.exec_properties(found, ready.exec_properties)

    @functools.wraps(objects.function_of(executor))  # errors name the author's function
    def call() -> None:
        executor.Do(ready.input_dict, ready.output_dict, exec_properties)

    user_module.call_user_function(task.component, call)
    task_ports.publish(task, ports, ready.output_dict)
    for name, port in ports.outputs.items():
        if port.get("type") == _EXAMPLES:
            output = task.output(name)
            examples_record.publish(output, output.metadata)


def _code(component: str, params: PythonComponentParams) -> Any:
    name = params.headrace_object
    if params.headrace_code:
        return user_module.load_function(component, params.headrace_code, name)
    return user_module.load_function(component, "", OBJECT, name)


def _check_names(given: Mapping[str, Any], ports: Ports) -> None:
    known = {*ports.inputs, *ports.parameters}
    if unknown := sorted(set(given) - known):
        raise InputError(
            f"the task has the parameters {unknown}, expected some of {sorted(known)}. Compile the "
            "pipeline again with the Headrace version of the image."
        )


def _is_remote(beam_pipeline_args: tuple[str, ...]) -> bool:
    if not beam_pipeline_args:
        return False
    # Imported here: the import of Beam takes seconds, and only few tasks need it.
    from headrace_components.library.beam.options import BeamOptions

    return BeamOptions(beam_pipeline_args).is_remote
