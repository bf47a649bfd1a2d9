"""The bill of materials of an image is valid CycloneDX, complete and deterministic."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from headrace.images import definitions, sbom

ROOT = Path(__file__).parents[2] / "images"
IMAGES = [*definitions.images(ROOT), *definitions.variants(ROOT)]

LOCK = """\
# `make lock/mine` resolved it.
apache-beam[gcp]==2.77.0 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{a}
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{b}
""".format(a="a" * 64, b="b" * 64)

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12+deb13u4
Description: GNU C Library
 Shared libraries

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1:2
"""


def mine(installed: dict[str, str]) -> dict[str, Any]:
    return sbom.bill(
        "mine", "0.1.0", LOCK, installed, sbom.debian_packages(STATUS), release="trixie"
    )


def test_every_installed_package_is_in_it_with_its_hashes() -> None:
    content = mine({"apache_beam": "2.77.0", "numpy": "2.5.5"})
    assert [each["purl"] for each in content["components"]] == [
        "pkg:pypi/apache-beam@2.77.0",
        "pkg:pypi/numpy@2.5.5",
        "pkg:deb/debian/libc6@2.41-12%2Bdeb13u4?arch=amd64&distro=trixie",
    ]
    (reference,) = content["components"][1]["externalReferences"]
    assert reference["hashes"] == [{"alg": "SHA-256", "content": "b" * 64}]


def test_what_the_lock_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mine: \['numpy==1.0', 'uv==0.13.9'\] are installed"):
        mine({"numpy": "1.0", "uv": "0.13.9"})


def test_the_same_image_gives_the_same_bytes() -> None:
    one = mine({"apache_beam": "2.77.0", "numpy": "2.5.5"})
    other = mine({"numpy": "2.5.5", "apache_beam": "2.77.0"})
    assert json.dumps(one) == json.dumps(other)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_the_bill_of_a_lock_is_as_the_format_requires(image: definitions.Image) -> None:
    lock = image.lock.read_text("utf-8")
    pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[\S+\])?==([^\s;]+)", lock, re.MULTILINE)
    content = sbom.bill(image.name, "0.1.0", lock, dict(pins), [], "trixie")
    check_cyclonedx(content)
    assert len(content["components"]) == len(dict(pins))
    assert all("externalReferences" in each for each in content["components"])


def check_cyclonedx(content: dict[str, Any]) -> None:
    """Checks the requirements of bom-1.6.schema.json for the fields that we write."""
    assert content["bomFormat"] == "CycloneDX"
    assert content["specVersion"] == "1.6"
    assert content["version"] >= 1
    assert content["metadata"]["component"]["type"] == "container"
    references = [each["bom-ref"] for each in content["components"]]
    assert len(set(references)) == len(references)
    for component in content["components"]:
        assert component["type"] == "library"
        assert component["name"]
        assert re.fullmatch(r"pkg:(pypi|deb/debian)/[a-z0-9.+_-]+@\S+", component["purl"])
        for reference in component.get("externalReferences", []):
            assert reference["type"] == "distribution"
            for each in reference["hashes"]:
                assert each["alg"] == "SHA-256"
                assert re.fullmatch(r"[0-9a-f]{64}", each["content"])
