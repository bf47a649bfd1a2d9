"""Runs components on a job server of Beam, as a cluster has one."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from apache_beam.runners.portability.local_job_service import LocalJobServicer

from headrace_components import catalog


@contextlib.contextmanager
def cluster() -> Iterator[list[str]]:
    """Gives `beam_pipeline_args` of a cluster, whose workers are threads of this process."""
    server = LocalJobServicer()
    port = server.start_grpc_server()
    try:
        yield [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{port}",
            "--environment_type=LOOPBACK",
        ]
    finally:
        server.stop()


def executor_input(
    component: str,
    root: str,
    output_file: Path,
    parameters: Mapping[str, Any],
    inputs: Sequence[str],
) -> str:
    """Returns the message to a task whose artifacts lie under `root`, a path or a URI, by port."""
    outputs = getattr(catalog, component).component_spec.outputs or {}

    def artifact(port: str) -> dict[str, Any]:
        title = outputs[port].type.partition("@")[0] if port in outputs else ""
        entry = {"name": port, "type": {"schemaTitle": title}, "uri": f"{root}/{port}"}
        return {"artifacts": [{**entry, "metadata": {}}]}

    return json.dumps(
        {
            "inputs": {
                "parameterValues": dict(parameters),
                "artifacts": {port: artifact(port) for port in inputs},
            },
            "outputs": {
                "outputFile": str(output_file),
                "artifacts": {port: artifact(port) for port in outputs},
            },
        }
    )
