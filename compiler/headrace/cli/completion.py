"""`headrace completion`: completes commands, options, runs, tasks and images in a shell."""

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_HEADRACE_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete what you type after `headrace`.

    bash: add `eval "$(headrace completion bash)"` to ~/.bashrc.

    zsh: add `eval "$(headrace completion zsh)"` to ~/.zshrc, behind `compinit`.

    fish: run `headrace completion fish > ~/.config/fish/completions/headrace.fish`.
    """
    found = get_completion_class(shell)
    if found is not None:
        click.echo(found(context.find_root().command, {}, "headrace", _VARIABLE).source())
