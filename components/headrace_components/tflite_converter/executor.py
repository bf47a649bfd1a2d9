"""Converts a SavedModel to TF Lite, and blesses it if its answers agree with the SavedModel's."""

import json
import logging
import math
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from headrace_components.contract import reasons
from headrace_components.contract.errors import InputError
from headrace_components.contract.notices import announce
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.models import saved_model
from headrace_components.library.models.blessings import is_blessed
from headrace_components.library.models.saved_model import LoadedModel
from headrace_components.tflite_converter.comparison import (
    compare,
    failures,
    prediction_output,
)
from headrace_components.tflite_converter.conversion import RepresentativeRows, convert
from headrace_components.tflite_converter.params import TFLiteConverterParams
from headrace_components.tflite_converter.report import Outcome, conversion_report
from headrace_components.tflite_converter.rows import SignatureRows
from headrace_components.tflite_converter.runners import (
    NotRunnableError,
    SavedModelRunner,
    TFLiteRunner,
    pieces,
    quantization,
)
from headrace_components.tflite_converter.signature import Signature, checked

MODEL_FILE = "model.tflite"
SIGNATURE_FILE = "signature.json"
_ASSETS_DIR = "assets"


def execute(task: Task) -> None:
    """Writes the TF Lite model, the blessing, the report and the metrics.

    A model that is not blessed leaves `converted_model` empty, and gets no blessing here either.
    """
    params = read(TFLiteConverterParams, task.params, task.component)
    verdict = task.optional_input("model_blessing")
    if verdict is not None and not is_blessed(verdict, "BLESSED", "NOT_BLESSED"):
        outcome = Outcome(reasons=(f"`model_blessing` at {verdict.uri} is not a blessing",))
    else:
        outcome = _converted(task, params)
    _publish(task, outcome)
    why = "; ".join(outcome.reasons)
    announce("tflite_converter: %s.", f"NOT_BLESSED: {why}" if why else "BLESSED")


def _converted(task: Task, params: TFLiteConverterParams) -> Outcome:
    folder = saved_model.serving_directory(task.input("model"))
    name = params.signature_name
    saved_model.read_signatures(folder, (), [name])
    signature = checked(name, saved_model.all_signatures(folder), params)
    prediction_key = prediction_output(signature, params)
    rows = _rows(task, signature, params)
    model = LoadedModel(task.component, folder)
    start = time.monotonic()
    content = convert(model, signature, params, _representative(rows, signature, params))
    seconds = time.monotonic() - start
    logging.info("tflite_converter: %d bytes after %.1f s.", len(content), seconds)
    target = task.output("converted_model").path / saved_model.SERVING_DIR
    target.mkdir()
    (target / MODEL_FILE).write_bytes(content)
    if (folder / _ASSETS_DIR).is_dir():
        shutil.copytree(folder / _ASSETS_DIR, target / _ASSETS_DIR, copy_function=shutil.copyfile)
    sizes = Outcome(
        quantization=params.quantization,
        num_bytes=len(content),
        num_saved_bytes=_num_bytes(folder),
        seconds=seconds,
    )
    try:
        runner = TFLiteRunner(content, signature)
        _write_signature(target / SIGNATURE_FILE, signature, params, runner)
        if rows is None:
            return sizes.judged("`examples` is not connected, so nothing was compared")
        before = SavedModelRunner(model, signature)
        comparison = compare(before, runner, rows, prediction_key, params)
    except NotRunnableError as error:
        return sizes.judged(str(error))
    return sizes.judged(*failures(comparison, params), comparison=comparison)


def _rows(task: Task, signature: Signature, params: TFLiteConverterParams) -> SignatureRows | None:
    artifact = task.optional_input("examples")
    if artifact is not None:
        reader = ExamplesReader(artifact.path, task.component)
        for split in params.splits:
            reader.check_split(split)
        return SignatureRows(reader, signature, params.label_key)
    if params.is_calibrated:
        raise InputError(
            f"`quantization` is {params.quantization!r}, which calibrates "
            "integers with examples, but `examples` is not connected. Connect examples of the "
            "kind that the signature takes, or choose 'dynamic_range' or 'float16'."
        )
    return None


def _representative(
    rows: SignatureRows | None, signature: Signature, params: TFLiteConverterParams
) -> RepresentativeRows:
    if rows is None or not params.is_calibrated:
        return []
    return [
        piece
        for batch in rows.batches(params.representative_split, params.num_representative_rows)
        for piece in pieces(batch.inputs, batch.num_rows, signature.batch_size or 1)
    ]


def _write_signature(
    file: Path, signature: Signature, params: TFLiteConverterParams, runner: TFLiteRunner
) -> None:
    features = {tensor.name: list(tensor.features) for tensor in signature.inputs}
    content = {
        "signature_name": signature.name,
        "quantization": params.quantization,
        "inputs": {
            name: {**_described(details), "features": features[name]}
            for name, details in sorted(runner.inputs.items())
        },
        "outputs": {name: _described(details) for name, details in sorted(runner.outputs.items())},
    }
    file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _described(details: Mapping[str, Any]) -> dict[str, Any]:
    shape = details.get("shape_signature", details["shape"])
    described: dict[str, Any] = {
        "dtype": tf.as_dtype(details["dtype"]).name,
        "shape": [None if size == -1 else int(size) for size in shape],
    }
    parameters = quantization(details)
    if parameters is not None:
        described["scale"], described["zero_point"] = parameters
    return described


def _publish(task: Task, outcome: Outcome) -> None:
    """Writes the blessing, in the same form as an evaluator, the report and the metrics."""
    blessing = task.output("blessing")
    source = task.input("model")
    # Leave out `model`: it would be the converted model, which has no URI before the task ends.
    # latest_blessed_model looks for SavedModels and then ignores this blessing.
    content = {"baseline_model": source.uri, "created": time.time()}
    name = "BLESSED" if outcome.is_blessed else "NOT_BLESSED"
    (blessing.path / name).write_text(json.dumps(content) + "\n", "utf-8")
    blessing.metadata["blessed"] = int(outcome.is_blessed)
    if outcome.reasons:
        blessing.metadata[reasons.KEY] = reasons.to_text(outcome.reasons)
    blessing.metadata["baseline_model"] = source.uri
    blessing.metadata["baseline_model_id"] = source.name
    task.output("report").path.write_bytes(conversion_report(outcome))
    values = {k: v for k, v in outcome.metrics().items() if math.isfinite(v)}
    task.output("metrics").metadata.update(values)


def _num_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
