"""The S3 server of a task's client, and where its settings come from."""

import json
import os

import pytest

from headrace_components.contract import s3_settings
from headrace_components.contract.s3_settings import S3Server, adopt, server

VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "HEADRACE_MINIO_ENDPOINT",
    "HEADRACE_MINIO_REGION",
    "SEAWEEDFS_SERVICE_HOST",
    "MINIO_SERVICE_SERVICE_HOST",
)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that changes by a test are undone
        monkeypatch.delenv(name)


def session(endpoint: str, region: str = "minio", provider: str = "minio", **params: str) -> str:
    """Returns a `store_session_info` in the form of Kubeflow Pipelines."""
    said = {"endpoint": endpoint, "region": region, "fromEnv": "false", **params}
    return json.dumps({"Provider": provider, "Params": said})


def test_an_input_says_where_the_store_of_kubeflow_is() -> None:
    adopt([("minio://bucket/x", session("seaweedfs.kubeflow:9000", disableSSL="true"))])

    assert server("minio") == S3Server(endpoint="http://seaweedfs.kubeflow:9000", region="minio")
    assert server("s3") == S3Server(endpoint="", region="")


def test_an_input_at_s3_says_server_and_region_to_all_libraries() -> None:
    adopt([("s3://bucket/x", session("s3.example.com", "eu-west-1", "s3", disableSSL="false"))])

    assert server("s3") == S3Server(endpoint="https://s3.example.com", region="eu-west-1")
    assert os.environ["AWS_ENDPOINT_URL"] == "https://s3.example.com"
    assert os.environ["AWS_REGION"] == os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_aws_itself_needs_the_region_alone() -> None:
    adopt([("s3://bucket/x", session("s3.amazonaws.com", "eu-west-1", "s3"))])

    assert server("s3") == S3Server(endpoint="", region="eu-west-1")
    assert "AWS_ENDPOINT_URL" not in os.environ


@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_what_the_author_sets_goes_first(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://mine.example.com")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")

    adopt([(f"{scheme}://bucket/x", session("other.example.com", "us-west-2", scheme))])

    assert server(scheme) == S3Server(endpoint="https://mine.example.com", region="eu-north-1")
    assert os.environ["AWS_REGION"] == "eu-north-1"


@pytest.mark.parametrize(
    "info", ["", "{}", "[]", "null", "{", '{"Provider": "gs", "Params": null}', '{"Params": 3}']
)
def test_an_input_that_says_nothing_changes_nothing(info: str) -> None:
    adopt([("minio://bucket/x", info), ("s3://bucket/x", info), ("gs://bucket/x", info)])

    assert not [name for name in VARIABLES if os.environ.get(name)]


@pytest.mark.parametrize(
    ("variable", "endpoint"),
    [
        ("SEAWEEDFS_SERVICE_HOST", "http://10.0.0.7:9000"),
        ("MINIO_SERVICE_SERVICE_HOST", "http://10.0.0.7:9000"),
    ],
)
def test_a_pod_of_the_namespace_knows_the_store_from_kubernetes(
    variable: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "10.0.0.7")

    assert server("minio") == S3Server(endpoint=endpoint, region="us-east-1")


@pytest.mark.parametrize(
    ("known", "host"),
    [
        (("seaweedfs.kubeflow", "minio-service.kubeflow"), "seaweedfs.kubeflow"),
        (("minio-service.kubeflow",), "minio-service.kubeflow"),
        ((), "seaweedfs.kubeflow"),
    ],
)
def test_elsewhere_the_name_that_the_cluster_knows_is_asked(
    known: tuple[str, ...], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_settings, "_resolves", lambda name: name in known)

    assert server("minio").endpoint == f"http://{host}:9000"
