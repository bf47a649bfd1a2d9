"""A pipeline with a loop and a condition; its components do not run."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from typing import Any

from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.contract.service import Order
from headrace.frontend import loading
from headrace.profiles.profile import Profile

IMAGE = f"docker.io/library/busybox@sha256:{'0' * 64}"


@dsl.container_component
def make(rows: dsl.Output[dsl.Dataset], count: int = 1) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image=IMAGE, command=["make"], args=["{{$}}"])


@dsl.container_component
def train(rows: dsl.Input[dsl.Dataset], steps: int) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image=IMAGE, command=["train"], args=["{{$}}"])


@dsl.pipeline(name="flights")
def flights(steps: int = 5, deep: bool = False) -> None:
    rows = make(count=2)
    train(rows=rows.outputs["rows"], steps=steps)
    with dsl.ParallelFor([10, 20]) as item:
        train(rows=rows.outputs["rows"], steps=item)
    with dsl.If(deep == True):  # noqa: E712  a condition of kfp
        train(rows=rows.outputs["rows"], steps=1000)


def order(**options: Any) -> Order:
    """Returns an order of a run of the pipeline."""
    return Order(compiled=compile_for(loading.load(flights), "kubeflow", Profile()), **options)
