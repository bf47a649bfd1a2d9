"""`headrace images`: lists, locks, builds and pushes the images that components run in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from headrace.cli.flexible_group import FlexibleGroup
from headrace.images import bake, building, definitions, engines, locking, places, pushing
from headrace.images.built import DEFAULT_TAG
from headrace_components.contract.errors import InputError

_tag = click.option("--tag", default=DEFAULT_TAG, show_default=True, help="Tag of the images.")
_engine = click.option(
    "--engine",
    envvar="HEADRACE_ENGINE",
    default="",
    help="docker, podman or buildah, with options if needed, such as 'podman --runtime runc'. "
    "Default: the first that works.  [env: HEADRACE_ENGINE]",
)
_engine_options = click.option(
    "--engine-options",
    envvar="HEADRACE_ENGINE_OPTIONS",
    default="",
    help="Options of its build, such as '--network host'.  [env: HEADRACE_ENGINE_OPTIONS]",
)


def _build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options for the sources of images."""
    for option in (
        click.option(
            "--ca",
            envvar="HEADRACE_CA_BUNDLE",
            type=click.Path(path_type=Path),
            help="Certificates to trust in builds, such as those of a proxy; no image keeps them.  "
            "[env: HEADRACE_CA_BUNDLE]",
        ),
        click.option(
            "--serving",
            envvar="HEADRACE_SERVING",
            default="",
            help="The image with the TensorFlow Serving for infra_validator, or 'none'.  "
            "[env: HEADRACE_SERVING]",
        ),
        click.option(
            "--beam-sdk",
            envvar="HEADRACE_BEAM_SDK",
            default="",
            help="The image with Beam's start program for workers, or 'none'.  "
            "[env: HEADRACE_BEAM_SDK]",
        ),
        click.option(
            "--base",
            envvar="HEADRACE_BASE",
            default="",
            help="A base other than debian:trixie-slim; 'mmdebstrap' makes one if it cannot be "
            "pulled.  [env: HEADRACE_BASE]",
        ),
    ):
        command = option(command)
    return command


@click.group(cls=FlexibleGroup)
@click.option(
    "--images",
    "root",
    type=click.Path(path_type=Path),
    help="The folder with the definitions of the images. Default: images of a source tree, if the "
    "current directory is one, else the definitions that were installed with Headrace.",
)
@click.pass_context
def images(context: click.Context, root: Path | None) -> None:
    """List, lock, build and push the images of the components."""
    context.obj = root or places.definitions_root()


@images.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def list_images(root: Path, as_json: bool) -> None:
    """List the images, the layer that each begins with, and whether its lock is current.

    JSON: a list of {image, component, layer, packages, is_locked}, where layer may be null. An
    image whose name is not that of its component is a variant, and is only built and pushed if you
    name it.
    """
    rows = [
        {
            "image": image.name,
            "component": image.component,
            "layer": image.layer.name if image.layer else None,
            "packages": locking.num_packages(image),
            "is_locked": locking.is_current(image),
        }
        for image in [*definitions.images(root), *definitions.variants(root)]
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"{'IMAGE':<24}{'LAYER':<14}{'PACKAGES':<10}LOCK")
    for row in rows:
        state = "current" if row["is_locked"] else f"make lock/{row['image']}"
        click.echo(f"{row['image']:<24}{row['layer'] or '-':<14}{row['packages']:<10}{state}")


@images.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every layer and image.")
@click.pass_obj
def lock(root: Path, names: tuple[str, ...], everything: bool) -> None:
    """Resolve the locks of the images or layers NAMES again; by default those out of date."""
    if places.is_installed_root(root):
        raise InputError(
            f"headrace images lock: {root} belongs to the installed Headrace, whose locks are not "
            "changed. Call this in a source tree of Headrace, or name its images/ with --images."
        )
    known = [definitions.layers(root), definitions.images(root), definitions.variants(root)]
    if names:
        chosen = definitions.select(root, names)
    else:
        every = [image for group in known for image in group]
        chosen = [image for image in every if everything or not locking.is_current(image)]
    for image in chosen:
        locking.lock(image, root)
        click.echo(f"{image.name}: {locking.num_packages(image)} packages")


@images.command()
@click.argument("names", nargs=-1)
@_tag
@_build_options
@_engine
@_engine_options
@click.pass_obj
def build(
    root: Path,
    /,
    names: tuple[str, ...],
    tag: str,
    engine: str,
    engine_options: str,
    **sources: Any,
) -> None:
    """Build the images NAMES, by default one per component, as localhost/headrace/NAME:TAG."""
    definitions.select(root, names)  # a wrong name is refused first
    with places.building_from(root) as place:
        settings = building.Settings(root=place, tag=tag, **sources)
        chosen = definitions.select(place, names)
        built = building.build(chosen, settings, engines.find(engine, engine_options))
        warnings = [each for image in chosen for each in building.lacking(image, settings)]
    for reference in built:
        click.echo(reference)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


@images.command()
@click.argument("names", nargs=-1)
@click.option(
    "--registry",
    envvar="HEADRACE_REGISTRY",
    required=True,
    help="Such as europe-docker.pkg.dev/my-project/headrace.  [env: HEADRACE_REGISTRY]",
)
@_tag
@_engine
@click.pass_obj
def push(root: Path, names: tuple[str, ...], registry: str, tag: str, engine: str) -> None:
    """Push the images NAMES, by default one per component, and write images/digests.json."""
    chosen = definitions.select(root, names)
    file = places.digests_file(root)
    digests = pushing.push(chosen, registry, engines.find(engine), file, tag)
    for name, digest in digests.items():
        click.echo(f"{registry}/{name}@{digest}")
    click.echo(f"Their digests are in {file}.", err=True)


@images.command()
@_engine
def base(engine: str) -> None:
    """Make the base with mmdebstrap, for `build --base mmdebstrap`."""
    building.make_base(engines.find(engine))
    click.echo(building.BASE)


@images.command("bake")
@click.pass_obj
def write_bake(root: Path) -> None:
    """Write images/docker-bake.hcl, for `docker buildx bake` in a source tree."""
    (root / bake.BAKE_FILE).write_text(bake.text(root), "utf-8")
