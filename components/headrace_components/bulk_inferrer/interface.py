"""What BulkInferrer looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples, InferenceResult, Model, ModelBlessing
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def bulk_inferrer(
    examples: dsl.Input[Examples],
    model: dsl.Input[Model],
    inference_result: dsl.Output[InferenceResult],
    output_examples: dsl.Output[Examples],
    model_blessing: dsl.Input[ModelBlessing] = None,
    data_spec: dict = {},
    model_spec: dict = {},
    output_example_spec: dict = {},
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Has a model predict every row: as prediction logs, or as examples with more columns.

    Args:
        examples: Rows to predict, of the kind that the model's signature parses.
        model: The model, a SavedModel.
        inference_result: Prediction logs; empty where `output_example_spec` is given.
        output_examples: The examples with the predictions as columns; empty otherwise.
        model_blessing: The evaluator's verdict; a model that is not blessed predicts nothing.
        data_spec: `{"example_splits": [...]}`, as tfx.proto.DataSpec; all splits by default.
        model_spec: `{"model_signature_name": [...], "tag": [...]}`, as tfx.proto.ModelSpec; the
            signature `serving_default` by default.
        output_example_spec: `{"output_columns_spec": [{"signature_name": ..., "predict_output":
            {"output_columns": [{"output_key": ..., "output_column": ...}]}}]}`, as
            tfx.proto.OutputExampleSpec; also `classify_output` and `regress_output`.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.
    """
    return dsl.ContainerSpec(
        image=image("bulk_inferrer"),
        command=["python", "-m", "headrace_components.bulk_inferrer"],
        args=["--executor_input", "{{$}}"],
    )
