"""TensorFlow.js in a real Node.js, and the environment of tfjs_converter itself."""

import asyncio
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.targets.local.runners.environments import Environment, Environments
from headrace.targets.local.runners.nursery_client import Nursery
from support.programs.finding import program

_PROGRAM = Path(__file__).parents[2] / "fixtures/tfjs"
_FILES = (".npmrc", "package.json", "package-lock.json", "predict.mjs")


@functools.cache
def converter_environment() -> Environment:
    """Returns the environment that `headrace run` makes for tfjs_converter; it is made once."""

    async def make(logs: Path) -> Environment:
        nursery = Nursery(logs / "nursery.log")
        try:
            environments = Environments(nursery.run, logs / "environments.log", print)
            return await environments.get("tfjs_converter")
        finally:
            await nursery.close()

    with tempfile.TemporaryDirectory() as logs:
        return asyncio.run(make(Path(logs)))


def predict(folder: Path, inputs: Mapping[str, NDArray[Any]]) -> Any:
    """Returns a model's outputs in Node.js: an array, a list of arrays, or a dict by name."""
    message = {
        name: {"dtype": "string" if value.dtype.kind == "U" else value.dtype.name, "values": value}
        for name, value in inputs.items()
    }
    text = json.dumps(message, default=np.ndarray.tolist)
    command = [_found("node"), str(_program() / "predict.mjs"), str(folder), text]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@functools.cache
def _program() -> Path:
    """Returns the directory of predict.mjs with its packages, installed once for all runs."""
    contents = b"".join((_PROGRAM / name).read_bytes() for name in _FILES)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "headrace/tests")
    target = cache / f"tfjs-{hashlib.sha256(contents).hexdigest()[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            partial = Path(tempfile.mkdtemp(dir=cache))
            for name in _FILES:
                shutil.copy(_PROGRAM / name, partial)
            subprocess.run([_found("npm"), "ci", "--silent"], cwd=partial, check=True)
            partial.rename(target)
    return target


def _found(name: str) -> str:
    return program(name, "TensorFlow.js cannot load what was converted")
