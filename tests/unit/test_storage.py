"""Files at URIs in parameters: which S3 server is used."""

import pytest

from headrace_components.library.clients.storage import _as_fsspec_has_it


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def test_a_region_is_handed_to_the_client_whichever_variable_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    assert _as_fsspec_has_it("s3://bucket/features.py") == (
        "s3://bucket/features.py",
        {"client_kwargs": {"region_name": "eu-west-1"}},
    )


def test_a_file_in_the_store_of_kubeflow_is_asked_of_its_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADRACE_MINIO_ENDPOINT", "http://seaweedfs.kubeflow:9000")
    monkeypatch.setenv("HEADRACE_MINIO_REGION", "minio")
    client = {"endpoint_url": "http://seaweedfs.kubeflow:9000", "region_name": "minio"}

    assert _as_fsspec_has_it("minio://mlpipeline/features.py") == (
        "s3://mlpipeline/features.py",
        {"client_kwargs": client},
    )


def test_other_files_are_opened_as_before() -> None:
    assert _as_fsspec_has_it("gs://bucket/features.py") == ("gs://bucket/features.py", {})
