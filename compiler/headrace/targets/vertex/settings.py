"""The table [vertex]: the fields of a Vertex AI PipelineJob other than its pipeline.

[vertex]
pipeline_root = "gs://my-bucket/headrace"
project = "my-project"
region = "europe-west1"
service_account = "runner@my-project.iam.gserviceaccount.com"
labels = { team = "ops" }
parameters = { data = "gs://my-bucket/flights" }
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.errors import CompileError
from headrace.profiles.labels import check_labels
from headrace.profiles.tables import check_names, check_tables, check_texts
from headrace.profiles.target_settings import TargetSettings

# PipelineJob.displayName: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs
MAX_DISPLAY_NAME = 128
_ROOT = re.compile(r"gs://[^/]")
_NETWORK = re.compile(r"projects/[0-9]+/global/networks/[a-z0-9-]+")
_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_FAILURE_POLICIES = ("fast", "slow")


@dataclass(frozen=True, kw_only=True, slots=True)
class Vertex(TargetSettings):
    """The fields of a Vertex AI PipelineJob other than its pipeline.

    Attributes:
        pipeline_root: Directory of all artifacts, such as `gs://bucket/path`.
        project: Google Cloud project that runs the pipeline.
        region: Its region, such as `europe-west1`.
        service_account: Account that the tasks run as; empty for the project's default.
        network: VPC network peered with Vertex AI, such as
            `projects/12345/global/networks/my-network`, with the project's number.
        reserved_ip_ranges: Names of the peered network's ranges that tasks take addresses from.
        encryption_key: Cloud KMS key for all that the job writes, such as
            `projects/P/locations/L/keyRings/R/cryptoKeys/K`.
        display_name: Name in the console; empty for that of the pipeline.
        labels: Labels of the job.
        failure_policy: After a task failed, `slow` continues with all tasks that do not depend on
            it; `fast` starts nothing more.
        endpoint: Host of the API, such as `my-endpoint.p.googleapis.com` for Private Service
            Connect; empty for that of the region.
    """

    project: str = ""
    region: str = ""
    service_account: str = ""
    network: str = ""
    reserved_ip_ranges: tuple[str, ...] = ()
    encryption_key: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict)
    failure_policy: str = "slow"
    endpoint: str = ""

    def __post_init__(self) -> None:
        """Rejects values that the service would refuse at submission."""
        if self.pipeline_root and not _ROOT.match(self.pipeline_root):
            raise CompileError(
                f"`pipeline_root` is {self.pipeline_root!r}, but Vertex AI keeps artifacts "
                "in Cloud Storage. Give a URI such as 'gs://my-bucket/headrace'."
            )
        if self.service_account and "@" not in self.service_account:
            raise CompileError(
                f"`service_account` is {self.service_account!r}, expected an e-mail "
                "address such as 'runner@my-project.iam.gserviceaccount.com'. Give the full "
                "address."
            )
        if len(self.display_name) > MAX_DISPLAY_NAME:
            raise CompileError(
                f"`display_name` has {len(self.display_name)} characters, expected at "
                f"most {MAX_DISPLAY_NAME}. Shorten it."
            )
        check_labels(self.labels)
        if self.network and not _NETWORK.fullmatch(self.network):
            raise CompileError(
                f"`network` is {self.network!r}, expected "
                "'projects/NUMBER/global/networks/NAME' with the project's number, which "
                "`gcloud projects describe` prints."
            )
        if self.encryption_key and not _KEY.fullmatch(self.encryption_key):
            raise CompileError(
                f"`encryption_key` is {self.encryption_key!r}, expected "
                "'projects/P/locations/L/keyRings/R/cryptoKeys/K'. Give the key's full name."
            )
        check_tables("pipeline_parameters", self.pipeline_parameters)
        check_names("`failure_policy`", "value", [self.failure_policy], _FAILURE_POLICIES)
        check_texts("`reserved_ip_ranges`", self.reserved_ip_ranges, "a range's name")

    @property
    def google_cloud(self) -> tuple[str, str]:
        """`project` and `region`."""
        return self.project, self.region
