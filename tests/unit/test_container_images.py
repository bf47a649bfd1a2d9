# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False
"""The images that container runners run, and their part in the cache."""

from pathlib import Path

import pytest
from kfp import dsl

from headrace.compilation.passes.image_references import images_to_run
from headrace.ir.view import Pipeline
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.targets.local.cache.answers import Cache
from headrace.targets.local.runners.container_images import ImageCode, image_ids, images_of
from headrace.targets.local.shared.results import TaskInputs
from headrace_components.artifacts import Examples
from headrace_components.catalog import latest_artifact, latest_blessed_model, pusher, trainer
from headrace_components.contract.errors import InputError
from support.cases.local_pipelines import compiled, number

PUSHER = "localhost/headrace/pusher:dev"


@dsl.pipeline(name="four")
def four():
    pusher()
    latest_artifact(producer="trainer", output="model")
    latest_blessed_model()
    number(value=1)


def test_an_image_is_the_authors_own_else_pinned_else_built_here() -> None:
    own = f"ghcr.io/mine/blessed@sha256:{'b' * 64}"
    digest = f"sha256:{'a' * 64}"
    images = Images(
        registry="ghcr.io/acme",
        digests={"latest_artifact": digest},
        tasks={"latest-blessed-model": own},
    )

    spec = Pipeline(body=images_to_run(compiled(four), Profile(images=images)))

    assert images_of(spec) == sorted(
        [PUSHER, f"ghcr.io/acme/latest_artifact@{digest}", own, "test"]
    )


def test_without_a_registry_all_images_are_built_here() -> None:
    spec = images_to_run(compiled(four), Profile())

    assert images_to_run(spec, Profile()) == spec
    names = ("latest_artifact", "latest_blessed_model", "pusher")
    images = [*(f"localhost/headrace/{n}:dev" for n in names), "test"]
    assert images_of(Pipeline(body=spec)) == images


@dsl.pipeline(name="gpu")
def gpu():
    examples = dsl.importer(artifact_uri="/data", artifact_class=Examples)
    trainer(examples=examples.output, run_fn="acme.run_fn").set_accelerator_limit(1)
    trainer(examples=examples.output, run_fn="acme.run_fn")


def test_who_asks_for_a_gpu_runs_in_the_image_with_cuda() -> None:
    names = ("trainer", "trainer_cuda")

    spec = Pipeline(body=images_to_run(compiled(gpu), Profile()))

    assert images_of(spec) == [f"localhost/headrace/{name}:dev" for name in names]


def test_the_cache_takes_the_images_id_for_the_code(tmp_path: Path) -> None:
    spec = Pipeline(body=images_to_run(compiled(four), Profile()))

    def key(task: str, **ids: str) -> str | None:
        code = ImageCode(ids={PUSHER: ids["pusher"], "test": ids["test"]})
        found = spec.root.tasks[task]
        component = spec.component(found.component)
        return Cache(root=tmp_path, pipeline="four", code=code).key(found, component, TaskInputs())

    assert key("pusher", pusher="1", test="2") == key("pusher", pusher="1", test="3")
    assert key("pusher", pusher="1", test="2") != key("pusher", pusher="4", test="2")
    assert key("number", pusher="1", test="2") != key("number", pusher="1", test="3")


@pytest.mark.parametrize("reference", ["", "--help", "a b", "a\nb"])
def test_what_is_an_option_of_the_engine_is_no_image(reference: str) -> None:
    with pytest.raises(InputError, match="which sh cannot have"):
        image_ids("sh", [reference], print)
