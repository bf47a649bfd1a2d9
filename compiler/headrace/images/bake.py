"""Writes `docker-bake.hcl`, so that `docker buildx bake` builds all images side by side."""

import json
from pathlib import Path

from headrace.images import building
from headrace.images.building import Settings
from headrace.images.definitions import Image, images, variants

BAKE_FILE = "docker-bake.hcl"

_HEAD = """\
# `headrace images bake` writes this from the folders beside it. At the root of the source tree:
#   docker buildx bake --file images/docker-bake.hcl [IMAGE...]

variable "REGISTRY" { default = "localhost/headrace" }
variable "TAG" { default = "dev" }
variable "VERSION" { default = "0" }
variable "REVISION" { default = "" }
variable "SOURCE" { default = "" }
# Another base than the Dockerfile's, by digest.
variable "DEBIAN" { default = null }
# A file of certificates to trust while building.
variable "HEADRACE_CA_BUNDLE" { default = "" }

target "image" {
  context    = "."
  dockerfile = "images/Dockerfile"
  target     = "component"
  secret     = HEADRACE_CA_BUNDLE == "" ? [] : ["id=ca,src=${HEADRACE_CA_BUNDLE}"]
}
"""

_TARGET = """
target "{name}" {{
  inherits = ["image"]
  tags     = ["${{REGISTRY}}/{name}:${{TAG}}"]
  args = {{
{arguments}
  }}
}}
"""


def text(root: Path) -> str:
    """Returns the file's text for the images of a folder `images/`."""
    groups = {"default": images(root), "variants": variants(root)}
    lines = [
        f'group "{name}" {{ targets = {json.dumps([each.name for each in group])} }}\n'
        for name, group in groups.items()
    ]
    every = [image for group in groups.values() for image in group]
    return _HEAD + "\n" + "".join(lines) + "".join(_target(image, root) for image in every)


def _target(image: Image, root: Path) -> str:
    arguments = {
        **building.stage_arguments(image),
        **building.carried(image, Settings(root=root)),
        "DESCRIPTION": building.description(image, root.parent),
    }
    lines = [f"    {name} = {json.dumps(value)}" for name, value in arguments.items()]
    lines += [f"    {name} = {name}" for name in ("DEBIAN", "REVISION", "SOURCE", "VERSION")]
    return _TARGET.format(name=image.name, arguments="\n".join(lines))
