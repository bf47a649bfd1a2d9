"""Runs the test of each backend's rules again in the component's image, like pods."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from headrace.images.built import reference
from support.launcher import built_images
from support.launcher import entry_points as launcher

# The names of tests that run entry points under the rules of each backend.
RULES_TESTS = (
    "test_the_entry_point_keeps_each_backends_rules",
    "test_a_converted_model_predicts_in_node_what_it_did",
)
FIXTURES = Path(__file__).parents[1] / "fixtures"
# By default an image is tested under one backend's rules; `make test-images` sets it to "all".
CHOSEN = os.environ.get("HEADRACE_TEST_IMAGES", "kfp-2.17")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.function.__name__ in RULES_TESTS:
        in_image = pytest.param("image", marks=[pytest.mark.slow, pytest.mark.image])
        metafunc.parametrize("place", ["here", in_image], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left = [item for item in items if is_left_out(item)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def is_left_out(item: pytest.Item) -> bool:
    parameters = (
        item.callspec.params
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else {}
    )
    return parameters.get("place") == "image" and CHOSEN not in ("all", parameters["rules"])


# `headrace_components.contract.s3_settings` sets these in the process of a task. Here this is the
# process of the test, unless a launcher starts another one.
OF_STORES = ("HEADRACE_MINIO_ENDPOINT", "HEADRACE_MINIO_REGION", "AWS_ENDPOINT_URL", "AWS_REGION")


@pytest.fixture(autouse=True)
def no_stores_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OF_STORES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def place(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """Makes the test's launcher start its subprocesses in the component's image, or here."""
    if getattr(request, "param", "here") == "here":
        yield
        return
    own = request.path.stem.removeprefix("test_")
    component = request.node.callspec.params.get("component", own)
    built_images.build(component)
    mounts = ("--volume", f"{tmp_path}:{tmp_path}", "--volume", f"{FIXTURES}:{FIXTURES}:ro")
    # Some components call a server of their test on this machine.
    words = built_images.run_as_anyone("--network", "host", *mounts)
    image = reference(component)

    started = []

    def command(directory: Path, environment: Mapping[str, str]) -> list[str]:
        started.append(directory)
        # The image sets the paths of Python and its packages.
        told = {name: text for name, text in environment.items() if not name.endswith("PATH")}
        variables = [word for pair in told.items() for word in ("--env", "=".join(pair))]
        return [*words, "--workdir", str(directory), *variables, image]

    monkeypatch.setattr(launcher, "container", command)
    tmp_path.chmod(0o777)
    before = os.umask(0)  # a backend's volumes can be written to by any user
    yield
    os.umask(before)
    assert started, "the test started nothing in the image"
