"""Every feature compiles for every target or is refused there, as the page shows."""

import importlib
import os
from pathlib import Path

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from support.cases.conformance_features import FEATURES, PAGE, PROFILE, Feature, refusal, render

HERE = Path(__file__)
for module in sorted(HERE.parent.glob("test_*.py")):
    if module != HERE:
        importlib.import_module(module.stem)

COMPILED = [feature for feature in FEATURES if feature.pipeline is not None]


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
@pytest.mark.parametrize("feature", COMPILED, ids=lambda feature: feature.name)
def test_a_feature_compiles_or_is_refused_with_a_way_out(feature: Feature, target: str) -> None:
    words = refusal(feature, target)
    if words:
        *_, advice = words.split(". ")
        assert words.endswith(".")
        assert advice[0].isupper()
        return
    document = compile_for(load(feature.pipeline), target, PROFILE).document
    spec = document["pipelineSpec"] if target == "vertex" else document
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())


def test_the_page_is_up_to_date() -> None:
    if os.environ.get("HEADRACE_REGENERATE") and not os.environ.get("CI"):
        PAGE.write_text(render(), "utf-8")

    assert PAGE.read_text("utf-8") == render(), "run `make golden`"
