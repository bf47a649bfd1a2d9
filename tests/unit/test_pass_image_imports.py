"""A module's imports are in the image of its task, or the compiler reports the missing ones."""

import re
import textwrap
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.compilation.passes.certain_imports import certain_imports
from headrace.errors import CompileError
from headrace.images import definitions, image_modules, locks
from headrace.images.import_names import import_names
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.local.runners.setup import prepare
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace.targets.remote.ordering import order_of
from support.cases.declared import CUDA_VARIANTS, ISOLATED

REPOSITORY = Path(__file__).parents[2]
IMAGES = [each for each in definitions.images(REPOSITORY / "images") if each.name not in ISOLATED]
DIGEST = f"sha256:{'0' * 64}"
PROFILE = Profile(
    images=Images(
        registry="registry.example.com/headrace",
        digests=dict.fromkeys([*(i.name for i in IMAGES), *CUDA_VARIANTS.values()], DIGEST),
    ),
    targets=(Kubeflow(),),
)
HEAD = """
from kfp import dsl
from headrace_components.artifacts import Examples, Schema
from headrace_components.catalog import *

@dsl.pipeline(name="inner")
def inner(rows: dsl.Input[Examples], code: str):
    filter_examples(examples=rows, module_file=code)

@dsl.pipeline(name="p")
def p(module: str = "", flag: bool = True):
    rows = csv_example_gen(input_base="gs://bucket/data").outputs["examples"]
"""
FILTERS = "def filter_fn(record): return True\n"
BODY = 'filter_examples(examples=rows, module_file="module.py")'


def write(folder: Path, body: str, **modules: str) -> str:
    for name, text in modules.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text), "utf-8")
    source = HEAD.strip("\n") + "\n" + textwrap.indent(textwrap.dedent(body), "    ")
    (folder / "pipeline.py").write_text(source, "utf-8")
    return f"{folder}/pipeline.py:p"


def refusal(folder: Path, body: str = BODY, target: Any = "kubeflow", **modules: str) -> str:
    with pytest.raises(CompileError) as caught:
        headrace.compile(write(folder, body, **modules), target=target, config=PROFILE)
    return str(caught.value)


def test_the_error_names_the_task_the_places_the_image_and_the_ways_out(tmp_path: Path) -> None:
    message = refusal(tmp_path, module="import keras\nimport tensorflow.io as tfio\n" + FILTERS)

    assert message == (
        "task `filter-examples`: it imports what its image lacks: 'keras' (module.py, line 1), "
        "'tensorflow.io' (module.py, line 2). The image 'filter_examples' of Headrace has Python "
        "3.13 and the packages of its component. Define filter_fn or filter_batch_fn in a module "
        "file of its own that does without them; or import them inside functions that this task "
        "does not call; or give the task an image that has them, in [images.tasks] or "
        "[images.components] of the profile (docs/images.md). Who builds Headrace's images adds "
        "packages to images/filter_examples/requirements.in."
    )


def test_here_everything_is_installed(tmp_path: Path) -> None:
    pipeline = write(tmp_path, BODY, module="import keras\n" + FILTERS)

    headrace.compile(pipeline, target="local", config=PROFILE)


@pytest.mark.parametrize(
    "body",
    [
        'inner(rows=rows, code="module.py")',
        'with dsl.If(flag == True):\n    filter_examples(examples=rows, module_file="module.py")',
        'with dsl.ParallelFor(["module.py"]) as item:\n'
        "    filter_examples(examples=rows, module_file=item)",
        f"{BODY}.set_accelerator_type('nvidia-l4').set_accelerator_limit(1)",
        f"{BODY}.set_caching_options(False)",
    ],
)
def test_a_module_is_found_wherever_its_task_gets_it_from(body: str, tmp_path: Path) -> None:
    assert "'torch' (module.py, line 1)" in refusal(
        tmp_path, body, module="import torch\n" + FILTERS
    )


def test_the_default_of_a_parameter_is_held_and_that_of_a_run(tmp_path: Path) -> None:
    body = "filter_examples(examples=rows, module_file=module)"
    pipeline = write(tmp_path, body, bad="import keras\n" + FILTERS, good=FILTERS)
    file = tmp_path / "pipeline.py"
    file.write_text(file.read_text("utf-8").replace('= "",', '= "good.py",'), "utf-8")

    order_of(pipeline, "kubeflow", PROFILE, [])
    with pytest.raises(CompileError, match=r"'keras' \(bad.py, line 1\)"):
        order_of(pipeline, "kubeflow", PROFILE, [f"module={tmp_path}/bad.py"])
    file.write_text(file.read_text("utf-8").replace('"good.py",', '"bad.py",'), "utf-8")
    with pytest.raises(CompileError, match=r"'keras' \(bad.py, line 1\)"):
        headrace.compile(pipeline, target="vertex", config=PROFILE)


@pytest.mark.parametrize("runner", ["venv", "podman", "docker"])
def test_runners_of_locked_environments_are_held_to_their_locks(
    runner: Any, tmp_path: Path
) -> None:
    pipeline = write(tmp_path, BODY, module="import keras\n" + FILTERS)
    spec = headrace.compile(pipeline, target="local", config=PROFILE)

    with pytest.raises(CompileError, match=r"task `filter-examples`: .* 'keras'"):
        prepare(runner, spec, {}, ContainerOptions(), print)


def test_an_image_of_the_authors_own_is_the_authors_business(tmp_path: Path) -> None:
    image = f"registry.example.com/mine/filters@{DIGEST}"
    pipeline = write(tmp_path, BODY, module="import keras\n" + FILTERS)
    for own in (
        Images(tasks={"filter-examples": image}),
        Images(components={"filter_examples": image}),
    ):
        images = replace(PROFILE.images, tasks=own.tasks, components=own.components)
        headrace.compile(pipeline, target="kubeflow", config=Profile(images=images))


@pytest.mark.parametrize(
    ("component", "function", "good", "bad"),
    [
        ("filter_examples", "filter_batch_fn", "pyarrow.compute, numpy, apache_beam", "pandas"),
        ("transform", "preprocessing_fn", "tensorflow, tensorflow_transform, keras_tuner", "torch"),
        ("transform", "preprocessing_fn", "tensorflow_metadata, tfx_bsl.public", "sklearn"),
        ("trainer", "run_fn", "keras, keras_tuner, tensorboard, tf_keras", "sklearn"),
        ("trainer", "run_fn", "google.protobuf.text_format", "google.cloud.bigquery"),
        ("tuner", "tuner_fn", "keras_tuner, sklearn, tensorflow_transform", "torch"),
        ("evaluator", "custom_extractors", "tensorflow_model_analysis, scipy", "matplotlib"),
    ],
)
def test_each_component_that_loads_a_module_is_held_to_its_own_image(
    component: str, function: str, good: str, bad: str, tmp_path: Path
) -> None:
    body = {
        "filter_examples": "filter_examples(examples=rows, module_file='module.py')",
        "transform": "statistics = statistics_gen(examples=rows)\n"
        "schema = schema_gen(statistics=statistics.outputs['statistics'])\n"
        "transform(examples=rows, schema=schema.outputs['schema'], module_file='module.py')",
        "trainer": "trainer(examples=rows, module_file='module.py')",
        "tuner": "tuner(examples=rows, module_file='module.py')",
        "evaluator": "model = trainer(examples=rows, module_file='good.py').outputs['model']\n"
        "evaluator(examples=rows, model=model, module_file='module.py', "
        "eval_config={'metrics_specs': [{'metrics': [{'class_name': 'AUC'}]}]})",
    }[component]
    code = f"import {good}\ndef {function}(x): pass\ndef run_fn(fn_args): pass\n"
    pipeline = write(tmp_path, body, module=code, good="def run_fn(fn_args): pass\n")
    headrace.compile(pipeline, target="kubeflow", config=PROFILE)

    message = refusal(tmp_path, body, module=f"{code}import {bad}\n")

    assert (
        f"task `{component.replace('_', '-')}`: it imports what its image lacks: '{bad}'" in message
    )


def test_the_metrics_of_an_evaluator_are_in_its_image_or_beside_its_module(tmp_path: Path) -> None:
    body = """
        model = trainer(examples=rows, module_file="good.py").outputs["model"]
        metrics = [{"class_name": "Cost", "module": MODULE}]
        config = {"metrics_specs": [{"metrics": metrics}]}
        evaluator(examples=rows, model=model, eval_config=config FILE)
    """
    good = "def run_fn(fn_args): pass\n"
    alone = textwrap.dedent(body).replace("FILE", "")
    for module in ("tensorflow_model_analysis.metrics.calibration", "tf_keras.metrics"):
        pipeline = write(tmp_path, alone.replace("MODULE", repr(module)), good=good)
        headrace.compile(pipeline, target="kubeflow", config=PROFILE)
    message = refusal(tmp_path, alone.replace("MODULE", "'acme.costs'"), good=good)
    assert "task `evaluator`: it imports what its image lacks: 'acme.costs' (named by" in message

    beside = textwrap.dedent(body).replace("FILE", ", module_file='all.py'")
    pipeline = write(
        tmp_path, beside.replace("MODULE", "'costs'"), good=good, all="import costs\n", costs=""
    )
    headrace.compile(pipeline, target="kubeflow", config=PROFILE)
    message = refusal(tmp_path, beside.replace("MODULE", "'costs'"), costs="import torch\n")
    assert "'torch' (costs.py, line 1)" in message


def test_what_a_sibling_imports_counts_where_the_task_imports_the_sibling(tmp_path: Path) -> None:
    module = FILTERS + "from models import training\n"
    message = refusal(tmp_path, module=module, models__training="\nfrom keras import layers\n")
    assert "'keras' (models/training.py, line 2)" in message


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("import keras", 1),
        ("import os, keras as layers", 1),
        ("from keras import layers", 1),
        ("class A:\n    import keras", 2),
        ("with open('x') as x:\n    import keras", 2),
        ("try:\n    import keras\nfinally:\n    pass", 2),
        ("def filter_fn(record):\n    import keras", 2),
        ("def filter_fn(record):\n    return keep(record)\ndef keep(x):\n    import keras", 4),
        ("def filter_fn(record):\n    y = [deep().z]\ndef deep():\n    import keras", 4),
        ("from features import keep\ndef filter_fn(record):\n    return keep(record)", 2),
        ("from features import keep as filter_fn", 2),
        ("import features as f\ndef filter_fn(record):\n    return f.keep(record)", 2),
        ("def filter_fn(record):\n    import features\n    return features.keep(record)", 2),
    ],
)
def test_what_runs_whatever_comes_is_found(code: str, line: int) -> None:
    files = {"module.py": code, "features.py": "def keep(x):\n    import keras\n"}
    *_, found = certain_imports("module.py", files, ["filter_fn", "filter_batch_fn"])
    assert (found.module, found.line) == ("keras", line)


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import keras\nexcept ImportError:\n    keras = None",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import keras",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import keras",
        "import typing as t\nif t.TYPE_CHECKING:\n    from keras import Model",
        "if __name__ == '__main__':\n    import keras",
        "def run_fn(fn_args):\n    import keras",
        "def filter_fn(record):\n    def later():\n        import keras\n    return True",
        "def filter_fn(record):\n    if record:\n        return True\n    import keras",
        "def filter_fn(record):\n    return record and deep()\ndef deep():\n    import keras",
        "def filter_fn(deep):\n    return deep()\ndef deep():\n    import keras",
        "def filter_fn(record):\n    return lambda: deep()\ndef deep():\n    import keras",
        "import features\ndef filter_fn(record):\n    return True",
        "def run_fn(x):\n    import training",
        "from tfx import v1 as tfx\nimport tfx.v1\nfrom tfx.components import x",
        "import importlib\nkeras = importlib.import_module('keras')",
        "from . import features\nfrom .features import keep",
    ],
)
def test_what_may_not_happen_is_left_alone(code: str) -> None:
    files = {
        "module.py": code,
        "features.py": "def keep(x):\n    import keras\n",
        "training.py": "import keras\n",
    }
    found = certain_imports("module.py", files, ["filter_fn"])
    assert {each.module for each in found} <= {"contextlib", "typing", "importlib"}


def test_the_standard_library_is_that_of_the_image(tmp_path: Path) -> None:
    headrace.compile(
        write(tmp_path, BODY, module="import json, sqlite3, xml.etree.ElementTree\n" + FILTERS),
        target="kubeflow",
        config=PROFILE,
    )
    # Python 3.13 no longer has the one, and Debian's Python in the images lacks the other.
    for name in ("imp", "tkinter"):
        message = refusal(tmp_path, module=f"import {name}\n" + FILTERS)
        assert f"lacks: '{name}' (module.py, line 1)" in message


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_every_package_of_a_lock_is_known(image: definitions.Image) -> None:
    assert image_modules.image_modules(image.name).is_complete, (
        f"{image_modules.TABLE} lacks packages of {image.lock}: run `make import-names`"
    )


def test_the_table_has_no_package_that_no_lock_has() -> None:
    locked = {
        name
        for image in IMAGES
        for name in image_modules.locked_packages(locks.lock_file(image.name))
    }
    assert image_modules.table()["packages"].keys() == locked


def test_names_of_installed_packages_are_told_as_the_images_tell_theirs() -> None:
    known = image_modules.table()["packages"]
    for name in ("protobuf", "pyyaml", "keras-tuner", "pyarrow", "google-cloud-storage"):
        top = {each for each in import_names(distribution(name)) if not re.search(r"\b_", each)}
        assert top == {each for each in known[name] if not re.search(r"\b_", each)}


def test_a_package_that_an_author_added_to_a_lock_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("pyarrow==1.0 \\\nacme-toolbox==2.0 \\\n", "utf-8")
    monkeypatch.setattr(locks, "lock_file", lambda _: lock)
    image_modules.image_modules.cache_clear()
    try:
        modules = image_modules.image_modules("filter_examples")
        assert not modules.lacks("toolbox")
        assert not modules.lacks("pyarrow.compute")
        assert modules.lacks("keras")
        assert modules.lacks("google.cloud", ("storage",))
    finally:
        image_modules.image_modules.cache_clear()


def test_each_example_imports_what_its_images_have() -> None:
    for example in sorted((REPOSITORY / "examples").glob("*/pipeline.py")):
        headrace.compile(example, target="kubeflow", config=PROFILE)
