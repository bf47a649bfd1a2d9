"""Functions by dotted path: they are only found in the author's own image."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from typing import Any

import pytest
from kfp import dsl

from headrace.compilation.passes.dotted_functions import check_dotted_functions
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace_components.catalog import csv_example_gen, filter_examples, trainer

IMAGE = f"registry.example.com/mine/trainer@sha256:{'0' * 64}"


@dsl.pipeline(name="p")
def trains(function: str = "models.train.run_fn") -> None:
    examples = csv_example_gen(input_base="gs://bucket/data").outputs["examples"]
    trainer(examples=examples, run_fn=function)


@dsl.pipeline(name="p")
def filters() -> None:
    examples = csv_example_gen(input_base="gs://bucket/data").outputs["examples"]
    filter_examples(examples=examples, filter_fn="acme.keep")


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (trains, r"task `trainer`: `run_fn` is 'models.train.run_fn', but .*'models/train.py'"),
        (filters, r"task `filter-examples`: `filter_fn` is 'acme.keep', .*images.md\)\.$"),
    ],
)
def test_a_function_that_the_image_of_headrace_lacks_is_refused(pipeline: Any, words: str) -> None:
    with pytest.raises(CompileError, match=words):
        check_dotted_functions(load(pipeline).spec, target_named("kubeflow"), Profile())


def test_a_function_in_an_image_of_the_authors_own_is_taken() -> None:
    own = Profile(images=Images(tasks={"trainer": IMAGE}))

    check_dotted_functions(load(trains).spec, target_named("vertex"), own)
    check_dotted_functions(load(trains).spec, target_named("local"), Profile())
