"""The arguments of a user's run_fn and tuner_fn, with the names of TFX's FnArgs.

Standard library only, so that a module file can use these types without TensorFlow.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple


class DataAccessor(NamedTuple):
    """Factories that read the examples, for any location and file format.

    Attributes:
        tf_dataset_factory: `(files, tfxio.TensorFlowDatasetOptions, schema)` to a
            `tf.data.Dataset` of dicts of batched tensors, or of pairs of such a dict and a label.
        record_batch_factory: `(files, tfxio.RecordBatchesOptions, schema)` to an iterator of
            `pyarrow.RecordBatch`.
        data_view_decode_fn: None: Headrace's examples are tf.Examples and need no data view.
    """

    tf_dataset_factory: Callable[..., Any]
    record_batch_factory: Callable[..., Any]
    data_view_decode_fn: Callable[..., Any] | None


class TunerFnResult(NamedTuple):
    """The result of a user's tuner_fn.

    Attributes:
        tuner: A `keras_tuner` tuner, such as `keras_tuner.RandomSearch(...)`.
        fit_kwargs: Keyword arguments of its `search`, which hands them to `model.fit`.
    """

    tuner: Any
    fit_kwargs: dict[str, Any]


@dataclass(kw_only=True)
class FnArgs:
    """Arguments of `run_fn` and `tuner_fn`; unconnected inputs are None. Not frozen, as in TFX.

    Attributes:
        working_dir: Directory for temporary files; tuner only.
        train_files: Patterns of the training files, such as `<examples>/Split-train/*`.
        eval_files: Patterns of the evaluation files.
        train_steps: Training steps, at least 1, or None: the module decides.
        eval_steps: Evaluation steps, at least 1, or None: the module decides.
        schema_path: File of the schema, text-format `tensorflow.metadata.v0.Schema`.
        schema_file: The same; TFX's deprecated name.
        transform_graph_path: Directory for `tft.TFTransformOutput`.
        transform_output: The same; TFX's deprecated name.
        data_accessor: Reads `train_files` and `eval_files`.
        serving_model_dir: Where to save the model.
        eval_model_dir: Where to save a model for evaluation only, if there is one.
        model_run_dir: Where to write TensorBoard logs and checkpoints.
        base_model: Directory of a saved model to start from.
        hyperparameters: `keras_tuner.HyperParameters.get_config()` of a tuning.
        custom_config: The values from the pipeline's author; whole numbers are ints.
        num_examples: Rows by split, if statistics are connected.
    """

    working_dir: str | None = None
    train_files: list[str] | None = None
    eval_files: list[str] | None = None
    train_steps: int | None = None
    eval_steps: int | None = None
    schema_path: str | None = None
    schema_file: str | None = None
    transform_graph_path: str | None = None
    transform_output: str | None = None
    data_accessor: DataAccessor | None = None
    serving_model_dir: str | None = None
    eval_model_dir: str | None = None
    model_run_dir: str | None = None
    base_model: str | None = None
    hyperparameters: dict[str, Any] | None = None
    custom_config: dict[str, Any] | None = None
    num_examples: dict[str, int] | None = None

    @functools.cached_property
    def strategy(self) -> Any:
        """A `tf.distribute.Strategy` for the machines of the task, made when it is first used.

        MultiWorkerMirroredStrategy on several machines, MirroredStrategy on one with several GPUs,
        else TensorFlow's default, whose scope changes nothing. Inside the scope of a strategy, it
        is that strategy. TFX does not have this field: a module that must run with both makes its
        own strategy.
        """
        from headrace_components.library.user_code.strategies import fitting_strategy

        return fitting_strategy()
