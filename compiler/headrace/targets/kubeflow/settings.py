"""The table [kubeflow]: the address of Kubeflow Pipelines, and settings for all its pods.

[kubeflow]
pipeline_root = "s3://my-bucket/headrace"
host = "https://kubeflow.example.com/pipeline"
namespace = "flights"
"""

from dataclasses import dataclass

from headrace.errors import CompileError
from headrace.profiles.quantities import DURATION_WORDS, seconds
from headrace.profiles.tables import check_names, check_tables, check_texts
from headrace.profiles.target_settings import TargetSettings

# objstore schemes of backend/src/v2 in kubeflow/pipelines
_SCHEMES = ("gs://", "s3://", "minio://")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_LARGE_ARTIFACTS = ("copy", "reference")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kubeflow(TargetSettings):
    """The address of Kubeflow Pipelines, and settings for all its pods.

    Attributes:
        pipeline_root: Directory of all artifacts; empty for the installation's default.
        host: URL of the API; empty to reach it through the cluster, by a forwarded port.
        namespace: Namespace of the installation, or of the user's profile if users have namespaces.
        experiment: Experiment that runs belong to; empty for the installation's default.
        service_account: Kubernetes service account of the pods; empty for the default.
        display_name: Name of runs; empty for the pipeline's name.
        image_pull_policy: `Always`, `IfNotPresent` or `Never`; empty for the cluster's rule.
        image_pull_secrets: Names of the secrets that open the registry.
        accelerator_label: Node label that names the accelerator. Nodes of the GPU operator have
            `nvidia.com/gpu.product`, with other values: leave this empty there, and use
            `node_selector`.
        large_artifacts: `copy` lets the launcher carry all files; with `reference` components
            read and write rows at their URIs, and it carries a small file that names them.
        pending_timeout: How long `headrace submit` and `headrace runs watch` let a task wait for
            its pod to start, such as `30m`, before they cancel the run; empty means without a
            limit.
    """

    host: str = ""
    namespace: str = "kubeflow"
    experiment: str = ""
    service_account: str = ""
    image_pull_policy: str = ""
    image_pull_secrets: tuple[str, ...] = ()
    accelerator_label: str = "cloud.google.com/gke-accelerator"
    large_artifacts: str = "copy"
    pending_timeout: str = ""

    def __post_init__(self) -> None:
        """Rejects roots that the open-source launcher cannot open, and unknown values."""
        if self.pipeline_root and not self.pipeline_root.startswith(_SCHEMES):
            raise CompileError(
                f"`pipeline_root` is {self.pipeline_root!r}, expected a URI that starts "
                f"with one of {list(_SCHEMES)}. Give a bucket that the cluster can reach."
            )
        path = self.pipeline_root.partition("://")[2].partition("?")[0]
        if self.pipeline_root and (path.startswith("/") or not path or "//" in path):
            raise CompileError(
                f"`pipeline_root` is {self.pipeline_root!r}, expected a bucket and a directory "
                "without a name that is empty. Give a URI such as 's3://my-bucket/headrace'."
            )
        if self.host and not self.host.startswith(("http://", "https://")):
            raise CompileError(
                f"`host` is {self.host!r}, expected a URL such as "
                "'https://kubeflow.example.com/pipeline'. Add the scheme."
            )
        if self.image_pull_policy:
            check_names("`image_pull_policy`", "value", [self.image_pull_policy], _PULL_POLICIES)
        check_names("`large_artifacts`", "value", [self.large_artifacts], _LARGE_ARTIFACTS)
        check_tables("pipeline_parameters", self.pipeline_parameters)
        if self.pending_timeout and seconds(self.pending_timeout) is None:
            raise CompileError(
                f"`pending_timeout` is {self.pending_timeout!r}, expected {DURATION_WORDS}."
            )
        check_texts("`image_pull_secrets`", self.image_pull_secrets, "a secret's name")

    @property
    def pending_timeout_seconds(self) -> float | None:
        """`pending_timeout` in seconds; None without a limit."""
        return seconds(self.pending_timeout) if self.pending_timeout else None
