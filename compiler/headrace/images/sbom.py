"""Writes the bill of materials of an image, as CycloneDX 1.6 JSON. Runs inside the image.

This only needs the standard library, and imports nothing of Headrace: the build mounts this one
file. The same image gives the same bytes, so there is no time stamp in it. Format:
https://cyclonedx.org/docs/1.6/json/
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_DPKG_STATUS = Path("/var/lib/dpkg/status")
_OS_RELEASE = Path("/etc/os-release")
# It comes with Beam's start program from the image of Beam's SDK, so no lock has it.
_CARRIED = frozenset({"pip"})


def bill(
    name: str,
    version: str,
    lock: str,
    installed: Mapping[str, str],
    debian: Sequence[Mapping[str, str]],
    release: str,
) -> dict[str, Any]:
    """Returns the parts of an image, in the form of CycloneDX.

    Args:
        name: Its component.
        version: Headrace's.
        lock: Text of the image's requirements.lock.
        installed: Versions by package, of the image's Python.
        debian: One paragraph of dpkg's status per package.
        release: Codename of the Debian release.

    Raises:
        ValueError: A package is installed that the lock does not have.
    """
    hashes = _locked(lock)
    normalized = {_normalized(package): each for package, each in installed.items()}
    strangers = sorted(
        f"{package}=={each}"
        for package, each in normalized.items()
        if (package, each) not in hashes and package not in _CARRIED
    )
    if strangers:
        raise ValueError(f"{name}: {strangers} are installed, and not in the image's lock.")
    python = [_python_package(*pin, hashes.get(pin, [])) for pin in sorted(normalized.items())]
    system = sorted(
        (_debian_package(paragraph, release) for paragraph in debian),
        key=lambda each: str(each["purl"]),
    )
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": f"headrace/{name}@{version}",
                "name": f"headrace/{name}",
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [*python, *system],
    }


def debian_packages(status: str) -> list[dict[str, str]]:
    """Returns the installed packages in dpkg's status file, one mapping of fields per package."""
    found = []
    for paragraph in status.split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in paragraph.splitlines()
            if re.match(r"[A-Z][\w-]*: ", line)
        )
        if fields.get("Status", "").endswith(" installed"):
            found.append(fields)
    return found


def _locked(lock: str) -> dict[tuple[str, str], list[str]]:
    """Returns the SHA-256 of the files that each pin of a lock admits."""
    found: dict[tuple[str, str], list[str]] = {}
    for requirement in re.split(r"\n(?=[A-Za-z0-9])", lock):
        pin = _PIN.match(requirement)
        if pin:
            found[_normalized(pin[1]), pin[2]] = _HASH.findall(requirement)
    return found


def _python_package(name: str, version: str, hashes: Sequence[str]) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{quote(version)}"
    package: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
    }
    if hashes:
        # The hashes of the files on the index, one of which was installed; a hash field here would
        # mean the package itself.
        reference = {
            "type": "distribution",
            "url": f"https://pypi.org/project/{name}/{quote(version)}/",
            "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
        }
        package["externalReferences"] = [reference]
    return package


def _debian_package(fields: Mapping[str, str], release: str) -> dict[str, Any]:
    name, version = fields["Package"], fields["Version"]
    purl = f"pkg:deb/debian/{name}@{quote(version, safe='~')}"
    purl += f"?arch={fields['Architecture']}&distro={release}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(arguments: Sequence[str]) -> None:
    """Writes the bill of the image that this runs in: component, version, lock, file to write."""
    name, version, lock, target = arguments
    release = re.search(r"^VERSION_CODENAME=(\w+)", _OS_RELEASE.read_text("utf-8"), re.MULTILINE)
    content = bill(
        name,
        version,
        Path(lock).read_text("utf-8"),
        {each.metadata["Name"]: each.version for each in distributions()},
        debian_packages(_DPKG_STATUS.read_text("utf-8")),
        release[1] if release else "debian",
    )
    Path(target).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
