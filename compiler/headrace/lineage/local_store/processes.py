"""Gives a process a name, by which a later process finds out whether it still runs."""

import os
import socket
from pathlib import Path


def this_process() -> str:
    """Returns a unique name of this process: host, pid and time of its start."""
    return f"{socket.gethostname()}/{os.getpid()}/{_start_ticks(os.getpid())}"


def is_gone(process: str) -> bool:
    """Returns whether `process`, a name from `this_process`, was on this host and has ended."""
    host, _, rest = process.rpartition("/")[0].rpartition("/")
    if host != socket.gethostname() or not rest.isdigit():
        return False
    return _start_ticks(int(rest)) != process.rpartition("/")[2]


def _start_ticks(pid: int) -> str:
    # Field 22 of /proc/<pid>/stat, proc(5). The second field is the program's name in parentheses
    # and may contain anything. Without /proc every process counts as alive.
    path = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return ""
    try:
        return path.read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return "gone"
