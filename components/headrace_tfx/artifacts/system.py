"""TFX's annotations: what an artifact or an execution is, in ML Metadata's few base types.

The numbers are those of `SystemDefinedBaseType` in ML Metadata. Standard library only.
"""


class SystemArtifact:
    """The base of annotations of artifacts."""

    MLMD_SYSTEM_BASE_TYPE: int | None = None


class Dataset(SystemArtifact):
    """Data, such as examples."""

    MLMD_SYSTEM_BASE_TYPE = 1


class Model(SystemArtifact):
    """A model."""

    MLMD_SYSTEM_BASE_TYPE = 2


class Metrics(SystemArtifact):
    """Metrics of a model."""

    MLMD_SYSTEM_BASE_TYPE = 3


class Statistics(SystemArtifact):
    """Statistics of data."""

    MLMD_SYSTEM_BASE_TYPE = 4


class SystemExecution:
    """The base of annotations of executions."""

    MLMD_SYSTEM_BASE_TYPE: int | None = None


class Train(SystemExecution):
    """Trains a model."""

    MLMD_SYSTEM_BASE_TYPE = 1


class Transform(SystemExecution):
    """Transforms data."""

    MLMD_SYSTEM_BASE_TYPE = 2


class Process(SystemExecution):
    """Processes data or models in another way."""

    MLMD_SYSTEM_BASE_TYPE = 3


class Evaluate(SystemExecution):
    """Evaluates a model."""

    MLMD_SYSTEM_BASE_TYPE = 4


class Deploy(SystemExecution):
    """Deploys a model."""

    MLMD_SYSTEM_BASE_TYPE = 5
