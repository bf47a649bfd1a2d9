"""TFX's `simple_artifacts`: types without declared properties, often used by authors."""

from headrace_tfx.artifacts.base import Artifact


class Dataset(Artifact):
    """Any data."""

    TYPE_NAME = "Dataset"


class File(Artifact):
    """Any file."""

    TYPE_NAME = "File"


class Statistics(Artifact):
    """Any statistics."""

    TYPE_NAME = "Statistics"


class Metrics(Artifact):
    """Any metrics."""

    TYPE_NAME = "Metrics"
