"""`headrace serve`: answers requests with a model, as TensorFlow Serving does."""

import tempfile
from pathlib import Path

import click

from headrace.cli.served_models import served_model
from headrace.targets.local.shared.options import DEFAULT_ROOT

LOOPBACK = "127.0.0.1"


@click.command()
@click.argument("model", metavar="DIR|RUN")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port for gRPC; 0 for any free one. Default: 8500, or a free one if it is taken.",
)
@click.option(
    "--rest-port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port for REST; 0 for any free one. Default: 8501, or a free one if it is taken.",
)
@click.option(
    "--host",
    default=LOOPBACK,
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen at. 0.0.0.0 lets other machines ask, without any password.",
)
@click.option(
    "--name", default="", metavar="NAME", help="The model's name. Default: that of DIR or pipeline."
)
@click.option(
    "--server",
    type=click.Choice(["auto", "tensorflow_model_server", "embedded"]),
    default="auto",
    show_default=True,
    help="tensorflow_model_server: TensorFlow Serving, which listens at all addresses. embedded: "
    "Headrace's own. auto: the first for --host 0.0.0.0 if it is on the PATH, else the second.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(DEFAULT_ROOT),
    show_default=True,
    help="Directory of runs, if RUN is one.",
)
def serve(
    model: str,
    port: int | None,
    rest_port: int | None,
    host: str,
    name: str,
    server: str,
    root: Path,
) -> int:
    """Answer requests with a model by REST and gRPC, as TensorFlow Serving does, until Ctrl-C.

    DIR is the directory that a pusher writes, with a directory for each version: the newest version
    is served, and each newer one from when it is there. Or it is a SavedModel.

    RUN is a run on this machine, such as latest: the model that it pushed, else its blessed or its
    last one.
    """
    # Import late: the help does not need these.
    from headrace.cli.model_server import ModelServer, chosen_ports, server_command

    found = served_model(model, root, name)
    for note in found.notes:
        click.echo(note, err=True)
    command = server_command(server, host)
    grpc_port, http_port = chosen_ports(host, port, rest_port)
    with tempfile.TemporaryDirectory(prefix="headrace-serve-") as directory:
        running = ModelServer(
            command=command,
            model=found,
            host=host,
            port=grpc_port,
            rest_port=http_port,
            directory=Path(directory),
        )
        running.run(click.echo)
    return 0
