"""The penguins on a real Kubeflow Pipelines, from `headrace submit` to an answer of the model.

`make kind-up` makes the cluster, and `make kind-test` runs this.
"""

import base64
import csv
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from support.oracles.kubernetes_manifests import MANIFESTS

ROOT = MANIFESTS.parent
PROFILE = MANIFESTS / "kind/headrace.toml"
MODEL = "http://localhost:8501/v1/models/penguins"
SERVED_SECONDS = 300

pytestmark = pytest.mark.slow


def test_the_pushed_model_tells_penguins_apart() -> None:
    started = int(time.time())
    words = [sys.executable, "-m", "headrace.cli.main", "submit", "examples/penguins/pipeline.py"]
    words += ["--target", "kubeflow", "--config", str(PROFILE), "--no-cache", "--wait"]
    subprocess.run(words, cwd=ROOT, check=True, timeout=3600)

    versions = served_since(started)
    penguins = measured(ROOT / "examples/penguins/data/penguins.csv")
    request = {"instances": [{"b64": example(each)} for each in penguins]}
    answers = ask(f"{MODEL}:predict", json.dumps(request).encode())["predictions"]

    assert len(versions) == 1
    told = [max(range(3), key=each.__getitem__) for each in answers]
    right = sum(
        each == int(penguin["species"]) for each, penguin in zip(told, penguins, strict=True)
    )
    assert right / len(penguins) > 0.9


def served_since(started: int) -> list[str]:
    """Waits until the server has loaded a version that was pushed after `started`."""
    end = time.monotonic() + SERVED_SECONDS
    while True:
        try:
            states = ask(MODEL)["model_version_status"]
        except (OSError, urllib.error.URLError) as error:
            states, shown = [], str(error)
        else:
            shown = str(states)
        found = [
            each["version"]
            for each in states
            if each["state"] == "AVAILABLE" and int(each["version"]) >= started
        ]
        if found:
            return found
        assert time.monotonic() < end, f"after {SERVED_SECONDS} s the server has {shown}"
        time.sleep(5)


def ask(url: str, body: bytes | None = None) -> dict[str, Any]:
    with urllib.request.urlopen(url, body, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def measured(file: Path) -> list[dict[str, str]]:
    """Returns the penguins without missing values."""
    with file.open(encoding="utf-8", newline="") as rows:
        return [row for row in csv.DictReader(rows) if all(row.values())]


def example(penguin: dict[str, str]) -> str:
    """Returns a penguin as an input of the signature: a serialized tf.Example in base 64."""
    features = {}
    for name in ("bill_length_mm", "bill_depth_mm"):
        features[name] = tf.train.Feature(float_list={"value": [float(penguin[name])]})
    for name in ("flipper_length_mm", "body_mass_g", "year"):
        features[name] = tf.train.Feature(int64_list={"value": [int(penguin[name])]})
    for name in ("island", "sex"):
        features[name] = tf.train.Feature(bytes_list={"value": [penguin[name].encode()]})
    message = tf.train.Example(features={"feature": features})
    return base64.b64encode(message.SerializeToString()).decode()
