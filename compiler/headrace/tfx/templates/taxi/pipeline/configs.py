"""Settings that the runners share."""

PIPELINE_NAME = "{{PIPELINE_NAME}}"

# The functions that Transform and Trainer call.
PREPROCESSING_FN = "models.preprocessing.preprocessing_fn"
RUN_FN = "models.keras_model.model.run_fn"

TRAIN_NUM_STEPS = 200
EVAL_NUM_STEPS = 10

# The least accuracy of a model that is pushed.
EVAL_ACCURACY_THRESHOLD = 0.6

# For kubeflow_runner.py and kubeflow_v2_runner.py: a bucket that the tasks may write to, with
# data/data.csv of this project below tfx-template/data/taxi.
GOOGLE_CLOUD_PROJECT = "my-project"
GCS_BUCKET_NAME = GOOGLE_CLOUD_PROJECT + "-kubeflowpipelines-default"
