"""Writes the pipeline for Kubeflow."""

from tfx import v1 as tfx

from pipeline import configs, pipeline

OUTPUT_DIR = "gs://" + configs.GCS_BUCKET_NAME


def run():
    """Writes the pipeline's file."""
    runner_config = tfx.orchestration.experimental.KubeflowV2DagRunnerConfig()
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=runner_config, output_filename=configs.PIPELINE_NAME + ".yaml"
    )
    runner.run(
        pipeline.create_pipeline(
            pipeline_name=configs.PIPELINE_NAME,
            pipeline_root=OUTPUT_DIR + "/tfx_pipeline_output/" + configs.PIPELINE_NAME,
            data_path=OUTPUT_DIR + "/tfx-template/data/taxi",
            preprocessing_fn=configs.PREPROCESSING_FN,
            run_fn=configs.RUN_FN,
            train_args=tfx.proto.TrainArgs(num_steps=configs.TRAIN_NUM_STEPS),
            eval_args=tfx.proto.EvalArgs(num_steps=configs.EVAL_NUM_STEPS),
            eval_accuracy_threshold=configs.EVAL_ACCURACY_THRESHOLD,
            serving_model_dir=OUTPUT_DIR + "/serving_model",
        )
    )


if __name__ == "__main__":
    run()
