"""A Kubeflow Pipelines on this machine, without the machine's own settings."""

from collections.abc import Iterator

import pytest

from headrace.profiles.profile import Profile
from headrace.targets.kubeflow import pipelines_api
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.kubeflow.submit import KubeflowRemote, connect
from support.fakes.kubeflow_api import KubeflowApi, kubeflow_api


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides this machine's cluster and tokens, and removes the waits."""
    for name in (
        "HEADRACE_KFP_TOKEN",
        "HEADRACE_KFP_COOKIES",
        "KF_PIPELINES_ENDPOINT",
        "KF_PIPELINES_UI_ENDPOINT",
        "KUBERNETES_SERVICE_HOST",
        "SSL_CERT_FILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    monkeypatch.setattr(pipelines_api, "PAUSES_SECONDS", (0.01, 0.01))


@pytest.fixture
def api() -> Iterator[KubeflowApi]:
    with kubeflow_api() as served:
        yield served


@pytest.fixture
def remote(api: KubeflowApi) -> KubeflowRemote:
    return connect(Profile(targets=(Kubeflow(host=api.address),)))
