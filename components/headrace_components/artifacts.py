"""Artifact types of Headrace; each docstring is the on-disk format.

The layouts are the same as in TFX, so artifacts and lineage work together with TFX pipelines. The
titles are in `contract/artifact_types.py`, for code without kfp.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace_components.typed.kfp import Artifact
else:
    from kfp.dsl import Artifact

from headrace_components.contract import artifact_types as types
from headrace_components.contract.artifact_types import ArtifactType


class _TfxArtifact(Artifact):
    """The base of all artifact types of Headrace."""

    schema_version = "0.0.1"
    tfx_title: str

    def __init_subclass__(cls, *, declared: ArtifactType | None = None) -> None:
        super().__init_subclass__()
        if declared is not None:  # a class that an author derives keeps the titles of its base
            cls.schema_title, cls.tfx_title = declared.schema_title, declared.tfx_title


class OwnArtifact(Artifact):
    """The base of the types that authors make with `authoring.artifact_type`.

    Its name in ML Metadata is that of the author. Metadata: the declared properties of the type.
    """

    schema_version = "0.0.1"
    tfx_title: str
    tfx_properties: Mapping[str, str]

    def __init_subclass__(cls, *, declared: ArtifactType, properties: Mapping[str, str]) -> None:
        super().__init_subclass__()
        cls.schema_title, cls.tfx_title = declared.schema_title, declared.tfx_title
        cls.tfx_properties = properties


class Examples(_TfxArtifact, declared=types.EXAMPLES):
    """Rows for training and evaluation, one directory per split.

    Layout: `Split-<name>/<prefix>-NNNNN-of-NNNNN.gz`, gzip TFRecords of serialized
    `tf.train.Example` messages. A `Split-*` directory contains nothing else. If `columnar.json`
    lists them, there are also `Columnar-<name>/part-NNNNN-of-NNNNN.parquet` with the same rows in
    the same order as list columns. If a checksum shows that such a file is damaged, its rows are
    read from the TFRecords. Components that make raw examples also write the metadata there, as
    `examples.json`. On Kubeflow with `large_artifacts = "reference"` both kinds of directories are
    elsewhere in the bucket, and `reference.json` names the place.
    Metadata: `split_names` (JSON list), `span`, `version`, `payload_format`, `file_format`,
    `input_fingerprint`.
    """


class ExampleStatistics(_TfxArtifact, declared=types.EXAMPLE_STATISTICS):
    """Statistics of every feature, one file per split.

    Layout: `Split-<name>/FeatureStats.pb`, a binary `DatasetFeatureStatisticsList`. Transform's
    statistics are one `FeatureStats.pb` at the root.
    Metadata: `split_names` (JSON list), `span`.
    """


class Schema(_TfxArtifact, declared=types.SCHEMA):
    """Types, presence and domains of the features.

    Layout: `schema.pbtxt`, a text-format `tensorflow.metadata.v0.Schema`.
    """


class ExampleAnomalies(_TfxArtifact, declared=types.EXAMPLE_ANOMALIES):
    """The contradictions between data and schema, one file per split.

    Layout: `Split-<name>/SchemaDiff.pb`, a binary `Anomalies`. Transform's anomalies are one
    `SchemaDiff.pb` at the root. Those of a comparison with a baseline are in
    `SplitPair-<test>_<baseline>/`, and the names of its splits are `<test>_<baseline>`.
    Metadata: `split_names` (JSON list), `span`, `blessed` (JSON object: split to 1 or 0, or to 2
    without a baseline).
    """


class TransformGraph(_TfxArtifact, declared=types.TRANSFORM_GRAPH):
    """The transform that training and serving share.

    Layout: `metadata/schema.pbtxt` (raw schema), `transform_fn/` (SavedModel),
    `transformed_metadata/{schema.pbtxt,asset_map}`.
    """


class TransformCache(_TfxArtifact, declared=types.TRANSFORM_CACHE):
    """Accumulators of Transform's analyzers, one directory per analyzed data set.

    They are valid for the same rows at any location, and not for other rows at the same location.

    Layout: `Split-<name>-<digest of its rows>/`, in the form of
    `tensorflow_transform.beam.analyzer_cache`.
    """


class Model(_TfxArtifact, declared=types.MODEL):
    """A trained model.

    Layout: `Format-Serving/`, a SavedModel or other files that `run_fn` saved there; optionally
    `Format-TFMA/`, a model for evaluation only. A resolver that found no model leaves an empty
    directory with metadata `found` 0.
    """


class ModelRun(_TfxArtifact, declared=types.MODEL_RUN):
    """Other results of training: TensorBoard logs, checkpoints and similar files."""


class ModelEvaluation(_TfxArtifact, declared=types.MODEL_EVALUATION):
    """Metrics per slice, in the form of TensorFlow Model Analysis.

    Layout: `eval_config.json`, `metrics-00000-of-00001.tfrecord` and `validations.tfrecord`,
    readable with `tfma.load_eval_result`.
    """


class ModelBlessing(_TfxArtifact, declared=types.MODEL_BLESSING):
    """The verdict on a model: whether it passed its thresholds.

    Layout: one file, `BLESSED` or `NOT_BLESSED`, with a JSON object: `model` (the URI of the judged
    model), `baseline_model` and `created` (seconds since the epoch). TFX only uses the file's name.
    A converter judges its own output, which has no URI before the converter ends, so it leaves out
    `model`; its `baseline_model` is the model that it converted.
    Metadata: `blessed` 1 or 0, `current_model`, `current_model_id`, `baseline_model`,
    `baseline_model_id`.
    """


class InfraBlessing(_TfxArtifact, declared=types.INFRA_BLESSING):
    """The verdict of a real server: whether the model loaded and answered.

    Layout: one file, `INFRA_BLESSED` or `INFRA_NOT_BLESSED`; optionally `stamped_model/`.
    Metadata: `blessed` 1 or 0, `has_model` 1 or 0.
    """


class HyperParameters(_TfxArtifact, declared=types.HYPER_PARAMETERS):
    """The best hyperparameters of a tuning.

    Layout: `best_hyperparameters.txt`, JSON of `keras_tuner.HyperParameters.get_config()`.
    """


class TunerResults(_TfxArtifact, declared=types.TUNER_RESULTS):
    """Every completed trial of a tuning, the best first.

    Layout: `tuner_results.json`, a list of JSON objects with `trial_id`, `score` and the
    hyperparameters by name.
    """


class InferenceResult(_TfxArtifact, declared=types.INFERENCE_RESULT):
    """The predictions of a model for each row.

    Layout: `prediction_logs-NNNNN-of-NNNNN.gz`, gzip TFRecords of serialized
    `tensorflow.serving.PredictionLog` messages; no files if the model was not blessed.
    Metadata: `num_predictions`, 0 if the model was not blessed.
    """


class PushedModel(_TfxArtifact, declared=types.PUSHED_MODEL):
    """A copy of the model that was pushed; empty if it was not pushed.

    Layout: the files of the model's `Format-Serving/`.
    Metadata: `pushed` 1 or 0, `pushed_destination` (a directory, or the resource name of a model on
    Vertex AI), `pushed_version`; `endpoint` or `url` if the address of the server is known.
    """


class ExamplesDiff(_TfxArtifact, declared=types.EXAMPLES_DIFF):
    """The differences between rows of two data sets that have the same identifiers.

    Layout: one directory `SplitPair-<test>_<baseline>` per pair of splits, with uncompressed
    TFRecords of TFDV's messages: `skew_stats-00000-of-00001` (`FeatureSkew`, one per feature),
    `match_stats-00000-of-00001` (one `MatchStats`), `sample_pairs-00000-of-00001` (`SkewPair`) and,
    if asked for, `confusion-00000-of-00001` (`ConfusionCount`). Read them with the iterators of
    `tensorflow_data_validation.skew.feature_skew_detector`.
    """


ARTIFACT_TYPES = tuple(_TfxArtifact.__subclasses__())
