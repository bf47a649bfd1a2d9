"""Runs the pipeline on this machine."""

import os

from tfx import v1 as tfx

from pipeline import configs, pipeline

HERE = os.path.dirname(os.path.abspath(__file__))
OUTPUT_DIR = os.path.join(HERE, "tfx_pipeline_output")


def run():
    """Runs the pipeline."""
    tfx.orchestration.LocalDagRunner().run(
        pipeline.create_pipeline(
            pipeline_name=configs.PIPELINE_NAME,
            pipeline_root=os.path.join(OUTPUT_DIR, configs.PIPELINE_NAME),
            data_path=os.path.join(HERE, "data"),
            preprocessing_fn=configs.PREPROCESSING_FN,
            run_fn=configs.RUN_FN,
            train_args=tfx.proto.TrainArgs(num_steps=configs.TRAIN_NUM_STEPS),
            eval_args=tfx.proto.EvalArgs(num_steps=configs.EVAL_NUM_STEPS),
            eval_accuracy_threshold=configs.EVAL_ACCURACY_THRESHOLD,
            serving_model_dir=os.path.join(OUTPUT_DIR, "serving_model"),
            metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
                os.path.join(OUTPUT_DIR, "tfx_metadata", configs.PIPELINE_NAME, "metadata.db")
            ),
        )
    )


if __name__ == "__main__":
    run()
