"""The image with CUDA has all libraries of TensorFlow, and trains, on the CPU without a GPU.

It has 6 GB, so this only runs with HEADRACE_CUDA=1.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
import tensorflow as tf

from headrace.images.built import reference
from headrace_components.library.data.examples import ExamplesWriter
from headrace_components.library.user_code.module_pack import pack
from support.launcher import built_images
from support.launcher.entry_points import Launcher

IMAGE = reference("trainer_cuda")
SITE = "/opt/headrace/lib/python3.13/site-packages"
HAS_GPU = shutil.which("nvidia-smi") is not None

# TensorFlow calls this before it uses a GPU: it uses none if one library is missing. An
# absl::Status that is OK has the value 1.
OPEN_LIBRARIES = f"""
import ctypes, tensorflow
library = ctypes.CDLL("{SITE}/tensorflow/libtensorflow_framework.so.2")
status = ctypes.c_void_p()
library["_ZN3tsl8internal9DsoLoader26MaybeTryDlopenGPULibrariesEv"](ctypes.byref(status))
print(status.value)
"""
# In a loop over all libraries, because cuDNN's are only opened when a model needs them.
LOAD_ALL = f"""
import ctypes, glob
for file in glob.glob("{SITE}/nvidia/*/lib/*.so*"):
    try:
        ctypes.CDLL(file)
    except OSError as error:
        print(error)
"""
MODULE = """
import json
import os

import tensorflow as tf


def run_fn(fn_args):
    rows = tf.random.normal((256, 4), seed=1)
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
    model.compile("adam", "mse", jit_compile=True)
    model.fit(rows, tf.reduce_sum(rows, axis=1), epochs=2, verbose=0)
    model.export(fn_args.serving_model_dir)
    kinds = sorted({each.device_type for each in tf.config.list_physical_devices()})
    with open(os.path.join(fn_args.serving_model_dir, "kinds.json"), "w") as file:
        json.dump(kinds, file)
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def container(tmp_path: Path) -> list[str]:
    """The words that run a command in the image, which sees `tmp_path` under its own name."""
    built_images.build("trainer_cuda")
    gpus = ["--device", "nvidia.com/gpu=all"] if HAS_GPU else []
    words = [*built_images.engine().command, "run", "--rm", "--read-only", "--tmpfs", "/tmp"]
    words += ["--network", "none", "--user", f"{os.getuid()}:0", *built_images.LIMITS, *gpus]
    words += ["--volume", f"{tmp_path}:{tmp_path}", "--env", "HEADRACE_MOUNT_ROOT"]
    return [*words, IMAGE]


def printed(container: list[str], *command: str) -> str:
    result = subprocess.run(
        [*container, *command], capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_tensorflow_opens_every_library_that_it_asks_for(container: list[str]) -> None:
    assert printed(container, "python", "-c", OPEN_LIBRARIES) == "1"


def test_no_library_lacks_another_one_but_the_driver(container: list[str]) -> None:
    said = set(printed(container, "python", "-c", LOAD_ALL).splitlines())
    missing = {"libcuda.so.1: cannot open shared object file: No such file or directory"}
    assert said <= (set() if HAS_GPU else missing)


def test_xla_has_its_assembler_and_its_library(container: list[str]) -> None:
    directory = f"{SITE}/nvidia/cuda_nvcc"
    assert "Cuda compilation tools" in printed(container, f"{directory}/bin/ptxas", "--version")
    printed(container, "test", "-s", f"{directory}/nvvm/libdevice/libdevice.10.bc")


def test_it_trains_by_its_real_entry_point(container: list[str], tmp_path: Path) -> None:
    words = " ".join(f"'{word}'" for word in [*container, "python"])
    python = tmp_path / "python-in-image"
    python.write_text(f'#!/bin/sh\nexec {words} "$@"\n', "utf-8")
    python.chmod(0o755)
    for split in ("train", "eval"):
        with ExamplesWriter(tmp_path / "examples", split) as writer:
            hours = pa.array([[1.0]], pa.large_list(pa.float32()))
            writer.write(pa.RecordBatch.from_arrays([hours], ["hour"]))
    launcher = Launcher(root=tmp_path / "launcher", subprocess=True, python=python)
    examples = launcher.store(tmp_path / "examples", {"payload_format": "FORMAT_TF_EXAMPLE"})

    outcome = launcher.run(
        "trainer",
        {"module_file": pack({"module.py": MODULE}, "module.py")},
        examples=examples,
    )

    saved = outcome["model"].path / "Format-Serving"
    assert json.loads((saved / "kinds.json").read_text("utf-8")) == ["CPU"] + ["GPU"] * HAS_GPU
    model = tf.saved_model.load(str(saved))
    assert model.serve(tf.zeros((3, 4))).shape == (3, 1)
