"""The tables of tasks: the resources of a task, and how often it is tried.

[defaults]
retries = 2

[components.transform]                   # all tasks of one component
memory = "32G"

[tasks.trainer]                          # one task; "for-loop-1/trainer" if a name is not enough
cpu = 8
accelerator = "nvidia-l4"

[kubeflow.tasks.trainer]                 # on one target only
shm = "8Gi"
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.errors import CompileError
from headrace.profiles.accelerators import ACCELERATORS
from headrace.profiles.quantities import DURATION_WORDS, SIZE_WORDS, seconds, size_in_bytes
from headrace.profiles.tables import check_names, check_texts

# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1, Toleration
_TOLERATION = ("key", "operator", "value", "effect", "toleration_seconds")
_SECRET_KEY = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9._-]+")
# Kubernetes' name of a device, which contains its vendor:
# https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus
_DEVICE = re.compile(r"[a-z0-9.-]+/[A-Za-z0-9._-]+")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSettings:
    """A profile's settings for a task; None means not set.

    Attributes:
        cpu: Limit, in cores, greater than 0.
        memory: Limit, such as `16G` (10^9 bytes) or `16Gi` (2^30).
        cpu_request: Cores that a node must have to spare, greater than 0. Kubeflow.
        memory_request: Memory that must be free on a node, like `memory`. Kubeflow.
        accelerator: A name of `accelerators.ACCELERATORS`, or on Kubeflow a device such as
            `amd.com/gpu`.
        accelerator_count: How many of it a machine has, 1 or more.
        shm: Size of `/dev/shm`, which is memory. Kubeflow.
        node_pool: Name of the GKE node pool to run on. Kubeflow.
        node_selector: Labels that the node must have. Kubeflow.
        tolerations: Taints that the task tolerates, with the fields of Kubernetes' Toleration in
            snake case. Kubeflow.
        pod_annotations: Annotations of the task's pod. Kubeflow.
        pod_labels: Labels of the task's pod. Kubeflow.
        run_as_non_root: Whether the cluster refuses to run the task as root; by default true for
            Headrace's images. Kubeflow.
        spot: Whether to run on machines that may be taken away.
        retries: How often a task that failed is run again, 0 or more.
        retry_delay: Time before the first retry, such as `30s`; it doubles with each one.
        timeout: Time after which the task has failed, such as `2h`.
        cache: Whether the backend may answer with the result of an earlier run.
        environment: Variables of the task's process.
        secret_environment: Variables whose values are keys of secrets, such as
            `my-secret/password`. Kubeflow.
        secret_volumes: Names of secrets by the directory that has their keys as files. Kubeflow.
        volumes: Names of PersistentVolumeClaims by the directory they are mounted at. Kubeflow.
        beam: Name of the table `[beam.NAME]` to run on; empty for no Beam.
        workers: How many machines train together, 1 or more.
        machine_type: Machine of Compute Engine, such as `a2-highgpu-1g`. Vertex AI.
        persistent_resource: ID of the persistent resource to run on. Vertex AI.
    """

    cpu: float | None = None
    memory: str | None = None
    cpu_request: float | None = None
    memory_request: str | None = None
    accelerator: str | None = None
    accelerator_count: int | None = None
    shm: str | None = None
    node_pool: str | None = None
    node_selector: Mapping[str, Any] = field(default_factory=dict)
    tolerations: tuple[Any, ...] = ()
    pod_annotations: Mapping[str, Any] = field(default_factory=dict)
    pod_labels: Mapping[str, Any] = field(default_factory=dict)
    run_as_non_root: bool | None = None
    spot: bool | None = None
    retries: int | None = None
    retry_delay: str | None = None
    timeout: str | None = None
    cache: bool | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    secret_environment: Mapping[str, Any] = field(default_factory=dict)
    secret_volumes: Mapping[str, Any] = field(default_factory=dict)
    volumes: Mapping[str, Any] = field(default_factory=dict)
    beam: str | None = None
    workers: int | None = None
    machine_type: str | None = None
    persistent_resource: str | None = None

    def __post_init__(self) -> None:
        """Rejects values that no target accepts."""
        for name in ("cpu", "cpu_request"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise CompileError(f"`{name}` is {value:g}, expected more than 0 cores.")
        for name, lowest in (("accelerator_count", 1), ("retries", 0), ("workers", 1)):
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise CompileError(f"`{name}` is {value}, expected {lowest} or more. Correct it.")
        for name in ("memory", "memory_request", "shm"):
            value = getattr(self, name)
            if value is not None and size_in_bytes(value) is None:
                raise CompileError(f"`{name}` is {value!r}, expected {SIZE_WORDS}.")
        for name in ("retry_delay", "timeout"):
            value = getattr(self, name)
            if value is not None and seconds(value) is None:
                raise CompileError(f"`{name}` is {value!r}, expected {DURATION_WORDS}.")
        if self.accelerator is not None and not _DEVICE.fullmatch(self.accelerator):
            check_names("`accelerator`", "accelerator", [self.accelerator], ACCELERATORS)
        self._check_environment()
        self._check_mounts()
        self._check_nodes()

    def _check_environment(self) -> None:
        for name in (*self.environment, *self.secret_environment):
            if not _ENVIRONMENT_NAME.fullmatch(name):
                raise CompileError(
                    f"the environment variable {name!r} must consist of letters, digits "
                    "and _, and not start with a digit. Rename it."
                )
        check_texts("`environment`", self.environment, "a string")
        check_texts("`secret_environment`", self.secret_environment, "'secret/key'")
        for name, value in self.secret_environment.items():
            if not _SECRET_KEY.fullmatch(value):
                raise CompileError(
                    f"`secret_environment` has {name} = {value!r}, expected the secret's "
                    "name and its key, for example 'my-secret/password'."
                )

    def _check_mounts(self) -> None:
        for name in ("secret_volumes", "volumes"):
            mounts = getattr(self, name)
            check_texts(f"`{name}`", mounts, "a name")
            for path in mounts:
                if not path.startswith("/"):
                    raise CompileError(
                        f"`{name}` has the directory {path!r}, expected an absolute one, "
                        "as '/mnt/data'."
                    )

    def _check_nodes(self) -> None:
        for name in ("node_selector", "pod_annotations", "pod_labels"):
            check_texts(f"`{name}`", getattr(self, name), "a string")
        for toleration in self.tolerations:
            if not isinstance(toleration, Mapping):
                raise CompileError(
                    f"`tolerations` has {toleration!r}, expected tables as "
                    '{ key = "gpu", operator = "Exists", effect = "NoSchedule" }.'
                )
            check_names("`tolerations`", "field", toleration, _TOLERATION)

    def over(self, base: "TaskSettings") -> "TaskSettings":
        """Returns these settings, with those of `base` for fields that are not set here.

        Tables are joined key by key, tolerations added up.
        """
        values: dict[str, Any] = {}
        for item in dataclasses.fields(self):
            mine, theirs = getattr(self, item.name), getattr(base, item.name)
            if isinstance(mine, Mapping):
                values[item.name] = {**theirs, **mine}
            elif isinstance(mine, tuple):
                values[item.name] = (*theirs, *mine)
            else:
                values[item.name] = theirs if mine is None else mine
        return TaskSettings(**values)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTables:
    """The settings of tasks that one level of a profile has.

    Attributes:
        defaults: Of all tasks.
        components: Of all tasks of a Headrace component, by its name.
        tasks: Of single tasks, by path or the end of it.
    """

    defaults: TaskSettings = field(default_factory=TaskSettings)
    components: Mapping[str, TaskSettings] = field(default_factory=dict)
    tasks: Mapping[str, TaskSettings] = field(default_factory=dict)


TaskPath = tuple[str, ...]
"""Names of the tasks from the root down to one, such as `("for-loop-1", "trainer")`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopedSettings:
    """The profile's settings for one task, by how specific they are.

    The pipeline's own settings, such as `set_cpu_limit`, take precedence over `general`; `own`
    takes precedence over them.

    Attributes:
        defaults: Of [defaults].
        component: Of [components.NAME].
        own: Of [tasks.NAME].
    """

    defaults: TaskSettings = field(default_factory=TaskSettings)
    component: TaskSettings = field(default_factory=TaskSettings)
    own: TaskSettings = field(default_factory=TaskSettings)

    @property
    def general(self) -> TaskSettings:
        """The settings for more tasks than this one."""
        return self.component.over(self.defaults)

    @property
    def merged(self) -> TaskSettings:
        """All of it, the more specific first."""
        return self.own.over(self.general)
