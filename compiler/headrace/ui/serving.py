"""Starts the server of `headrace ui`."""

import secrets
import socket
from collections.abc import Callable

import uvicorn

from headrace.ui.access import TOKEN, is_loopback
from headrace.ui.app import application
from headrace.ui.site import Site
from headrace_components.contract.errors import InputError

DEFAULT_PORT = 8300
_SHUTDOWN_SECONDS = 1


def serve(site: Site, *, host: str, port: int | None, ready: Callable[[str], None]) -> None:
    """Serves the pages until a signal ends it.

    Args:
        site: What they show.
        host: The address to listen at. Any but this machine's own needs a token.
        port: The port; 0 for a free one; None for `DEFAULT_PORT`, or a free one if it is taken.
        ready: Gets the address for a browser, once the server listens.

    Raises:
        InputError: The address cannot be listened at.
    """
    listener = _listener(host, port)
    token = "" if is_loopback(host) else secrets.token_urlsafe(24)
    server = uvicorn.Server(
        uvicorn.Config(
            application(site, host=host, token=token),
            access_log=False,
            http="h11",
            lifespan="off",
            log_level="warning",
            proxy_headers=False,  # what a client says of itself is not believed
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            ws="none",
        )
    )
    with listener:
        ready(_address(host, listener.getsockname()[1], token))
        server.run(sockets=[listener])


def _listener(host: str, port: int | None) -> socket.socket:
    try:
        return _bound(host, DEFAULT_PORT if port is None else port)
    except OSError as error:
        if port is None:
            return _listener(host, 0)
        raise InputError(
            f"headrace ui: {host}:{port} cannot be listened at ({error.strerror}). Choose another "
            "--port, or --port 0 for any free one; --host takes an address of this machine."
        ) from error


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # A new server may have the port of one that has just ended.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _address(host: str, port: int, token: str) -> str:
    # No browser opens `0.0.0.0`.
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    shown = f"[{name}]" if ":" in name else name
    return f"http://{shown}:{port}/" + (f"?{TOKEN}={token}" if token else "")
