"""A profile's settings for a task: the precedence of its tables."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from pathlib import Path

import pytest
from kfp import dsl

from headrace.compilation.passes.task_settings import task_settings
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.profiles.profile import read_profile
from headrace.profiles.tasks import ScopedSettings, TaskPath


@dsl.container_component
def train() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image="mine/trainer", command=["python", "-m", "headrace_components.trainer"]
    )


@dsl.pipeline(name="several")
def several() -> None:
    train()
    with dsl.ParallelFor([1, 2]) as _:
        train()


def settings(
    text: str, directory: Path, target: str = "kubeflow"
) -> dict[TaskPath, ScopedSettings]:
    path = directory / "headrace.toml"
    path.write_text(text, "utf-8")
    return task_settings(load(several).spec, target_named(target), read_profile(path))


def test_the_more_specific_table_goes_before(tmp_path: Path) -> None:
    found = settings(
        """
        [defaults]
        cpu = 1
        retries = 1
        environment = { A = "all", B = "all" }
        [components.trainer]
        cpu = 2
        memory = "2G"
        environment = { B = "trainer" }
        [tasks.train]
        cpu = 3
        """,
        tmp_path,
    )

    outer = found.pop(("train",))
    (inner,) = found.values()
    assert (outer.merged.cpu, outer.merged.memory, outer.merged.retries) == (3, "2G", 1)
    assert (inner.merged.cpu, inner.own.cpu, inner.general.cpu) == (2, None, 2)
    assert inner.merged.environment == {"A": "all", "B": "trainer"}


def test_the_table_of_a_target_goes_before_the_one_of_all(tmp_path: Path) -> None:
    text = '[tasks.train]\ncpu = 3\nmemory = "1G"\n[vertex.tasks.train]\ncpu = 4\n'

    assert settings(text, tmp_path, "vertex")[("train",)].merged.cpu == 4
    assert settings(text, tmp_path, "vertex")[("train",)].merged.memory == "1G"
    assert settings(text, tmp_path, "kubeflow")[("train",)].merged.cpu == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tasks.trian]", r"\[tasks\] has `trian`, but the tasks .* Did you mean `train`\?"),
        (
            "[tasks.for-loop-2]",
            r"has `for-loop-2`.* a sub-pipeline: name its tasks, for example `for-loop-2/t",
        ),
        ("[components.trianer]", r"\[components\]: unknown component `trianer`.*`trainer`\?"),
    ],
)
def test_what_is_misspelt_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=message):
        settings(text, tmp_path, "vertex")
