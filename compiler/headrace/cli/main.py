"""The `headrace` command and its subcommands.

A command's module is only imported when the command is called: `headrace --help` and
`headrace compile` must not pay for the imports of `headrace run`.
"""

import contextlib
import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from headrace_components.contract.errors import ComponentError, InputError, PlatformError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EXIT_TASK_FAILED = 1
EXIT_INPUT_ERROR = 2
# EX_TEMPFAIL of sysexits.h, like components for failures of the platform. Runs elsewhere go on.
EXIT_PLATFORM_ERROR = 75
# A shell's exit code for a program that Ctrl-C ended: 128 + SIGINT.
EXIT_INTERRUPTED = 130

# Each command is the object of the same name in headrace.cli.<name>. The texts are repeated here so
# that listing the commands does not import them.
_COMMANDS = {
    "new": "Make a project that runs as it is.",
    "compile": "Compile a pipeline for a target.",
    "run": "Run a pipeline on this machine.",
    "submit": "Run a pipeline on Vertex AI or Kubeflow, once or on a schedule.",
    "runs": "List, compare, watch, cancel and delete runs, here or on Vertex AI or Kubeflow.",
    "logs": "Print the logs of a run, or of one task of it.",
    "diff": "Show what changed between two runs.",
    "schedules": "List, pause, resume and delete schedules on Vertex AI or Kubeflow.",
    "why": "Say why a task ran, or was answered by the cache.",
    "spin": "Run one task of a run again, with the code as it is now.",
    "gc": "Remove old runs, leftovers and unused environments.",
    "lineage": "Show runs with their inputs and outputs.",
    "ui": "Show runs, tasks and artifacts in a browser.",
    "images": "List, lock, build and push the images that components run in.",
    "completion": "Print the script for completion in a shell.",
    "convert": "Write the kfp pipeline file for a TFX pipeline.",
    "serve": "Answer requests with a model, as TensorFlow Serving does.",
    "doctor": "Show what this machine can run, and what is missing.",
}


class _LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"headrace.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        if ctx.resilient_parsing:  # a shell completes
            importlib.import_module("headrace.cli.completed_values").complete_values(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Returns the commands that a shell offers, without importing them."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=text)
            for name, text in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if ctx.resilient_parsing and name not in _COMMANDS:
            return None, None, []
        if name not in _COMMANDS:
            near = difflib.get_close_matches(name, _COMMANDS, n=1)
            advice = f"Did you mean {near[0]!r}?" if near else "`headrace --help` lists them."
            raise InputError(
                f"headrace: there is no command {name!r}, only {list(_COMMANDS)}. {advice}"
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@click.version_option(package_name="headrace", message="headrace %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Compile pipelines for Vertex AI and Kubeflow, and run them on this machine."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Words after `headrace`; the process's own by default.

    Returns:
        0 when all is done, `EXIT_TASK_FAILED` when a task or a run failed, `EXIT_INPUT_ERROR` when
        the command line, the pipeline or a setting has to change, `EXIT_PLATFORM_ERROR` when a
        service cannot be reached or refuses this account.
    """
    try:
        _check_directory()
        result = cli.main(
            args=None if arguments is None else list(arguments),
            prog_name="headrace",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        _print_error(" ".join(error.format_message().split()))
        return EXIT_INPUT_ERROR
    except InputError as error:
        _print_error(str(error))
        return EXIT_INPUT_ERROR
    except PlatformError as error:
        _print_error(str(error))
        return EXIT_PLATFORM_ERROR
    except ComponentError as error:
        _print_error(str(error))
        return EXIT_TASK_FAILED
    except OSError as error:
        if not _is_of_output(error):
            raise
        _write_no_more()
        _print_error(
            f"headrace: could not write to standard output: {error.strerror}. What the command did "
            "is done; free space, or send its output elsewhere, and run it again to read it."
        )
        return EXIT_TASK_FAILED
    return result if isinstance(result, int) else 0


def _check_directory() -> None:
    try:
        os.getcwd()  # noqa: PTH109  asked, not used
    except OSError as error:
        raise InputError(
            f"headrace: the current directory cannot be read ({error.strerror}): it was removed or "
            "moved. Change to one that is there, for example by `cd`."
        ) from error


def _is_of_output(error: OSError) -> bool:
    """Returns whether an error is of writing to standard output: here, or by click's `echo`."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return last.filename in (__file__, click.utils.__file__) and last.name in ("main", "echo")


def _write_no_more() -> None:
    # The rest of the buffer would fail again when the process ends.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _print_error(message: str) -> None:
    # https://no-color.org: set and not empty means no colour; else click asks the terminal.
    color = False if os.environ.get("NO_COLOR") else None
    with contextlib.suppress(OSError):  # the exit code still shows it
        click.echo(
            click.style("error:", fg="red", bold=True) + " " + message, err=True, color=color
        )


if __name__ == "__main__":
    sys.exit(main())
