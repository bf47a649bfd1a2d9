"""The tables [beam.NAME]: where Beam runs, for components with `beam_pipeline_args`.

[beam.dataflow]
runner = "dataflow"
temp_location = "gs://my-bucket/beam"
max_workers = 50

[tasks.transform]
beam = "dataflow"
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.errors import CompileError
from headrace.profiles.labels import check_labels
from headrace.profiles.tables import check_names, check_texts

RUNNERS = ("dataflow", "direct", "flink", "spark")
ENVIRONMENTS = ("DOCKER", "EXTERNAL", "LOOPBACK", "PROCESS")

# The expected value of `environment_config`, if it has no default.
_CONFIGURED = {
    "EXTERNAL": "the host and port of the pool beside each worker, for example 'localhost:50000'",
    "PROCESS": """the command that starts a worker, such as '{"command": "/opt/worker"}'""",
}

_DATAFLOW = (
    "project",
    "region",
    "temp_location",
    "staging_location",
    "network",
    "subnetwork",
    "service_account",
    "machine_type",
    "num_workers",
    "max_workers",
    "disk_size_gb",
    "public_ips",
    "autoscaling",
    "flexrs",
    "labels",
    "encryption_key",
)
_PORTABLE = (
    "job_endpoint",
    "artifact_endpoint",
    "environment",
    "environment_config",
)
_FIELDS = {
    "dataflow": _DATAFLOW,
    "direct": ("processes",),
    "flink": (*_PORTABLE, "parallelism", "rest"),
    "spark": _PORTABLE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BeamRunner:
    """Where Beam runs.

    Attributes:
        runner: `dataflow`, `flink`, `spark` or `direct`.
        project: Dataflow: Google Cloud project; that of [vertex] by default.
        region: Dataflow: that of [vertex] by default.
        temp_location: Dataflow: `gs://` directory of temporary files; below the pipeline root by
            default.
        staging_location: Dataflow: `gs://` directory for the packages of workers.
        network: Dataflow: VPC network of the workers.
        subnetwork: Dataflow: such as `regions/europe-west1/subnetworks/beam`.
        service_account: Dataflow: e-mail address of the account that workers run as.
        machine_type: Dataflow: such as `n2-standard-8`.
        num_workers: Dataflow: workers at the start.
        max_workers: Dataflow: workers at most.
        disk_size_gb: Dataflow: disk of a worker, GB.
        public_ips: Dataflow: whether workers have addresses of the internet.
        autoscaling: Dataflow: `THROUGHPUT_BASED` or `NONE`.
        flexrs: Dataflow: `COST_OPTIMIZED` or `SPEED_OPTIMIZED`, to run when machines are cheap.
        labels: Dataflow: labels of the job, besides the pipeline's and the task's name.
        encryption_key: Dataflow: Cloud KMS key of its data; on Vertex AI that of [vertex] by
            default.
        job_endpoint: Flink, Spark: `host:port` of the job server.
        artifact_endpoint: Flink, Spark: `host:port` that files are staged at.
        environment: Flink, Spark: how workers start, `EXTERNAL`, `DOCKER`, `PROCESS`, `LOOPBACK`;
            `DOCKER` by default.
        environment_config: Flink, Spark: the pool's `host:port` for `EXTERNAL`, the command as
            JSON for `PROCESS`; for `DOCKER` the component's image by default.
        parallelism: Flink: parts that work is divided into.
        rest: Flink: URL of its REST API, such as `http://flink-jobmanager:8081`; a task uses it to
            show its job, and to end it.
        processes: Direct: processes on the task's machine; 1 runs in the task's own.
        options: More options of Beam, such as `["--save_main_session"]`, the last on its command
            line.
    """

    runner: str = ""
    project: str = ""
    region: str = ""
    temp_location: str = ""
    staging_location: str = ""
    network: str = ""
    subnetwork: str = ""
    service_account: str = ""
    machine_type: str = ""
    num_workers: int | None = None
    max_workers: int | None = None
    disk_size_gb: int | None = None
    public_ips: bool = False
    autoscaling: str = ""
    flexrs: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict)
    encryption_key: str = ""
    job_endpoint: str = ""
    artifact_endpoint: str = ""
    environment: str = ""
    environment_config: str = ""
    parallelism: int | None = None
    rest: str = ""
    processes: int = 1
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects a runner that does not exist, and settings that the runner does not have."""
        if self.runner not in RUNNERS:
            raise CompileError(
                f"`runner` is {self.runner!r}, expected one of {list(RUNNERS)}. Name one."
            )
        check_names(
            f"runner {self.runner!r}",
            "setting",
            self._given(),
            ("runner", "options", *_FIELDS[self.runner]),
        )
        for name in ("num_workers", "max_workers", "disk_size_gb", "parallelism", "processes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise CompileError(f"`{name}` is {value}, expected 1 or more. Correct it.")
        for name in ("temp_location", "staging_location"):
            value = getattr(self, name)
            if value and not value.startswith("gs://"):
                raise CompileError(
                    f"`{name}` is {value!r}, but Dataflow keeps its files in Cloud Storage. "
                    "Give a URI such as 'gs://my-bucket/beam'."
                )
        if self.runner in ("flink", "spark"):
            self._check_cluster()
        for name, known in (
            ("autoscaling", ("NONE", "THROUGHPUT_BASED")),
            ("flexrs", ("COST_OPTIMIZED", "SPEED_OPTIMIZED")),
        ):
            if getattr(self, name):
                check_names(f"`{name}`", "value", [getattr(self, name)], known)
        check_texts("`options`", self.options, "an option as '--name=value'")
        check_texts("`labels`", self.labels, "a string")
        check_labels(self.labels)
        if self.num_workers and self.max_workers and self.num_workers > self.max_workers:
            raise CompileError(
                f"`num_workers` is {self.num_workers}, but `max_workers` is {self.max_workers}. "
                "Start with fewer, or allow more."
            )

    def _given(self) -> list[str]:
        return [
            name
            for name in (*_DATAFLOW, *_PORTABLE, "parallelism", "rest", "processes")
            if getattr(self, name) not in ("", None, {}, False)
            and not (name == "processes" and self.processes == 1)
        ]

    def _check_cluster(self) -> None:
        if not self.job_endpoint:
            raise CompileError(
                f"runner {self.runner!r} needs `job_endpoint`, the host and port of its job "
                "server, for example 'flink-job-server.beam:8099'. Add it."
            )
        if self.rest and not self.rest.startswith(("http://", "https://")):
            raise CompileError(
                f"`rest` is {self.rest!r}, expected the URL of Flink's REST API. Write it as "
                "'http://flink-jobmanager:8081'."
            )
        if self.environment:
            check_names("`environment`", "value", [self.environment], ENVIRONMENTS)
        if self.environment in _CONFIGURED and not self.environment_config:
            raise CompileError(
                f"`environment` is {self.environment!r}, which needs `environment_config`, "
                f"{_CONFIGURED[self.environment]}. Add it."
            )
