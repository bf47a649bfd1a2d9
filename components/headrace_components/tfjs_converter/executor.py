"""Converts a SavedModel for TensorFlow.js. Runs only in an environment that has tensorflowjs."""

import fnmatch
import json
import logging
from pathlib import Path

from headrace_components.contract.errors import InputError
from headrace_components.contract.notices import announce
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.models import saved_model
from headrace_components.library.models.blessings import is_blessed
from headrace_components.tfjs_converter.conversion import MODEL_FILE, convert
from headrace_components.tfjs_converter.params import TfjsConverterParams


def execute(task: Task) -> None:
    """Writes `Format-Serving/model.json` and its weights; nothing if the model is not blessed."""
    params = read(TfjsConverterParams, task.params, task.component)
    blessing = task.optional_input("model_blessing")
    if blessing is not None and not is_blessed(blessing, "BLESSED", "NOT_BLESSED"):
        announce("tfjs_converter: nothing is converted: %s is not a blessing.", blessing.uri)
        return
    folder = saved_model.serving_directory(task.input("model"))
    saved_model.read_signatures(folder, (), (params.signature_name,))
    target = task.output("converted_model").path / saved_model.SERVING_DIR
    convert(task.component, folder, target, params)
    _check_quantized(target, params)
    sizes = [file.stat().st_size for file in target.iterdir()]
    logging.info("tfjs_converter: %d bytes in %d files.", sum(sizes), len(sizes))


def _check_quantized(target: Path, params: TfjsConverterParams) -> None:
    manifest = json.loads((target / MODEL_FILE).read_text("utf-8"))["weightsManifest"]
    weights = [weight for group in manifest for weight in group["weights"]]
    quantized = [weight["name"] for weight in weights if "quantization" in weight]
    for pattern in params.quantized_weights:
        if not fnmatch.filter(quantized, pattern):
            known = sorted(each["name"] for each in weights if each["dtype"] == "float32")
            raise InputError(
                f"{pattern!r} of `quantized_weights` is the name of no weight; "
                f"those of type float32 are {known}. Name some of these, with '*' for any "
                "characters, or leave the parameter out for all."
            )
