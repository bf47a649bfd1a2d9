"""Ports for programs that cannot say which one the system gave them."""

import contextlib
import random
import socket
from pathlib import Path

_LOWEST = 10_000
# The system gives clients the ports from here on, so another test's connection may get one of
# those between the search and the start of the program.
_CLIENTS_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(number: int) -> list[int]:
    """Returns different free ports of this machine that the system gives to no client."""
    end = int(_CLIENTS_RANGE.read_text("utf-8").split()[0]) if _CLIENTS_RANGE.exists() else 32_768
    found = list[int]()
    with contextlib.ExitStack() as stack:
        # Tests that run side by side rarely try the same one.
        for port in random.SystemRandom().sample(range(_LOWEST, end), 1_000):
            if len(found) == number:
                return found
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("localhost", port))
                found.append(port)
    raise RuntimeError(f"of 1000 ports from {_LOWEST} to {end}, {len(found)} are free")
