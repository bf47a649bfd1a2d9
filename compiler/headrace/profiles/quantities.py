"""Sizes of memory and durations, as written in profiles."""

import re

# The decimal and binary suffixes of Kubernetes' resource.Quantity:
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity
_UNITS: dict[str, int] = {
    "": 1,
    **{prefix: 1000 ** (power + 1) for power, prefix in enumerate("KMGTP")},
    **{f"{prefix}i": 1024 ** (power + 1) for power, prefix in enumerate("KMGTP")},
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGTP]i?)?")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]+)([smhd])")

SIZE_WORDS = "a size such as '16G' or '512Mi'"
DURATION_WORDS = "a whole number of s, m, h or d such as '30s' or '2h'"


def size_in_bytes(text: str) -> float | None:
    """Returns the bytes of a size such as `16G` (10^9 bytes each) or `16Gi` (2^30), else None."""
    found = _SIZE.fullmatch(text)
    if found is None or not float(found[1]):
        return None
    return float(found[1]) * _UNITS[found[2] or ""]


def seconds(text: str) -> int | None:
    """Returns the seconds of a duration such as `30s`, `5m`, `2h` or `1d`, None for other texts."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None
