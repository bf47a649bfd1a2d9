"""Reads `beam_pipeline_args`."""

import argparse
import contextlib
import difflib
import io
from collections.abc import Iterator, Sequence
from typing import Any

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, TypeOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import create_runner

from headrace_components.contract.errors import InputError
from headrace_components.library.beam import local_workers

# Runners on this machine, in this process or in other processes.
_DIRECT_RUNNERS = ("DirectRunner", "SwitchingDirectRunner")
_LOCAL_RUNNERS = (*_DIRECT_RUNNERS, "FnApiRunner", "BundleBasedDirectRunner", "PrismRunner")

# Java runners have more options; Beam's parser gets them from the job server.
_PYTHON_RUNNERS = (*_LOCAL_RUNNERS, "DataflowRunner")

# Headrace's own option; Beam's job servers do not use it.
_FLINK_REST = "--flink_rest"


class BeamOptions:
    """The options in `beam_pipeline_args`.

    Args:
        args: Beam's command line, such as `["--runner=DataflowRunner", "--region=europe-west1"]`.

    Attributes:
        flink_rest: URL of the REST API of the Flink behind the job server, from `--flink_rest`;
            empty without it.

    Raises:
        InputError: An option is unknown to Beam or lacks its value.
    """

    def __init__(self, args: Sequence[str]) -> None:
        self.flink_rest, args = _flink_rest(args)
        self.pipeline_options = _parsed(args)
        # The annotations are for mypy: Beam fails on some of them, such as Sequence.
        self.pipeline_options.view_as(TypeOptions).pipeline_type_check = False
        name = self.pipeline_options.view_as(StandardOptions).runner or "DirectRunner"
        self.runner_name = _class_name(name)
        if self.runner_name in _PYTHON_RUNNERS:
            _check_known([*args, *([_FLINK_REST] if self.flink_rest else [])])

    @property
    def is_remote(self) -> bool:
        """Whether workers run on other machines, which do not see the files of this machine."""
        return self.runner_name not in _LOCAL_RUNNERS

    def check_seen(self, location: str) -> None:
        """Raises an InputError if workers cannot see a path.

        Only workers of Dataflow are checked: others may share disks with this machine.
        """
        if self.runner_name == "DataflowRunner" and "://" not in location:
            raise InputError(
                f"`beam_pipeline_args` sets DataflowRunner, whose workers do "
                f"not see {location}, expected a URI such as gs://bucket/data. Keep the data, and "
                "the root of the pipeline, in a bucket, or leave the runner out."
            )

    def check_known(self, location: str) -> None:
        """Raises an InputError if Beam has no file system for a URI."""
        try:
            FileSystems.get_filesystem(location)
        except (ValueError, BeamIOError) as error:
            raise InputError(
                f"Beam's workers cannot read {location} ({error}), expected a "
                "path, or a URI of a file system that Beam has here, such as gs:// or s3://. Keep "
                "the root of the pipeline there, or leave the runner out of `beam_pipeline_args`."
            ) from error

    def runner(self) -> Any:
        """Returns the runner for `beam.Pipeline`.

        DirectRunner is Beam's in-memory FnApiRunner, with as many workers as `--direct_num_workers`
        and `--direct_running_mode` set. Given its name, Beam 2.72 would try to download a server.
        """
        if self.runner_name not in _DIRECT_RUNNERS:
            return self.runner_name
        local_workers.register()
        return FnApiRunner()


def _flink_rest(args: Sequence[str]) -> tuple[str, list[str]]:
    """Returns the value of `--flink_rest`, and the other options."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(_FLINK_REST, nargs="?", const="")
    found, others = parser.parse_known_args(args)
    url: str | None = found.flink_rest
    if url is not None and not url.startswith(("http://", "https://")):
        raise InputError(
            f"`beam_pipeline_args` has {url!r} for {_FLINK_REST}, expected the URL of "
            f"Flink's REST API. Write it as '{_FLINK_REST}=http://flink-jobmanager:8081'."
        )
    return url or "", others


def _parsed(args: Sequence[str]) -> PipelineOptions:
    stderr = io.StringIO()
    try:
        # argparse prints the error and exits.
        with contextlib.redirect_stderr(stderr):
            options = PipelineOptions(list(args))
            options.get_all_options()
    except SystemExit as error:
        reason = stderr.getvalue().strip().rpartition("error: ")[2]
        raise InputError(
            f"`beam_pipeline_args` is {list(args)}: {reason}. Write each option as "
            "Beam's command line has it, for example '--runner=DataflowRunner'."
        ) from error
    return options


def _class_name(runner: str) -> str:
    """Returns the name of the runner's class; Beam also accepts `Dataflow` and `dataflowrunner`."""
    try:
        return type(create_runner(runner)).__name__
    except (ValueError, ImportError) as error:
        raise InputError(
            f"`beam_pipeline_args` sets the runner {runner!r}, which Beam does not "
            "have here. Use DirectRunner, DataflowRunner, FlinkRunner, SparkRunner or "
            "PortableRunner."
        ) from error


def _check_known(args: Sequence[str]) -> None:
    known = set(_known_flags(PipelineOptions))
    for arg in args:
        flag = arg.partition("=")[0]
        if not flag.startswith("--"):
            continue  # the value of the option before it
        if flag not in known:
            near = difflib.get_close_matches(flag, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "See Beam's pipeline options."
            raise InputError(
                f"`beam_pipeline_args` has {arg!r}, which is not an option of Beam. {hint}"
            )


def _known_flags(options: type[PipelineOptions]) -> Iterator[str]:
    for subclass in options.__subclasses__():
        if "_add_argparse_args" in vars(subclass):
            parser = argparse.ArgumentParser(add_help=False, conflict_handler="resolve")
            parser.add_value_provider_argument = parser.add_argument  # type: ignore[attr-defined]
            subclass._add_argparse_args(parser)
            yield from parser._option_string_actions
        yield from _known_flags(subclass)
