"""images/ lists for each image exactly what its component needs."""

import ast
import json
import re
import shutil
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from headrace.cli.main import main
from headrace.images import definitions, locking
from headrace.images.definitions import Image
from headrace_components import catalog
from headrace_components.contract.errors import InputError
from support.cases.declared import CUDA_VARIANTS, component

REPOSITORY = Path(__file__).parents[2]
ROOT = REPOSITORY / "images"
STANDARD = sys.stdlib_module_names
IMAGES = definitions.images(ROOT)
VARIANTS = definitions.variants(ROOT)
ALL = [*definitions.layers(ROOT), *IMAGES, *VARIANTS]

# The libraries that TensorFlow opens, and nvJitLink and NVRTC, which those libraries open.
LIBRARIES = (
    "cublas",
    "cuda-cupti",
    "cuda-nvcc",
    "cuda-nvrtc",
    "cuda-runtime",
    "cudnn",
    "cufft",
    "cusolver",
    "cusparse",
    "nccl",
    "nvjitlink",
)

each_image = pytest.mark.parametrize("image", [*IMAGES, *VARIANTS], ids=lambda image: image.name)
each_variant = pytest.mark.parametrize("image", VARIANTS, ids=lambda image: image.name)
each_lock = pytest.mark.parametrize("image", ALL, ids=lambda image: image.name)


def test_every_component_has_an_image() -> None:
    assert [image.name for image in IMAGES] == sorted([*catalog.__all__, "python_component"])


@each_image
def test_an_image_has_what_its_component_imports(image: Image) -> None:
    required = {requirement.name for requirement in image.requirements()}
    missing = {
        module
        for module in third_party(f"headrace_components.{image.component}.executor")
        if not packages(module) & required
    }
    assert not missing


@each_image
def test_an_image_has_nothing_that_its_component_does_not_import(image: Image) -> None:
    modules = third_party(f"headrace_components.{image.component}.executor")
    imported = set[str]().union(*(packages(module) for module in modules))
    if component(image.component).own_ports:
        imported |= {each.name for each in image.requirements()}  # the author's code does
    unused = {
        requirement.name
        for requirement in image.requirements()
        if requirement.name not in imported and not requirement.reason
    }
    assert not unused


@each_lock
def test_a_lock_is_of_the_requirements_beside_it(image: Image) -> None:
    assert locking.is_current(image), f"{image.lock}: run `make lock/{image.name}`"


@each_lock
def test_an_image_begins_with_all_of_its_layer(image: Image) -> None:
    if image.layer is not None:
        layer = image.layer / definitions.LOCK_FILE
        assert pins(layer).items() <= pins(image.lock).items()


def test_images_have_the_versions_that_the_tests_ran_with() -> None:
    tested = pins(ROOT / "local/tfx-1.21.lock")
    for image in ALL:
        if image.name != "tfjs_converter":
            shared = pins(image.lock).keys() & tested.keys()
            assert {name: pins(image.lock)[name] for name in shared} == {
                name: tested[name] for name in shared
            }


@each_lock
def test_beam_can_tell_which_refusals_a_retry_mends(image: Image) -> None:
    # Beam's retries import the errors of apitools, and apitools imports this. Without them, a
    # missing role is retried for half a minute, and a cancellation for ten minutes.
    locked = image.lock.read_text("utf-8")
    assert ("\ngoogle-apitools==" in locked) == ("\noauth2client==" in locked)


def test_no_image_has_kfp_or_the_compiler() -> None:
    for image in ALL:
        assert not {"kfp", "headrace"} & pins(image.lock).keys()


def test_the_compiler_knows_all_variants() -> None:
    assert {image.component: image.name for image in VARIANTS} == CUDA_VARIANTS


@each_variant
def test_a_variant_is_the_image_with_another_tensorflow(image: Image) -> None:
    (base,) = (each for each in IMAGES if each.name == image.component)
    theirs, its = pins(base.lock), pins(image.lock)
    assert theirs.pop("tensorflow-cpu") == its.pop("tensorflow")
    assert theirs.items() <= its.items()
    assert its.keys() - theirs.keys() == {f"nvidia-{library}-cu12" for library in LIBRARIES}


def test_the_lock_of_a_variant_is_as_old_as_what_it_is_a_variant_of(tmp_path: Path) -> None:
    for name in ("trainer", "trainer_cuda", "layers"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (image,) = definitions.variants(tmp_path)
    assert locking.is_current(image)
    for file in ("trainer/requirements.in", "layers/tfx/excludes.txt"):
        text = (tmp_path / file).read_text("utf-8")
        (tmp_path / file).write_text(f"{text}more\n", "utf-8")
        assert not locking.is_current(image)
        (tmp_path / file).write_text(text, "utf-8")


def test_all_images_are_listed_with_their_components(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "--images", str(ROOT), "list", "--json"]) == 0
    rows = {row["image"]: row["component"] for row in json.loads(capsys.readouterr().out)}
    assert rows == {image.name: image.component for image in [*IMAGES, *VARIANTS]}
    assert main(["images", "--images", str(ROOT), "list"]) == 0
    assert "\ntrainer_cuda            tfx_cuda " in capsys.readouterr().out


def test_an_unknown_image_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "--images", str(ROOT), "lock", "pushr"]) == 2
    assert "there is no image 'pushr'. Did you mean 'pusher'?" in capsys.readouterr().err


def test_a_folder_without_images_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["images", "--images", str(tmp_path / "images"), "list"]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_a_lock_that_is_out_of_date_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "requirements.in").write_text("numpy\n", "utf-8")
    (image,) = definitions.images(tmp_path)
    with pytest.raises(InputError, match=r"is missing.* Run `make lock/mine`"):
        locking.check_current(image)
    image.lock.write_text("# of another time\nnumpy==2.0\n", "utf-8")
    with pytest.raises(InputError, match=r"is older than what it is resolved from"):
        locking.check_current(image)


def pins(lock: Path) -> dict[str, str]:
    """Returns versions by package."""
    found = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[\S+\])?==(\S+)", lock.read_text("utf-8"), re.MULTILINE
    )
    return {normalized(name): version for name, version in found}


@cache
def third_party(module: str) -> frozenset[str]:
    """Returns the modules of other packages that a module imports, directly or through ours."""
    seen, found, waiting = set[str](), set[str](), [module]
    while waiting:
        name = waiting.pop()
        file = source(name)
        if name in seen or file is None:
            continue
        seen.add(name)
        for imported in imports(file):
            if imported.startswith(("headrace_components", "headrace_tfx")):
                waiting.append(imported)
            elif imported != "google.cloud" and imported.partition(".")[0] not in STANDARD:
                found.add(imported)
    return frozenset(found)


def source(module: str) -> Path | None:
    path = REPOSITORY / "components" / module.replace(".", "/")
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def imports(file: Path) -> set[str]:
    names = set[str]()
    for statement in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(statement, ast.Import):
            names.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            names.add(statement.module)
            if statement.module.startswith(("headrace_components", "headrace_tfx", "google.cloud")):
                names.update(f"{statement.module}.{alias.name}" for alias in statement.names)
    return names


def packages(module: str) -> set[str]:
    """Returns the packages that may hold a module, by their normalized names."""
    top = module.partition(".")[0]
    if top == "google":
        return google_packages(module)
    if top == "tensorflow":
        return {"tensorflow", "tensorflow-cpu"}
    return {normalized(name) for name in installed().get(top, [top])}


def google_packages(module: str) -> set[str]:
    """Returns the package of a module of the namespace that many packages share."""
    _, kind, *rest = module.split(".")
    if kind == "cloud":
        return {f"google-cloud-{normalized(rest[0].partition('_v')[0])}"}
    return {"protobuf" if kind == "protobuf" else f"google-{normalized(kind)}"}


@cache
def installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def normalized(name: str) -> str:
    """Returns a package's name in the form of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
