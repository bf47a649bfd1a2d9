"""`headrace images`: what the images of a source tree hold."""

import json
from pathlib import Path

import click

from headrace.containers import definitions, locking


@click.group()
@click.option(
    "--images",
    "root",
    type=click.Path(path_type=Path),
    default=Path("images"),
    show_default=True,
    help="The folder of the images' definitions.",
)
@click.pass_context
def images(context: click.Context, root: Path) -> None:
    """List and lock the images that components run in, in a source tree of Headrace."""
    context.obj = root


@images.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def list_images(root: Path, as_json: bool) -> None:
    """List the images, the layer that each begins with, and whether its lock is current.

    JSON: a list of {image, layer, packages, is_locked}, where layer may be null.
    """
    rows = [
        {
            "image": image.name,
            "layer": image.layer.name if image.layer else None,
            "packages": locking.num_packages(image),
            "is_locked": locking.is_current(image),
        }
        for image in definitions.images(root)
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
    """Resolve the locks of the images, or layers, NAMES again; without NAMES those out of date."""
    known = [*definitions.layers(root), *definitions.images(root)]
    if names:
        chosen = definitions.select(root, names)
    else:
        chosen = [image for image in known if everything or not locking.is_current(image)]
    for image in chosen:
        locking.lock(image, root)
        click.echo(f"{image.name}: {locking.num_packages(image)} packages")
