"""The build of each image: its arguments, its Dockerfile, docker-bake.hcl, and what is refused."""

import json
import re
import shutil
from pathlib import Path

import pytest

from headrace.cli.main import main
from headrace.images import bake, building, definitions, pushing
from headrace.images.building import Settings
from headrace.images.definitions import Image
from headrace.images.engines import Engine
from headrace_components.contract.errors import InputError

ROOT = Path(__file__).parents[2] / "images"
VARIANTS = definitions.variants(ROOT)
IMAGES = {image.name: image for image in [*definitions.images(ROOT), *VARIANTS]}
DOCKERFILE = (ROOT / building.DOCKERFILE).read_text("utf-8")
ENGINE = Engine(name="podman", command=("true",))

each_image = pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)


@each_image
def test_an_image_is_built_on_its_layer(image: Image) -> None:
    build = building.plan(image, Settings(root=ROOT))
    assert build.arguments["COMPONENT"] == image.component
    assert build.arguments["IMAGE"] == image.name
    assert f" AS {build.arguments['LAYER']}\n" in DOCKERFILE
    assert build.reference == f"localhost/headrace/{image.name}:dev"
    assert build.arguments["DESCRIPTION"].endswith(".")


def test_each_layer_is_a_stage_on_the_one_below() -> None:
    for layer in definitions.layers(ROOT):
        below = layer.layer.name if layer.layer else "base"
        name = layer.folder.name
        assert f"\nFROM {below} AS {name}\n" in DOCKERFILE
        assert f"COPY images/layers/{name}/requirements.lock " in DOCKERFILE


def test_nothing_of_the_source_tree_is_mounted() -> None:
    # Buildah's cache compares a layer's commands and copied files, but not mounted files: with a
    # changed lock it would return the old layer.
    mounts = re.findall(r"--mount=type=bind,(\S+)", DOCKERFILE)
    assert mounts
    assert all(mount.startswith("from=") for mount in mounts)


def test_every_build_argument_is_one_of_the_dockerfile() -> None:
    declared = set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))
    build = building.plan(IMAGES["trainer"], Settings(root=ROOT, base="debian:trixie"))
    assert set(build.arguments) == declared


def test_only_images_with_beam_carry_its_start_program() -> None:
    settings = Settings(root=ROOT)
    for name, image in IMAGES.items():
        has_beam = "apache-beam" in image.lock.read_text("utf-8")
        sdk = building.carried(image, settings)["BEAM_SDK"]
        assert sdk.startswith("docker.io/apache/beam_python3.13_sdk:2.") is has_beam, name
        assert (sdk == "nothing") is not has_beam


def test_only_infra_validator_carries_a_server() -> None:
    settings = Settings(root=ROOT)
    owners = {
        name
        for name, image in IMAGES.items()
        if building.carried(image, settings)["SERVING"] != "nothing"
    }
    assert owners == {"infra_validator"}


def test_what_is_left_out_is_told_with_what_it_costs() -> None:
    settings = Settings(root=ROOT, beam_sdk="none", serving="none")
    assert building.carried(IMAGES["transform"], settings)["BEAM_SDK"] == "nothing"
    assert building.lacking(IMAGES["pusher"], settings) == []
    (server,) = building.lacking(IMAGES["infra_validator"], settings)
    assert server.startswith("infra_validator: has no TensorFlow Serving")
    (worker,) = building.lacking(IMAGES["transform"], settings)
    assert worker.startswith("transform: has no start program of Beam")


def test_the_base_made_here_has_a_name() -> None:
    named = building.plan(IMAGES["pusher"], Settings(root=ROOT, base="mmdebstrap"))
    assert named.arguments["DEBIAN"] == building.BASE
    assert "DEBIAN" not in building.plan(IMAGES["pusher"], Settings(root=ROOT)).arguments


def test_a_stale_lock_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    root = tmp_path / "images"
    for name in ("pusher", "span_range", "layers/arrow"):
        shutil.copytree(ROOT / name, root / name)
    (root / "layers/arrow/requirements.in").write_text("numpy\npyarrow\n", "utf-8")
    (image,) = definitions.select(root, ["span_range"])
    with pytest.raises(InputError, match=r"is older than .* Run `make lock/layers/arrow`"):
        building.build([*definitions.select(root, ["pusher"]), image], Settings(root=root), ENGINE)


def test_a_layer_is_not_built_alone() -> None:
    (layer,) = definitions.select(ROOT, ["layers/arrow"])
    with pytest.raises(InputError, match=r"layers/arrow is a layer.*Name images\."):
        building.plan(layer, Settings(root=ROOT))


def test_missing_certificates_are_told() -> None:
    with pytest.raises(InputError, match=r"the certificates '/no/ca.pem' are not a file\. Correct"):
        building.plan(IMAGES["pusher"], Settings(root=ROOT, ca=Path("/no/ca.pem")))


@pytest.mark.parametrize("command", ["build", "push"])
def test_an_unknown_name_is_told_with_the_nearest(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = ["--registry", "localhost:5000"] if command == "push" else []
    assert main(["images", "--images", str(ROOT), command, "statistic_gen", *registry]) == 2
    assert "no image 'statistic_gen'. Did you mean 'statistics_gen'?" in capsys.readouterr().err


def test_the_bake_file_is_what_the_folders_say() -> None:
    assert (ROOT / bake.BAKE_FILE).read_text("utf-8") == bake.text(ROOT), "run `make generate`"


def test_bake_gives_what_build_gives() -> None:
    text = bake.text(ROOT)
    for image in IMAGES.values():
        build = building.plan(image, Settings(root=ROOT))
        (target,) = re.findall(rf'^target "{image.name}" {{\n(.*?)^}}', text, re.M | re.S)
        given = dict(re.findall(r"^    (\w+) += (.*)$", target, re.MULTILINE))
        assert given.keys() == {*build.arguments, "DEBIAN"}
        for name in ("COMPONENT", "IMAGE", "LAYER", "BEAM_SDK", "SERVING", "DESCRIPTION"):
            assert json.loads(given[name]) == build.arguments[name]


def test_variants_are_built_when_they_are_named() -> None:
    named = definitions.select(ROOT, [image.name for image in VARIANTS])
    assert named == VARIANTS
    assert not {image.name for image in definitions.select(ROOT, [])} & {i.name for i in VARIANTS}
    groups = dict(re.findall(r'^group "(\w+)" { targets = (\[.*]) }$', bake.text(ROOT), re.M))
    assert json.loads(groups["variants"]) == [image.name for image in VARIANTS]
    assert {*json.loads(groups["default"]), *json.loads(groups["variants"])} == IMAGES.keys()


def test_the_driver_is_asked_for_in_images_with_cuda() -> None:
    # Without these a container has no libcuda.so.1: TensorFlow logs this in one line, and trains on
    # the CPU.
    (stage,) = re.findall(r"^FROM arrow AS cuda\n(.*?)^FROM ", DOCKERFILE, re.M | re.S)
    assert "NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility" in stage
    assert "LD_LIBRARY_PATH=/usr/local/nvidia/lib64\n" in stage


@pytest.mark.parametrize("registry", ["https://host/a", "host/A", "host//a", ""])
def test_a_registry_that_is_no_name_is_told(registry: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not a valid registry name.* in --registry"):
        pushing.push([IMAGES["pusher"]], registry, ENGINE, tmp_path / pushing.DIGESTS_FILE, "dev")


@pytest.mark.parametrize(
    ("content", "expected"), [("{", "is not JSON"), ("[]", "holds a list, expected an object")]
)
def test_a_broken_file_of_digests_is_told_before_a_push(
    content: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / pushing.DIGESTS_FILE).write_text(content, "utf-8")
    with pytest.raises(InputError, match=f"{expected}.*so nothing was pushed"):
        pushing.push(
            [IMAGES["pusher"]], "localhost:5000", ENGINE, tmp_path / pushing.DIGESTS_FILE, "dev"
        )


def test_an_image_that_is_not_built_is_not_pushed(tmp_path: Path) -> None:
    absent = Engine(name="podman", command=("false",))
    with pytest.raises(InputError, match=r"\['pusher'\] are not built with the tag 'dev'"):
        pushing.push(
            [IMAGES["pusher"]], "localhost:5000", absent, tmp_path / pushing.DIGESTS_FILE, "dev"
        )
    assert not list(tmp_path.iterdir())
