# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False
"""A blessed model goes from a pipeline on this machine to a server in a cluster, once."""

from pathlib import Path

import pytest
from kfp import dsl

import headrace
from headrace_components.artifacts import Model, ModelBlessing
from headrace_components.catalog import kubernetes_pusher
from support.fakes.kubernetes_api import kubernetes_api


@dsl.pipeline(name="serve-flights")
def serve_flights(model: str, blessing: str, volume: str):
    kubernetes_pusher(
        model=dsl.importer(artifact_uri=model, artifact_class=Model).output,
        model_blessing=dsl.importer(artifact_uri=blessing, artifact_class=ModelBlessing).output,
        server="tf_serving",
        name="flights",
        base_directory=volume,
        storage_uri="pvc://models",
    )


def test_a_run_rolls_a_version_out_and_the_next_run_leaves_it_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model/Format-Serving").mkdir(parents=True)
    (tmp_path / "model/Format-Serving/saved_model.pb").write_text("graph")
    (tmp_path / "verdict").mkdir()
    (tmp_path / "verdict/BLESSED").write_text("")
    parameters = {
        "model": str(tmp_path / "model"),
        "blessing": str(tmp_path / "verdict"),
        "volume": str(tmp_path / "volume"),
    }

    with kubernetes_api(tmp_path) as kubernetes:
        monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
        results = [
            headrace.run(serve_flights, parameters=parameters, root=tmp_path / "root")
            for _ in range(2)
        ]
        served = kubernetes.objects[("deployments", "flights")]

    assert [result.state for result in results] == ["succeeded"] * 2
    assert served["status"]["availableReplicas"] == 1
    assert served["metadata"]["generation"] == 1
    assert len(list((tmp_path / "volume").iterdir())) == 1
