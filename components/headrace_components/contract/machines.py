"""The machines that train one model together, from a task's environment.

Three forms are read: `TF_CONFIG` (TensorFlow's own; Vertex AI, TFJob), `CLUSTER_SPEC` (Vertex AI)
and the variables of our launcher on Kubernetes, `HEADRACE_HOSTS` and `JOB_COMPLETION_INDEX`.
Standard library only.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.errors import PlatformError

HOSTS_VARIABLE = "HEADRACE_HOSTS"
"""Addresses of the machines as `host:port`, joined by commas; the first is the chief."""

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
"""The number of this process among them; Kubernetes sets it in the pods of an indexed Job."""

# The rule of kfp's own executor: among CLUSTER_SPEC's tasks, one of these types is the chief.
_CHIEF_POOLS = ("workerpool0", "chief", "master")
_CHIEF_TYPES = ("chief", "master")
_TRAINING_TYPES = (*_CHIEF_TYPES, "worker")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingCluster:
    """Several machines, and which of them this process runs on.

    Attributes:
        addresses: `host:port` of each machine that trains, the chief's first; two or more.
        index: Position of this machine in `addresses`; 0 is the chief.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this machine is the one that writes the outputs."""
        return self.index == 0

    @property
    def name(self) -> str:
        """The name of this machine in messages, such as `worker 1 of 4`; the chief is worker 0."""
        return f"worker {self.index} of {len(self.addresses)}"

    def tf_config(self) -> str:
        """Returns the value of TF_CONFIG from which TensorFlow makes the same cluster.

        Source: https://www.tensorflow.org/guide/distributed_training#TF_CONFIG
        """
        kind, index = ("chief", 0) if self.is_chief else ("worker", self.index - 1)
        return json.dumps(
            {
                "cluster": {"chief": [self.addresses[0]], "worker": list(self.addresses[1:])},
                "task": {"type": kind, "index": index},
            }
        )


def read_cluster(environment: Mapping[str, str] = os.environ) -> TrainingCluster | None:
    """Returns the machines that train together; None for a single machine.

    Raises:
        PlatformError: The environment does not name such machines, or this process is not one of
            them.
    """
    for read in (_from_tf_config, _from_cluster_spec, _from_hosts):
        cluster = read(environment)
        if cluster is not None:
            return cluster if len(cluster.addresses) > 1 else None
    return None


def is_chief(environment: Mapping[str, str] = os.environ) -> bool:
    """Returns whether this process publishes the outputs: true except for workers with a chief."""
    pool = _message(environment, "CLUSTER_SPEC").get("task") or {}
    if pool.get("type"):
        return pool["type"] in _CHIEF_POOLS and not int(pool.get("index") or 0)
    task = _message(environment, "TF_CONFIG").get("task") or {}
    if task.get("type") and task["type"] not in _TRAINING_TYPES:
        return False  # a parameter server or an evaluator
    cluster = read_cluster(environment)
    return cluster is None or cluster.is_chief


def _from_tf_config(environment: Mapping[str, str]) -> TrainingCluster | None:
    message = _message(environment, "TF_CONFIG")
    machines, task = message.get("cluster") or {}, message.get("task") or {}
    if task.get("type") not in _TRAINING_TYPES:
        return None
    tasks = [
        (address, kind, index)
        for kind in _TRAINING_TYPES
        for index, address in enumerate(machines.get(kind) or ())
    ]
    return _cluster("TF_CONFIG", tasks, task)


def _from_cluster_spec(environment: Mapping[str, str]) -> TrainingCluster | None:
    # https://cloud.google.com/vertex-ai/docs/training/distributed-training#cluster-spec-format
    message = _message(environment, "CLUSTER_SPEC")
    pools, task = message.get("cluster") or {}, message.get("task") or {}
    if not pools:
        return None
    tasks = [
        (address, pool, index)
        for pool in sorted(pools)
        for index, address in enumerate(pools[pool] or ())
    ]
    return _cluster("CLUSTER_SPEC", tasks, task)


def _cluster(
    source: str, tasks: list[tuple[str, str, int]], task: Mapping[str, Any]
) -> TrainingCluster:
    own = (task.get("type"), int(task.get("index") or 0))
    positions = [i for i, (_, kind, index) in enumerate(tasks) if (kind, index) == own]
    if not positions:
        raise PlatformError(
            f"cluster: {source} says that this is {own[0]!r} number {own[1]}, but its cluster has "
            f"{sorted({(kind, index) for _, kind, index in tasks})}. The platform sets {source}: "
            "give each machine the same cluster and a task of it."
        )
    return TrainingCluster(addresses=tuple(address for address, _, _ in tasks), index=positions[0])


def _from_hosts(environment: Mapping[str, str]) -> TrainingCluster | None:
    hosts = [host for host in environment.get(HOSTS_VARIABLE, "").split(",") if host]
    if not hosts:
        return None
    index = environment.get(INDEX_VARIABLE, "")
    if not index.isdigit() or int(index) >= len(hosts):
        raise PlatformError(
            f"cluster: {INDEX_VARIABLE} is {index!r}, expected a number from 0 to "
            f"{len(hosts) - 1}, since {HOSTS_VARIABLE} names {len(hosts)} machines. Run the pods "
            "as an indexed Job with as many completions."
        )
    return TrainingCluster(addresses=tuple(hosts), index=int(index))


def _message(environment: Mapping[str, str], name: str) -> dict[str, Any]:
    text = environment.get(name) or "{}"
    try:
        message = json.loads(text)
    except ValueError as error:
        raise PlatformError(
            f"cluster: {name} is not JSON ({error}). The platform sets it: correct it, or unset it "
            "where one machine trains."
        ) from error
    if not isinstance(message, dict):
        raise PlatformError(
            f"cluster: {name} is {text}, expected a JSON object with `cluster` and `task`. The "
            "platform sets it: correct it, or unset it if only one machine trains."
        )
    return message
