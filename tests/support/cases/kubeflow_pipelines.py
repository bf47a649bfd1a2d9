"""A pipeline with a loop and a condition, of components that nobody runs."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from kfp import dsl

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
