"""The sizes of Compute Engine's machines, by their names.

Source: https://cloud.google.com/compute/docs/machine-resource
"""

import re

_NAME = re.compile(r"([a-z0-9]+)-(standard|highmem|highcpu)-([0-9]+)")

# GB of memory for each core; N1 differs from what came after it.
_N1 = {"standard": 3.75, "highmem": 6.5, "highcpu": 0.9}
_LATER = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0}
_FAMILIES = {"n1": _N1} | dict.fromkeys(("e2", "n2", "n2d", "c2", "c2d", "n4", "t2d"), _LATER)

# Machines that have their accelerators built in: cores, GB.
_WITH_ACCELERATORS = {
    "a2-highgpu-1g": ("12", "85G"),
    "a2-highgpu-2g": ("24", "170G"),
    "a2-highgpu-4g": ("48", "340G"),
    "a2-highgpu-8g": ("96", "680G"),
    "g2-standard-4": ("4", "16G"),
    "g2-standard-8": ("8", "32G"),
    "g2-standard-12": ("12", "48G"),
    "g2-standard-16": ("16", "64G"),
    "g2-standard-24": ("24", "96G"),
    "g2-standard-32": ("32", "128G"),
    "g2-standard-48": ("48", "192G"),
    "g2-standard-96": ("96", "384G"),
}


def cores_and_memory(machine: str) -> tuple[str, str] | None:
    """Returns the cores and the memory of a machine, as kfp takes limits; None if not known.

    Args:
        machine: Its name, as `n1-standard-4`.
    """
    if machine in _WITH_ACCELERATORS:
        return _WITH_ACCELERATORS[machine]
    found = _NAME.fullmatch(machine)
    if found is None or found[1] not in _FAMILIES:
        return None
    memory = int(found[3]) * _FAMILIES[found[1]][found[2]]
    return found[3], f"{memory:g}G"
