"""Explains the output of uv and pip to people who wait for an environment."""

import platform
import re
from collections.abc import Sequence
from pathlib import Path

from headrace_components.contract.errors import ComponentError, InputError, PlatformError

_DIFFERENT = re.compile(r"hash mismatch|do not match the hashes", re.IGNORECASE)
_PACKAGE = re.compile(r"`([^`\s]+==[^`\s]+)`|^\s+(\S+==\S+) from ", re.MULTILINE)
_EXPECTED = re.compile(r"Expected:?\s+sha256[: ]\s*([0-9a-f]{64})")
_RECEIVED = re.compile(r"(?:Computed:\s+sha256:|Got\s+)([0-9a-f]{64})")

_ERROR = re.compile(r"(?:error|cause): (.+)", re.IGNORECASE)

_UNREACHED = re.compile(
    r"Retrying \(Retry|error sending request|Failed to establish|Connection refused"
    r"|client error \(Connect\)|Temporary failure in name resolution|timed out",
    re.IGNORECASE,
)
_UNFIT = re.compile(
    r"no wheels with a matching|No matching distribution|no version of|Requires-Python"
    r"|not found in the package registry|not found in the provided package locations"
    r"|requirements are unsatisfiable|ResolutionImpossible",
    re.IGNORECASE,
)


def unmade(
    who: str,
    what: str,
    advice: str,
    python: str,
    command: Sequence[str],
    status: int,
    output: str,
    log: Path,
) -> ComponentError:
    """Returns the error for a command that failed while it made an environment.

    Args:
        who: Whose environment it is, for the message.
        what: The source of the environment.
        advice: The next step for the author if no package fits.
        python: Version of the Python that it was to have.
        command: The command that ran.
        status: Its exit status.
        output: The text that it printed.
        log: Where that can be read again.
    """
    begin = f"{who}: the environment of {what} could not be made"
    end = f"Nothing of it was kept; the whole output is in {log}."
    if _DIFFERENT.search(output):
        return PlatformError(
            f"{begin}: {_first(_PACKAGE, output)} came with the SHA-256 "
            f"{_first(_RECEIVED, output)}, expected {_first(_EXPECTED, output)} or another of the "
            f"lock. Find out what the package index serves, then run again. {end}"
        )
    reason = _reason(output) or f"{Path(command[0]).name} ended with {status}"
    if _UNREACHED.search(output):
        return PlatformError(
            f"{begin}: {reason}. Expected a package index that this machine reaches: connect it, "
            "or set UV_DEFAULT_INDEX (uv) or PIP_INDEX_URL (pip) to one, then run again. " + end
        )
    if _UNFIT.search(output):
        libc = " ".join(platform.libc_ver()).strip()
        return InputError(
            f"{begin}: {reason}. Expected packages for Python {python}, {libc} "
            f"on {platform.machine()}. {advice} {end}"
        )
    return PlatformError(f"{begin}: {reason}. Expected exit status 0. Mend that, run again. {end}")


def _reason(output: str) -> str:
    """Returns the error and its innermost cause, as one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [found[1] for line in lines if (found := _ERROR.match(line))] or lines[-1:]
    return "; ".join(dict.fromkeys([*errors[:1], *errors[-1:]]))[:600].rstrip(".")


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return next((group for group in found.groups() if group), "") if found else "an unknown one"
