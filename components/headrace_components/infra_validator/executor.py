"""Blesses a model that a server loads and that answers requests built from examples."""

import logging
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from headrace_components.contract import reasons
from headrace_components.contract.errors import InputError
from headrace_components.contract.notices import announce
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, Task
from headrace_components.infra_validator import requests
from headrace_components.infra_validator.params import MAX_WARMUP_REQUESTS, InfraValidatorParams
from headrace_components.infra_validator.serving_client import NotServedError, Validation, command
from headrace_components.library.data.tfrecord import frame
from headrace_components.library.models import saved_model

BLESSED_FILE = "INFRA_BLESSED"
NOT_BLESSED_FILE = "INFRA_NOT_BLESSED"
STAMPED_DIR = "stamped_model"
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"


def execute(task: Task) -> None:
    """Writes `INFRA_BLESSED` or `INFRA_NOT_BLESSED`, and `stamped_model/` if it is asked for."""
    params = read(InfraValidatorParams, task.params, task.component)
    if params.ignored:
        logging.warning(
            "infra_validator: `serving_spec` names %s, but the server is that of this image.",
            params.ignored,
        )
    server = command(params.model_server)
    model = saved_model.serving_directory(task.input("model"))
    wanted = _requests(task, model, params)
    logging.info("infra_validator: starting %s, %d requests.", server[0], len(wanted))
    with tempfile.TemporaryDirectory(prefix="headrace-server-") as folder:
        # A server reads a directory of versions, but each artifact has only one version.
        version = Path(folder, params.model_name, str(int(time.time())))
        shutil.copytree(model, version)
        validation = Validation(
            command=server,
            model_name=params.model_name,
            base_path=Path(folder, params.model_name),
            max_seconds=params.max_loading_seconds,
            requests=wanted,
        )
        failure = _failure(validation, params.num_tries)
        # A server names the place of its copy, which differs from run to run.
        failure = failure.replace(str(version), model.name)
    _write_blessing(task.output("blessing"), failure)
    if not failure and params.makes_warmup:
        _write_stamped_model(task.output("blessing"), model, wanted)


def _requests(task: Task, model: Path, params: InfraValidatorParams) -> list[Any]:
    examples = task.optional_input("examples")
    if not params.has_requests:
        return []
    if examples is None:
        raise InputError(
            "`request_spec` is given, but `examples` is not connected, so there "
            "are no rows to ask about. Connect examples, or leave `request_spec` out to only load "
            "the model."
        )
    wanted = requests.build(model, examples, params)
    if params.makes_warmup and len(wanted) > MAX_WARMUP_REQUESTS:
        raise InputError(
            f"`make_warmup` would keep {len(wanted)} requests, but TensorFlow "
            f"Serving loads no model with more than {MAX_WARMUP_REQUESTS}. Lower `num_examples`, "
            "which counts for each of `signature_names`."
        )
    return wanted


def _failure(validation: Validation, num_tries: int) -> str:
    """Returns why the model was not served in the last try; empty if it was served."""
    last = ""
    for number in range(1, num_tries + 1):
        start = time.monotonic()
        try:
            validation.run()
        except NotServedError as reason:
            last = str(reason).rstrip(".")
            logging.warning("infra_validator: try %d of %d: %s.", number, num_tries, last)
        else:
            announce("infra_validator: INFRA_BLESSED after %.1f s.", time.monotonic() - start)
            return ""
    announce("infra_validator: INFRA_NOT_BLESSED: %d tries failed: %s.", num_tries, last)
    return last


def _write_blessing(blessing: Artifact, failure: str) -> None:
    is_blessed = not failure
    (blessing.path / (BLESSED_FILE if is_blessed else NOT_BLESSED_FILE)).touch()
    blessing.metadata.update(blessed=int(is_blessed), has_model=0)
    if failure:
        blessing.metadata[reasons.KEY] = reasons.to_text([failure])


def _write_stamped_model(blessing: Artifact, model: Path, wanted: list[Any]) -> None:
    stamped = blessing.path / STAMPED_DIR
    shutil.copytree(model, stamped, copy_function=shutil.copyfile)
    file = stamped / WARMUP_FILE
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(frame([requests.as_log(request) for request in wanted]))
    blessing.metadata["has_model"] = 1
