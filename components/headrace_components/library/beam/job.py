"""Runs a pipeline of Beam as part of a component."""

import contextlib
import logging
import pickle
import re
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apache_beam as beam

from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.contract.task import Artifact
from headrace_components.library.beam import closed_channels, dataflow_job, flink_errors, locations
from headrace_components.library.beam.options import BeamOptions
from headrace_components.library.beam.remote_pipeline import RemotePipeline, Work

# The time to clean up after a signal.
_CLEANING_SECONDS = 2.0

# The end of a worker's traceback in the runner's message. Beam adds the name of the step; without
# it, the message ends at a quoted line break.
_ERROR = re.escape(ComponentError.__module__) + r"\.(InputError|PlatformError): "
_STEP = re.compile(r" \[while running '[^\n]*'\]$")
_COMPONENT_ERRORS = (
    re.compile(_ERROR + r"([^\n]*?) \[while running '[^\n]*?'\](?:\\n|\n|$)"),
    re.compile(_ERROR + r"(.*?)(?:\\n|\n|$)"),
)


class Job:
    """A pipeline under construction, and the data that it returns to the component.

    Attributes:
        pipeline: The `beam.Pipeline`.
        options: The options in `beam_pipeline_args`.
        scratch: Location for intermediate files, which workers and this process can write to. It
            is removed when the job ends.
    """

    def __init__(self, pipeline: beam.Pipeline, options: BeamOptions, scratch: str) -> None:
        self.pipeline = pipeline
        self.options = options
        self.scratch = scratch
        self._num_gathered = 0

    def location(self, artifact: Artifact) -> str:
        """Returns the location where workers find an artifact."""
        return locations.location_of(artifact, self.options)

    def gather(self, collection: Any) -> Callable[[], list[Any]]:
        """Returns a function that returns the elements of a collection, in any order.

        Call it in `after`, when the pipeline has run. The elements go through one worker and this
        process, so they must be few and small.
        """
        self._num_gathered += 1
        file = locations.join(self.scratch, f"gathered-{self._num_gathered}.pickle")
        label = f"Gather[{self._num_gathered}]"
        _ = (
            collection
            | f"{label}/List" >> beam.combiners.ToList()
            | f"{label}/Write" >> beam.Map(_write, file)
        )
        return lambda: _read(file)


def _write(elements: list[Any], file: str) -> None:
    locations.write_bytes(file, pickle.dumps(elements))


def _read(file: str) -> list[Any]:
    elements: list[Any] = pickle.loads(locations.read_bytes(file))
    return elements


def run(
    component: str,
    args: Sequence[str],
    output: Artifact,
    build: Callable[[Job], Callable[[], Any]],
) -> Any:
    """Builds a pipeline, runs it to its end, and returns the function to call afterwards.

    Args:
        component: Name of the component, for the log.
        args: `beam_pipeline_args`.
        output: The artifact whose directory may contain intermediate files.
        build: Applies transforms to the job's pipeline; returns a function that is called when
            they have run, while the intermediate files are still there.

    Returns:
        The result of that function.

    Raises:
        InputError: The options are wrong, or a worker raised one.
        PlatformError: The runner failed.
    """
    options = BeamOptions(args)
    scratch = locations.join(
        locations.location_of(output, options), f".headrace-beam-{uuid.uuid4().hex}"
    )
    # Beam's notes are long and need no action; errors in workers here are raised as exceptions.
    logging.getLogger("apache_beam").setLevel(
        logging.WARNING if options.is_remote else logging.CRITICAL
    )
    pipeline = _pipeline(component, args, options, output, scratch)
    with contextlib.ExitStack() as stack:
        if isinstance(pipeline, RemotePipeline):
            stack.callback(pipeline.release)  # after a signal, when everything is cleaned up
            stack.enter_context(closed_channels.kept_back())
        with _author_errors(options), pipeline:
            after = build(Job(pipeline, options, scratch))
            stack.callback(_remove, scratch, pipeline)  # before that, the directory is empty
        return after()


def _remove(scratch: str, pipeline: beam.Pipeline) -> None:
    if not (isinstance(pipeline, RemotePipeline) and pipeline.was_stopped):
        locations.remove(scratch)
        return
    # Do not wait for a bucket that does not answer. A retry removes the remaining files.
    work = Work(lambda: locations.remove(scratch))
    work.start()
    work.join(_CLEANING_SECONDS)


def _pipeline(
    component: str, args: Sequence[str], options: BeamOptions, output: Artifact, scratch: str
) -> beam.Pipeline:
    try:
        if options.is_remote:
            return RemotePipeline(component, options, output, scratch)
        return beam.Pipeline(runner=options.runner(), options=options.pipeline_options)
    except ValueError as error:
        reason = " ".join(str(error).splitlines()[1:]) or f"{error}."  # the first line is a heading
        raise InputError(
            f"`beam_pipeline_args` is {list(args)}, which {options.runner_name} "
            f"refuses: {reason} Give the options that it needs, for example '--project=my-project'."
        ) from error


@contextlib.contextmanager
def _author_errors(options: BeamOptions) -> Iterator[None]:
    """Raises the error of a worker, extracted from the runner's message."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ComponentError):  # raised in this process
            raise type(error)(_STEP.sub("", str(error))) from error
        text = "".join(traceback.format_exception_only(error))
        found = next(filter(None, (form.search(text) for form in _COMPONENT_ERRORS)), None)
        if found:
            kind = InputError if found[1] == "InputError" else PlatformError
            raise kind(found[2]) from error
        if not options.is_remote:
            raise  # a bug, here or in a worker of this machine; its traceback shows the reason
        if refusal := dataflow_job.refusal(error):
            raise refusal from error
        if known := flink_errors.explained(text):
            raise known from error
        # The last line of a traceback has the error.
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise PlatformError(
            f"the pipeline of Beam did not end well on {options.runner_name}: "
            f"{reason}. See the runner's own logs of the job, then run the task again."
        ) from error
