"""The parts of kfp's classes that pipeline files use. A test holds it to the installed kfp."""

from typing import Any, Self

from headrace_components.typed.wiring import Value

class Artifact:
    """An artifact, as components in Python see it."""

    schema_title: str
    schema_version: str
    name: str
    uri: str
    metadata: dict[str, Any]
    path: str

    def __init__(
        self,
        name: str | None = ...,
        uri: str | None = ...,
        metadata: dict[str, Any] | None = ...,
    ) -> None: ...

class HTML(Artifact):
    """A page."""

class Metrics(Artifact):
    """Numbers that runs are compared by."""

class ClassificationMetrics(Artifact):
    """Curves and confusion matrices."""

class PipelineArtifactChannel:
    """An artifact that a task will make."""

    name: str
    task_name: str | None

class PipelineParameterChannel:
    """A value that a run will have."""

    name: str
    channel_type: str
    task_name: str | None

    # `dsl.If` takes a comparison, which is not a bool.
    def __eq__(self, other: object) -> Any: ...
    def __ne__(self, other: object) -> Any: ...
    def __lt__(self, other: Any) -> Any: ...
    def __le__(self, other: Any) -> Any: ...
    def __gt__(self, other: Any) -> Any: ...
    def __ge__(self, other: Any) -> Any: ...

class PipelineTask:
    """A task of a pipeline. Its settings return it, so that they can be chained."""

    @property
    def name(self) -> str: ...
    def add_node_selector_constraint(self, accelerator: str) -> Self:
        """Sets the type of accelerators; `set_accelerator_type` does the same."""

    def after(self, *tasks: Any) -> Self:
        """Has the task wait for others."""

    def ignore_upstream_failure(self) -> Self:
        """Has the task run also where a task before it fails."""

    def set_accelerator_limit(self, limit: int | str | Value) -> Self:
        """Sets the number of accelerators."""

    def set_accelerator_type(self, accelerator: str | Value) -> Self:
        """Sets the type of accelerators."""

    def set_caching_options(self, enable_caching: bool, cache_key: str | None = ...) -> Self:
        """Sets whether an earlier task like it may answer the task."""

    def set_container_image(self, name: str | Value) -> Self:
        """Sets another image."""

    def set_cpu_limit(self, cpu: str | Value) -> Self:
        """Sets the most cores, such as `"4"`."""

    def set_cpu_request(self, cpu: str | Value) -> Self:
        """Sets the least cores, such as `"500m"`."""

    def set_display_name(self, name: str) -> Self:
        """Sets the name for people."""

    def set_env_variable(self, name: str, value: str) -> Self:
        """Sets a variable of the environment."""

    def set_gpu_limit(self, gpu: str) -> Self:
        """Sets the number of accelerators; `set_accelerator_limit` does the same."""

    def set_memory_limit(self, memory: str | Value) -> Self:
        """Sets the most memory, such as `"16G"`."""

    def set_memory_request(self, memory: str | Value) -> Self:
        """Sets the least memory, such as `"16G"`."""

    def set_retry(
        self,
        num_retries: int,
        backoff_duration: str | None = ...,
        backoff_factor: float | None = ...,
        backoff_max_duration: str | None = ...,
    ) -> Self:
        """Sets how often a task that fails is tried again."""
