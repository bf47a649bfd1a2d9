"""Plans the build of each image, and builds it."""

import ast
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from headrace.images import definitions, engines, locking
from headrace.images.built import DEFAULT_TAG, LOCAL_REGISTRY, PYTHON_VERSION, reference
from headrace.images.definitions import LAYERS, Image
from headrace.images.engines import Build, Engine
from headrace_components.contract.errors import InputError, PlatformError

DOCKERFILE = "Dockerfile"
BASE = f"{LOCAL_REGISTRY}/base:trixie"
"""The base that `make base` makes, if debian:trixie-slim cannot be pulled."""

MAKE_BASE = "mmdebstrap"
"""The value of `--base` for that base."""

LEFT_OUT = "none"
"""The value for "no image", if others would be copied from it."""

# The Dockerfile's stage for it.
_NOTHING = "nothing"

_BEAM_SDK = "docker.io/apache/beam_python{python}_sdk:{version}"
_SERVING = "docker.io/tensorflow/serving:{version}"
_SERVER_OWNER = "infra_validator"

# Equal to debian:trixie-slim: no manuals, no translations, of the documentation the licences.
_MMDEBSTRAP = (
    "mmdebstrap",
    "--variant=minbase",
    "--components=main",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    '--aptopt=Acquire::Languages "none"',
    '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/*',
    "trixie",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings that all builds of a call share.

    Attributes:
        root: The folder `images/`; the folder around it is the context.
        tag: The tag that images get.
        base: The image to begin with; empty for the Dockerfile's own, `MAKE_BASE` for `BASE`.
        beam_sdk: The image of Beam's SDK; empty for the version in the lock, `LEFT_OUT` for none.
        serving: The image of TensorFlow Serving, likewise.
        ca: Certificates to trust while building.
    """

    root: Path
    tag: str = DEFAULT_TAG
    base: str = ""
    beam_sdk: str = ""
    serving: str = ""
    ca: Path | None = None


def plan(image: Image, settings: Settings) -> Build:
    """Returns how an image is built.

    Raises:
        InputError: A layer is named, a lock is out of date, or the file of certificates does not
            exist.
    """
    if image.name.startswith(f"{LAYERS}/"):
        raise InputError(
            f"images: {image.name} is a layer, which is built with the images on it. Name images."
        )
    below = [layer for layer in definitions.layers(settings.root) if layer.folder in image.chain()]
    for each in [*below, image]:
        locking.check_current(each)
    if settings.ca is not None and not settings.ca.is_file():
        raise InputError(
            f"images: the certificates {str(settings.ca)!r} are not a file. Correct --ca, or "
            "HEADRACE_CA_BUNDLE."
        )
    context = settings.root.parent
    arguments = {
        **stage_arguments(image),
        **carried(image, settings),
        **_labels(image, context),
    }
    base = BASE if settings.base == MAKE_BASE else settings.base
    if base:
        arguments["DEBIAN"] = base
    return Build(
        dockerfile=settings.root / DOCKERFILE,
        context=context,
        target="component",
        reference=reference(image.name, settings.tag),
        arguments=arguments,
        ca=settings.ca,
    )


def stage_arguments(image: Image) -> dict[str, str]:
    """Returns the arguments by which the Dockerfile builds this image."""
    return {
        "COMPONENT": image.component,
        "IMAGE": image.name,
        "LAYER": image.layer.name if image.layer else "base",
    }


def carried(image: Image, settings: Settings) -> dict[str, str]:
    """Returns the images that this one copies from, always both: buildah has no defaults here."""
    pins = dict(re.findall(r"^([a-z0-9-]+)(?:\[\S+\])?==(\S+)", _text(image.lock), re.MULTILINE))
    sdk = serving = ""
    if "apache-beam" in pins:
        python = PYTHON_VERSION
        sdk = settings.beam_sdk or _BEAM_SDK.format(python=python, version=pins["apache-beam"])
    if image.component == _SERVER_OWNER:
        wanted = pins["tensorflow-serving-api"]
        serving = settings.serving or _SERVING.format(version=wanted)
    return {
        "BEAM_SDK": _NOTHING if sdk in ("", LEFT_OUT) else sdk,
        "SERVING": _NOTHING if serving in ("", LEFT_OUT) else serving,
    }


def lacking(image: Image, settings: Settings) -> list[str]:
    """Returns the missing parts of an image and the consequences, one sentence each."""
    found = []
    if settings.beam_sdk == LEFT_OUT and "apache-beam" in _text(image.lock):
        found.append(
            "has no start program of Beam: it is not an image of Dataflow's or Flink's workers"
        )
    if settings.serving == LEFT_OUT and image.component == _SERVER_OWNER:
        found.append("has no TensorFlow Serving: `model_server` has to name another program")
    return [f"{image.name}: {each}." for each in found]


def build(images: Iterable[Image], settings: Settings, engine: Engine) -> list[str]:
    """Builds images, one after another, and returns their references.

    All builds are planned before the first one starts, so that a stale lock is reported at once.

    Raises:
        InputError: As `plan` and `make_base`.
        PlatformError: The engine could not build one.
    """
    plans = [plan(image, settings) for image in images]
    if settings.base == MAKE_BASE and not engine.has(BASE):
        make_base(engine)
    for each in plans:
        engines.call(engine.build_command(each), f"build {each.reference}", _advice(each))
    return [each.reference for each in plans]


def make_base(engine: Engine) -> None:
    """Makes `BASE` from Debian's packages with mmdebstrap, again if it exists.

    Raises:
        PlatformError: mmdebstrap is not installed, or reaches no mirror of Debian.
    """
    with tempfile.TemporaryDirectory() as directory:
        archive = Path(directory, "base.tar")
        advice = "Check that a mirror of Debian is reached, and that this runs as root."
        try:
            engines.call([*_MMDEBSTRAP, str(archive)], "make the base", advice)
        except FileNotFoundError as error:
            raise PlatformError(
                "images: the base is made by mmdebstrap, which is not installed. Run "
                "`apt-get install mmdebstrap`, or name an image with --base."
            ) from error
        for command in engine.import_commands(archive, BASE):
            engines.call(command, f"import {BASE}", "Check the disk of the engine's store.")


def description(image: Image, context: Path) -> str:
    """Returns the first line of the docstring of an image's component."""
    file = context / "components/headrace_components" / image.component / "component.py"
    if not file.is_file():
        return ""
    return (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").partition("\n")[0]


def _labels(image: Image, context: Path) -> Mapping[str, str]:
    remote = _git(context, "config", "--get", "remote.origin.url")
    # A remote may contain a password, and `git@host:` is not an address that a browser can open.
    is_public = re.fullmatch(r"https://[^@\s]+", remote)
    return {
        "DESCRIPTION": description(image, context),
        "VERSION": version("headrace"),
        "REVISION": _git(context, "rev-parse", "HEAD"),
        "SOURCE": remote if is_public else "",
    }


def _git(context: Path, *words: str) -> str:
    try:
        result = subprocess.run(
            ["git", "-C", str(context), *words], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:  # a source tree without git has no revision
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def _advice(build: Build) -> str:
    sources = {
        "DEBIAN": f"--base {MAKE_BASE} makes the base",
        "BEAM_SDK": f"--beam-sdk {LEFT_OUT} builds without {build.arguments['BEAM_SDK']}",
        "SERVING": f"--serving {LEFT_OUT} builds without {build.arguments['SERVING']}",
    }
    unused = {name for name in ("BEAM_SDK", "SERVING") if build.arguments[name] == _NOTHING}
    if "DEBIAN" in build.arguments:
        unused.add("DEBIAN")
    ways = "; ".join(text for name, text in sources.items() if name not in unused)
    hint = f" Where an image cannot be pulled: {ways}." if ways else ""
    return f"What it printed above says where.{hint} --ca has a proxy's certificates."


def _text(file: Path) -> str:
    return file.read_text("utf-8") if file.is_file() else ""
