"""Measures built images: `python -m bench.images --registry localhost:5000 [IMAGE...]`.

Podman built them; the registry is one of this machine, without TLS, which they are pushed to, so
that a layer is compressed once. MB are 10^6 bytes: unpacked, the files of all layers; compressed,
the layers as a push stores them; both once more for the whole set, a shared layer counted once. The
start is from `podman run` until the entry point calls `execute`, the best of a few, so that files
are in the page cache: what a task waits for before it begins.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.images import definitions
from headrace.images.built import reference

_BEGUN = "execute begins"
# Does the same as `__main__` of a component, with another `execute`.
_START = """
import json
from headrace_components.contract.task import main
from headrace_components.{name}.executor import execute
message = {{"inputs": {{}}, "outputs": {{"outputFile": "/tmp/output.json"}}}}
main("{name}", lambda task: print("{begun}", flush=True), ["--executor_input", json.dumps(message)])
"""
_RUN = ("--rm", "--read-only", "--tmpfs", "/tmp", "--network", "none", "--user", "12345:0")


@dataclass(frozen=True, kw_only=True)
class Row:
    """The measurements of one image: layers by digest in bytes, the start in seconds."""

    name: str
    unpacked: Mapping[str, int]
    compressed: Mapping[str, int]
    start: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints a table in Markdown and returns 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.images", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="IMAGE")
    parser.add_argument("--registry", required=True, help="where to push, as localhost:5000")
    parser.add_argument("--engine", default="podman", help="podman, with its options")
    parser.add_argument("--run-options", default="", help="options of podman run")
    parser.add_argument("--repeat", type=int, default=3, help="starts, of which the best counts")
    options = parser.parse_args(argv)
    podman = shlex.split(options.engine)
    run = [*podman, "run", *_RUN, *shlex.split(options.run_options)]
    chosen = definitions.select(Path("images"), options.names)
    rows = [_measure(image, podman, run, options.registry, options.repeat) for image in chosen]
    print(table(rows))
    return 0


def table(rows: Sequence[Row]) -> str:
    """Returns a table in Markdown, the lightest image first."""
    lines = ["| Image | MB | Compressed | Start, s |", "|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: (_mega(row.unpacked), row.name)):
        sizes = f"{_mega(row.unpacked)} | {_mega(row.compressed)}"
        lines.append(f"| {row.name} | {sizes} | {row.start:.1f} |")
    unpacked = {digest: size for row in rows for digest, size in row.unpacked.items()}
    compressed = {digest: size for row in rows for digest, size in row.compressed.items()}
    lines.append(
        f"| all {len(rows)}, shared layers once | {_mega(unpacked)} | {_mega(compressed)} | |"
    )
    return "\n".join(lines)


def _measure(
    image: definitions.Image, podman: Sequence[str], run: Sequence[str], registry: str, repeat: int
) -> Row:
    name = reference(image.name)
    print(image.name, file=sys.stderr)
    return Row(
        name=image.name,
        unpacked=_unpacked(podman, name),
        compressed=_compressed(podman, name, registry),
        start=min(_start(run, image.component, name) for _ in range(repeat)),
    )


def _unpacked(podman: Sequence[str], reference: str) -> dict[str, int]:
    (image,) = json.loads(_output([*podman, "image", "inspect", reference]))
    root = _output([*podman, "info", "--format", "{{.Store.GraphRoot}}"]).strip()
    layers = json.loads(Path(root, "overlay-layers/layers.json").read_text("utf-8"))
    sizes = {
        layer["diff-digest"]: layer.get("diff-size", 0)
        for layer in layers
        if "diff-digest" in layer
    }
    return {digest: sizes[digest] for digest in image["RootFS"]["Layers"]}


def _compressed(podman: Sequence[str], reference: str, registry: str) -> dict[str, int]:
    remote = f"{registry}/{reference.rpartition('/')[2]}"
    _output([*podman, "push", "--quiet", "--tls-verify=false", reference, f"docker://{remote}"])
    address = f"http://{registry}/v2/{remote.partition('/')[2].replace(':', '/manifests/')}"
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    request = urllib.request.Request(address, headers={"Accept": kind})
    with urllib.request.urlopen(request, timeout=30) as response:
        manifest = json.load(response)
    return {layer["digest"]: layer["size"] for layer in manifest["layers"]}


def _start(run: Sequence[str], component: str, reference: str) -> float:
    code = _START.format(name=component, begun=_BEGUN)
    began = time.perf_counter()
    process = subprocess.Popen(
        [*run, reference, "python", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    with process:
        for line in process.stdout or ():
            if line.strip() == _BEGUN:
                return time.perf_counter() - began
            said.append(line)
    raise RuntimeError(f"{reference} did not begin: {''.join(said)}")


def _mega(layers: Mapping[str, int]) -> int:
    return round(sum(layers.values()) / 1e6)


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
