"""TFX's standard artifact types.

The formats on disk are those of `headrace_components.artifacts`, the declared properties those of
TFX. Standard library only.
"""

from collections.abc import Sequence

from headrace_tfx.artifacts import splits as split_names
from headrace_tfx.artifacts import system
from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.properties import Property, PropertyType

SPAN_PROPERTY = Property(type=PropertyType.INT)
VERSION_PROPERTY = Property(type=PropertyType.INT)
SPLIT_NAMES_PROPERTY = Property(type=PropertyType.STRING)
STRING_VALUE_PROPERTY = Property(type=PropertyType.STRING)

_SPLITS = {"span": SPAN_PROPERTY, "split_names": SPLIT_NAMES_PROPERTY}


class _WithSplits(Artifact):
    """An artifact with a directory for each split."""

    split_names: str

    @property
    def splits(self) -> Sequence[str]:
        """The names of the splits."""
        return split_names.decode_split_names(self.split_names)

    @splits.setter
    def splits(self, splits: Sequence[str]) -> None:
        if isinstance(splits, str) or not all(isinstance(name, str) for name in splits):
            raise TypeError(f"splits is {splits!r}, expected a list of names")
        self.split_names = split_names.encode_split_names(list(splits))


class Examples(_WithSplits):
    """Rows for training and evaluation, in a directory `Split-<name>` for each split."""

    TYPE_NAME = "Examples"
    TYPE_ANNOTATION = system.Dataset
    PROPERTIES = {**_SPLITS, "version": VERSION_PROPERTY}

    def path(self, *, split: str) -> str:
        """Returns the directory of a split, which need not exist.

        Raises:
            ValueError: The split is not one of `splits`.
        """
        if split not in self.splits:
            raise ValueError(
                f"there is no split {split!r}, only {list(self.splits)}. Set `splits` first"
            )
        return split_names.get_split_uri([self], split)


class ExampleStatistics(_WithSplits):
    """Statistics of examples, `Split-<name>/FeatureStats.pb` for each split."""

    TYPE_NAME = "ExampleStatistics"
    TYPE_ANNOTATION = system.Statistics
    PROPERTIES = _SPLITS


class ExampleAnomalies(_WithSplits):
    """Contradictions between data and schema, `Split-<name>/SchemaDiff.pb` for each split."""

    TYPE_NAME = "ExampleAnomalies"
    PROPERTIES = _SPLITS


class ExampleValidationMetrics(_WithSplits):
    """Metrics of the validation of examples."""

    TYPE_NAME = "ExampleValidationMetrics"
    PROPERTIES = _SPLITS


class ExamplesDiff(Artifact):
    """Differences between rows of two data sets."""

    TYPE_NAME = "ExamplesDiff"


class ExternalArtifact(Artifact):
    """Data from outside the pipeline, in files of TFX before 0.23."""

    TYPE_NAME = "ExternalArtifact"


class InferenceResult(Artifact):
    """Predictions of a model."""

    TYPE_NAME = "InferenceResult"


class InfraBlessing(Artifact):
    """Whether a server loaded the model and answered."""

    TYPE_NAME = "InfraBlessing"


class Model(Artifact):
    """A trained model, in `Format-Serving` and perhaps `Format-TFMA`."""

    TYPE_NAME = "Model"
    TYPE_ANNOTATION = system.Model


class ModelRun(Artifact):
    """Other results of training, such as TensorBoard logs."""

    TYPE_NAME = "ModelRun"


class ModelBlessing(Artifact):
    """Whether a model passed its thresholds: the custom property `blessed` is 1 or 0."""

    TYPE_NAME = "ModelBlessing"


class ModelEvaluation(Artifact):
    """Metrics of a model, as TensorFlow Model Analysis writes them."""

    TYPE_NAME = "ModelEvaluation"


class PushedModel(Artifact):
    """A model that was pushed."""

    TYPE_NAME = "PushedModel"
    TYPE_ANNOTATION = system.Model


class Schema(Artifact):
    """A schema of data, `schema.pbtxt`."""

    TYPE_NAME = "Schema"


class TransformCache(Artifact):
    """Accumulators of Transform's analyzers."""

    TYPE_NAME = "TransformCache"


class TransformGraph(Artifact):
    """The transform that training and serving share."""

    TYPE_NAME = "TransformGraph"


class HyperParameters(Artifact):
    """The best hyperparameters of a tuning."""

    TYPE_NAME = "HyperParameters"


class TunerResults(Artifact):
    """All trials of a tuning."""

    TYPE_NAME = "TunerResults"


class DataView(Artifact):
    """A decoder of rows. No component of Headrace reads it."""

    TYPE_NAME = "DataView"


class Config(Artifact):
    """A configuration."""

    TYPE_NAME = "Config"
