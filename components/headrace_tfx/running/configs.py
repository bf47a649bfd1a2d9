"""Settings of TFX's runners for images and pods. They are recorded and have no effect."""

from typing import Any


class PipelineConfig:
    """Settings for all components.

    Attributes:
        supported_launcher_classes: What starts components.
        default_component_configs: Settings of components.
        component_config_overrides: Settings of components by node id.
    """

    def __init__(
        self,
        supported_launcher_classes: Any = None,
        default_component_configs: Any = None,
        component_config_overrides: Any = None,
    ) -> None:
        self.supported_launcher_classes = supported_launcher_classes
        self.default_component_configs = default_component_configs
        self.component_config_overrides = component_config_overrides


class DockerComponentConfig:
    """Settings of a container.

    Attributes:
        settings: As given.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings


class KubernetesComponentConfig:
    """Settings of a pod.

    Attributes:
        pod: The pod, as a dict or an object of Kubernetes' client.
    """

    def __init__(self, pod: Any) -> None:
        self.pod = pod
