"""The table [caching]: how the caches of services learn about data that components read elsewhere.

[caching]
input_fingerprint = "task"
"""

from dataclasses import dataclass

from headrace.profiles.tables import check_names

_INPUT_FINGERPRINT = ("task", "submit", "off")


@dataclass(frozen=True, kw_only=True, slots=True)
class Caching:
    """How the caches of Kubeflow and Vertex AI learn about data that components read elsewhere.

    Attributes:
        input_fingerprint: With `task`, a small task before the component looks at the files. With
            `submit`, `headrace submit` looks itself if it can, which saves that task; but a run
            that is cloned on the service's page counts as having the files of the first run. With
            `off`, components that read files are never answered from a cache.
    """

    input_fingerprint: str = "task"

    def __post_init__(self) -> None:
        """Rejects unknown values."""
        check_names("`input_fingerprint`", "value", [self.input_fingerprint], _INPUT_FINGERPRINT)
