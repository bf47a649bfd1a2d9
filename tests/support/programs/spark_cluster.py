"""A real Apache Spark on this machine, in the process of Beam's job server."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from support.programs.beam_clusters import await_port, end_program, start_program
from support.programs.flink_cluster import JAVA_OPENS, job_server_jar
from support.programs.ports import free_ports


@contextlib.contextmanager
def spark() -> Iterator[list[str]]:
    """Yields `beam_pipeline_args` of a Spark with two cores; the task has to name the workers."""
    jar = job_server_jar("spark")
    job, artifact = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="headrace-spark-") as directory:
        log = Path(directory) / "job-server.log"
        server = start_program(
            [
                *("java", "-Xmx1g", *JAVA_OPENS, f"-Djava.io.tmpdir={directory}"),
                *("-jar", str(jar), "--spark-master-url=local[2]"),
                f"--job-port={job}",
                f"--artifact-port={artifact}",
                "--expansion-port=0",
                f"--artifacts-dir={directory}/staged",
            ],
            log,
        )
        try:
            await_port(job, [log])
            yield [
                "--runner=PortableRunner",
                f"--job_endpoint=localhost:{job}",
                f"--artifact_endpoint=localhost:{artifact}",
            ]
        finally:
            end_program(server)
