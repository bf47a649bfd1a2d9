"""The machines that train together, from each platform's environment."""

import json
from typing import Any

import pytest

from headrace_components.contract.errors import PlatformError
from headrace_components.contract.machines import TrainingCluster, is_chief, read_cluster

POOLS = {"workerpool0": ["a:2222"], "workerpool1": ["b:2222", "c:2222"]}
CHIEF_AND_WORKERS = {"chief": ["a:2222"], "worker": ["b:2222", "c:2222"]}


def environment(name: str, cluster: Any, kind: str, index: int) -> dict[str, str]:
    return {name: json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize(
    ("variables", "index"),
    [
        (environment("CLUSTER_SPEC", POOLS, "workerpool0", 0), 0),
        (environment("CLUSTER_SPEC", POOLS, "workerpool1", 1), 2),
        (environment("TF_CONFIG", CHIEF_AND_WORKERS, "chief", 0), 0),
        (environment("TF_CONFIG", CHIEF_AND_WORKERS, "worker", 0), 1),
        (environment("TF_CONFIG", {"worker": ["a:2222", "b:2222", "c:2222"]}, "worker", 0), 0),
        ({"HEADRACE_HOSTS": "a:2222,b:2222,c:2222", "JOB_COMPLETION_INDEX": "2"}, 2),
    ],
)
def test_each_platform_names_the_machines_in_its_own_form(
    variables: dict[str, str], index: int
) -> None:
    cluster = read_cluster(variables)

    assert cluster == TrainingCluster(addresses=("a:2222", "b:2222", "c:2222"), index=index)
    assert is_chief(variables) == (index == 0)
    # TensorFlow's configuration gives the same machines.
    assert read_cluster({"TF_CONFIG": cluster.tf_config()}) == cluster


@pytest.mark.parametrize(
    "variables",
    [
        {},
        # Vertex AI also sets it for a container on one machine.
        environment("CLUSTER_SPEC", {"workerpool0": ["a:2222"]}, "workerpool0", 0),
        environment("TF_CONFIG", {"worker": ["a:2222"]}, "worker", 0),
        {"TF_CONFIG": "{}"},
        # A pod of an indexed Job that trains alone.
        {"JOB_COMPLETION_INDEX": "3"},
    ],
)
def test_one_machine_is_no_cluster_and_publishes(variables: dict[str, str]) -> None:
    assert read_cluster(variables) is None
    assert is_chief(variables)


def test_parameter_servers_and_evaluators_publish_nothing() -> None:
    cluster = {**CHIEF_AND_WORKERS, "ps": ["p:2222"], "evaluator": ["e:2222"]}

    assert not is_chief(environment("TF_CONFIG", cluster, "ps", 0))
    assert not is_chief(environment("TF_CONFIG", cluster, "evaluator", 0))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"CLUSTER_SPEC": "workerpool0"}, "cluster: CLUSTER_SPEC is not JSON"),
        ({"TF_CONFIG": "[]"}, r"cluster: TF_CONFIG is \[\], expected a JSON object"),
        (
            environment("TF_CONFIG", CHIEF_AND_WORKERS, "worker", 2),
            r"TF_CONFIG says that this is 'worker' number 2, but its cluster has \[\('chief', 0\)",
        ),
        (
            {"HEADRACE_HOSTS": "a:1,b:1", "JOB_COMPLETION_INDEX": ""},
            "JOB_COMPLETION_INDEX is '', expected a number from 0 to 1",
        ),
    ],
)
def test_an_environment_that_contradicts_itself_is_the_platforms(
    variables: dict[str, str], message: str
) -> None:
    with pytest.raises(PlatformError, match=message):
        read_cluster(variables)
