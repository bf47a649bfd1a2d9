"""Every example, compiled for Vertex AI, is a job that Google's own library accepts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1.types import PipelineJob
from google.protobuf import json_format

from golden.test_golden import compiled, examples


@examples
def test_a_job_is_the_message_of_the_api(example: Path) -> None:
    document = compiled(example, "vertex").document

    message = PipelineJob()
    json_format.ParseDict(document, PipelineJob.pb(message))

    assert message.service_account == "runner@my-project.iam.gserviceaccount.com"
    read = json_format.MessageToDict(PipelineJob.pb(message))
    assert read["pipelineSpec"] == document["pipelineSpec"]


@examples
def test_the_library_loads_a_job_as_a_template(example: Path, tmp_path: Path) -> None:
    from google.cloud import aiplatform

    path = tmp_path / "job.json"
    document = compiled(example, "vertex")
    document.write(path)

    job = aiplatform.PipelineJob(
        display_name="loaded",
        template_path=str(path),
        project="my-project",
        location="europe-west1",
        credentials=AnonymousCredentials(),
        parameter_values=document.document["runtimeConfig"]["parameterValues"],
        failure_policy="fast",
    )

    loaded = json_format.MessageToDict(PipelineJob.pb(job._gca_resource))
    assert loaded["pipelineSpec"] == document.document["pipelineSpec"]
    assert loaded["runtimeConfig"]["gcsOutputDirectory"] == "gs://my-bucket/headrace"


@examples
def test_artifact_types_are_schemas_with_the_titles_of_tfx(example: Path) -> None:
    types = list(artifact_types(compiled(example, "vertex").document))

    schemas = [yaml.safe_load(each["instanceSchema"]) for each in types if "instanceSchema" in each]
    assert {"title": "tfx.Model", "type": "object"} in schemas
    # A proto oneof: another field beside it would be dropped, or would replace it.
    assert all(len(each) == 1 for each in types if "instanceSchema" in each)
    titles = {each["schemaTitle"] for each in types if "schemaTitle" in each}
    assert all(title.startswith("system.") for title in titles)


def artifact_types(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("artifactType", "typeSchema"):
                yield item
            else:
                yield from artifact_types(item)
    elif isinstance(value, list):
        for item in value:
            yield from artifact_types(item)
