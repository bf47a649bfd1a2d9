"""Passes a pipeline on as a file, the form that `kfp.Client` accepts."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from headrace.contract.service import Order
from headrace.ir import specs
from headrace.targets.kubeflow.emit import yaml_text


@contextlib.contextmanager
def package_of(order: Order) -> Iterator[str]:
    """Provides the path of a file with the pipeline, without caching if the order says so."""
    text = order.compiled.text if order.use_cache else _without_cache(order.compiled.text)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "pipeline.yaml"
        path.write_text(text, "utf-8")
        yield str(path)


def _without_cache(text: str) -> str:
    # The client's `enable_caching` only changes the tasks of the root, not those in loops,
    # conditions and sub-pipelines.
    import yaml

    spec, *platform = yaml.safe_load_all(text)
    for node in specs.tasks(spec):
        node.task["cachingOptions"] = {}
    return yaml_text([spec, *platform])
