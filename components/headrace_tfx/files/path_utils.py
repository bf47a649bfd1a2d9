"""TFX's `path_utils`: where the models are in an artifact `Model`.

TFX before 0.29 wrote `eval_model_dir/<time>/` and `serving_model_dir/export/<exporter>/<time>/`.
"""

import posixpath

from headrace_tfx.files import fileio, io_utils

EVAL_MODEL_DIR = "Format-TFMA"
SERVING_MODEL_DIR = "Format-Serving"
STAMPED_MODEL_DIR = "stamped_model"
TFMA_EVAL = "tfma_eval"


def eval_model_dir(output_uri: str, is_old_artifact: bool = False) -> str:
    """Returns the directory of the model for evaluation."""
    return posixpath.join(output_uri, "eval_model_dir" if is_old_artifact else EVAL_MODEL_DIR)


def serving_model_dir(output_uri: str, is_old_artifact: bool = False) -> str:
    """Returns the directory of the model for serving."""
    return posixpath.join(output_uri, "serving_model_dir" if is_old_artifact else SERVING_MODEL_DIR)


def get_model_dir_by_type(output_uri: str, model_type: str, is_old_artifact: bool = False) -> str:
    """Returns the directory of the model for a type of TFMA, such as `tfma_eval`."""
    of_type = eval_model_dir if model_type == TFMA_EVAL else serving_model_dir
    return of_type(output_uri, is_old_artifact)


def eval_model_path(output_uri: str, is_old_artifact: bool = False) -> str:
    """Returns the path of the model for evaluation; that for serving if there is none."""
    directory = eval_model_dir(output_uri, is_old_artifact)
    if fileio.exists(posixpath.join(directory, "saved_model.pb")):
        return directory
    if fileio.exists(directory):
        return io_utils.get_only_uri_in_dir(directory)
    return serving_model_path(output_uri, is_old_artifact)


def serving_model_path(output_uri: str, is_old_artifact: bool = False) -> str:
    """Returns the path of the model for serving."""
    directory = serving_model_dir(output_uri, is_old_artifact)
    exported = posixpath.join(directory, "export")
    if fileio.exists(exported):
        return io_utils.get_only_uri_in_dir(io_utils.get_only_uri_in_dir(exported))
    return directory


def stamped_model_path(output_uri: str) -> str:
    """Returns the path of the model with requests for a server to warm up."""
    return posixpath.join(output_uri, STAMPED_MODEL_DIR)


def warmup_file_path(saved_model_path: str) -> str:
    """Returns the path of the requests in a SavedModel that a server warms up with."""
    return posixpath.join(saved_model_path, "assets.extra", "tf_serving_warmup_requests")
