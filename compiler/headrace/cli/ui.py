"""`headrace ui`: a local web page over runs."""

import os
import sys
import webbrowser
from pathlib import Path

import click

from headrace.extras import require
from headrace.target_registry import TARGETS


@click.command()
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path("headrace_root"),
    show_default=True,
    help="Root directory of the runs on this machine.",
)
@click.option(
    "--target",
    type=click.Choice(list(TARGETS)),
    default="local",
    show_default=True,
    help="The target of the runs. Runs of a service are shown and not changed.",
)
@click.option(
    "--metadata",
    metavar="URL",
    default="",
    help="Metadata store, if it is not in the root; as for `headrace lineage`.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="headrace.toml",
    help="Target profile. Default: headrace.toml of the current directory, if it exists.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port of the page; 0 for any free one. Default: 8300, or a free one if it is taken.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen at. For any but this machine's own, the printed address has a token, "
    "which browsers must show.",
)
@click.option("--browser/--no-browser", default=True, help="Whether to open a browser.")
def ui(
    root: Path,
    target: str,
    metadata: str,
    config: Path | None,
    port: int | None,
    host: str,
    browser: bool,
) -> int:
    """Show runs, their tasks and artifacts in a browser, until Ctrl-C."""
    for module in ("jinja2", "starlette", "uvicorn"):
        require(module, extra="ui", who="headrace ui", purpose="its pages")
    from headrace.ui.serving import serve
    from headrace.ui.site import Site

    site = Site(target=target, root=root.absolute(), metadata=metadata, config=config)

    def ready(address: str) -> None:
        click.echo(f"Runs under {site.root}: {address}  (Ctrl-C ends the server)")
        if browser and _has_screen():
            webbrowser.open(address)

    try:
        serve(site, host=host, port=port, ready=ready)
    except KeyboardInterrupt:  # the usual way to end it
        click.echo("")
    return 0


def _has_screen() -> bool:
    """Returns whether a browser has a window here, and would not take the terminal."""
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
