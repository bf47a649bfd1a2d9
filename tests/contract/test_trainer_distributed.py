"""Contract of trainer on several devices and machines: real processes that use gRPC."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace_components import catalog
from headrace_components.library.data.examples import ExamplesWriter
from support.launcher.entry_points import Launcher, Stored, TaskFailedError
from support.programs.ports import free_ports

NUM_ROWS = 41

# A custom training loop, like TFX users write it. It saves how often each row was seen.
COUNTING = """
import json
import os

import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio


def run_fn(fn_args):
    strategy = make_strategy(fn_args)
    schema = text_format.Parse(open(fn_args.schema_path).read(), schema_pb2.Schema())
    options = tfxio.TensorFlowDatasetOptions(batch_size=8, num_epochs=1)
    dataset = fn_args.data_accessor.tf_dataset_factory(fn_args.train_files, options, schema)
    with strategy.scope():
        seen = tf.Variable(tf.zeros([41], tf.int64))

    def count(batch):
        rows = tf.math.bincount(tf.cast(batch["row"], tf.int32), minlength=41, dtype=tf.int64)
        context = tf.distribute.get_replica_context()
        seen.assign_add(context.all_reduce(tf.distribute.ReduceOp.SUM, rows))

    @tf.function
    def epoch(batches):
        for batch in batches:
            strategy.run(count, args=(batch,))

    epoch(strategy.experimental_distribute_dataset(dataset))
    os.makedirs(fn_args.serving_model_dir)
    found = {
        "seen": strategy.experimental_local_results(seen)[0].numpy().tolist(),
        "replicas": strategy.num_replicas_in_sync,
        "kind": type(strategy).__name__,
    }
    with open(os.path.join(fn_args.serving_model_dir, "found.json"), "w") as file:
        json.dump(found, file)
    print("SAVED TO", fn_args.serving_model_dir)


"""
OWN = COUNTING + (
    "def make_strategy(fn_args):\n    return tf.distribute.MultiWorkerMirroredStrategy()\n"
)
GIVEN = COUNTING + "def make_strategy(fn_args):\n    return tf.distribute.get_strategy()\n"
FITTING = COUNTING + "def make_strategy(fn_args):\n    return fn_args.strategy\n"
TWO_CPUS = """
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
"""

FAILING = OWN.replace(
    "    epoch(",
    "    if strategy.cluster_resolver.task_type == 'worker':\n"
    "        raise ValueError('no such column: fare')\n    epoch(",
)

KERAS_2 = """
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio


def run_fn(fn_args):
    schema = text_format.Parse(open(fn_args.schema_path).read(), schema_pb2.Schema())
    options = tfxio.TensorFlowDatasetOptions(batch_size=8, label_key="late")
    dataset = fn_args.data_accessor.tf_dataset_factory(fn_args.train_files, options, schema)
    inputs = {"row": tf.keras.Input((1,), name="row")}
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(inputs["row"]))
    model.compile("sgd", "mse")
    model.fit(dataset, steps_per_epoch=fn_args.train_steps, verbose=0)
    model.save(fn_args.serving_model_dir)
"""

SCHEMA = """
feature { name: "row" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "late" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The results of one machine's process: its exit code and its log."""

    code: int
    log: str


def stored_examples(launcher: Launcher, path: Path, *, columnar: bool = True) -> Stored:
    rows = pa.array([[n] for n in range(NUM_ROWS)], pa.large_list(pa.float32()))
    late = pa.array([[n % 2] for n in range(NUM_ROWS)], pa.large_list(pa.int64()))
    for split in ("train", "eval"):
        with ExamplesWriter(path, split, columnar=columnar) as writer:
            writer.write(pa.RecordBatch.from_arrays([rows, late], ["row", "late"]))
    return launcher.store(path, {"payload_format": "FORMAT_TF_EXAMPLE"})


def inputs_of(launcher: Launcher, tmp_path: Path, *, columnar: bool = True) -> dict[str, Stored]:
    schema = tmp_path / "schema"
    schema.mkdir()
    (schema / "schema.pbtxt").write_text(SCHEMA, "utf-8")
    return {
        "examples": stored_examples(launcher, tmp_path / "examples", columnar=columnar),
        "schema": launcher.store(schema),
    }


def addresses(count: int) -> list[str]:
    return [f"localhost:{port}" for port in free_ports(count)]


def cluster_spec() -> list[dict[str, str]]:
    chief, worker = addresses(2)
    pools = {"workerpool0": [chief], "workerpool1": [worker]}
    return [
        {"CLUSTER_SPEC": json.dumps({"cluster": pools, "task": {"type": pool, "index": 0}})}
        for pool in pools
    ]


def tf_config() -> list[dict[str, str]]:
    workers = addresses(2)
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            )
        }
        for index in range(2)
    ]


def hosts() -> list[dict[str, str]]:
    joined = ",".join(addresses(2))
    return [{"HEADRACE_HOSTS": joined, "JOB_COMPLETION_INDEX": str(index)} for index in range(2)]


def run_machines(
    tmp_path: Path,
    module: str,
    machines: list[dict[str, str]],
    *,
    columnar: bool = True,
    **more: Any,
) -> tuple[Path, list[Ended]]:
    """Runs one trainer task in a process per machine; returns the shared output directory."""
    launcher = Launcher(root=tmp_path / "launcher", rules="vertex")
    spec = catalog.trainer.component_spec  # type: ignore[attr-defined]  # shown as a function
    inputs = {
        name: [stored] for name, stored in inputs_of(launcher, tmp_path, columnar=columnar).items()
    }
    (tmp_path / "module.py").write_text(module, "utf-8")
    parameters = {"module_file": str(tmp_path / "module.py"), **more}
    pod = tmp_path / "pod"
    pod.mkdir()
    message = launcher._executor_input(spec, parameters, inputs, "run/trainer", pod)
    launcher._provide(pod, inputs)
    command = [sys.executable, "-m", "headrace_components.trainer"]
    processes = [
        subprocess.Popen(
            [*command, "--executor_input", json.dumps(message)],
            env={**os.environ, "HEADRACE_MOUNT_ROOT": str(pod), **machine},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for machine in machines
    ]
    try:
        logs = [process.communicate(timeout=240)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    ended = [
        Ended(code=process.returncode, log=log)
        for process, log in zip(processes, logs, strict=True)
    ]
    return pod / "gcs/bucket/run/trainer", ended


@pytest.mark.parametrize(
    ("machines", "module", "distribution", "columnar"),
    [
        (cluster_spec, OWN, "auto", True),
        pytest.param(tf_config, GIVEN, "multi_worker", False, marks=pytest.mark.slow),
        pytest.param(hosts, FITTING, "auto", True, marks=pytest.mark.slow),
    ],
)
def test_machines_train_one_model_and_see_each_row_once(
    machines: Any, module: str, distribution: str, columnar: bool, tmp_path: Path
) -> None:
    root, ended = run_machines(
        tmp_path, module, machines(), distribution=distribution, columnar=columnar
    )

    assert [each.code for each in ended] == [0, 0], "\n".join(each.log for each in ended)
    found = json.loads((root / "model/Format-Serving/found.json").read_text("utf-8"))
    assert found["replicas"] == 2
    assert found["seen"] == [1] * NUM_ROWS
    # The other machine also saved a model, as its collective operations require, but not here.
    assert f"SAVED TO {root}" in ended[0].log
    assert "SAVED TO " in ended[1].log and str(root) not in ended[1].log.split("SAVED TO ")[1]
    assert (root / "executor_output.json").is_file()
    assert "this is worker 1 of 2" in ended[1].log


def test_a_machine_that_fails_fails_the_task_with_its_reason(tmp_path: Path) -> None:
    root, ended = run_machines(tmp_path, FAILING, cluster_spec())

    assert ended[1].code == 2
    reason = "run_fn raised ValueError at module.py, line 30: no such column: fare"
    assert reason in ended[1].log
    assert ended[0].code == 75, ended[0].log
    assert reason in ended[0].log.strip().splitlines()[-1]
    assert not (root / "executor_output.json").exists()
    assert reason in json.loads((root / "executor_error.json").read_text("utf-8"))["message"]


@pytest.mark.slow
def test_a_machine_that_is_killed_is_told_of_and_not_waited_for(tmp_path: Path) -> None:
    killed = FAILING.replace("raise ValueError('no such column: fare')", "os.kill(os.getpid(), 9)")

    root, ended = run_machines(tmp_path, killed, cluster_spec())

    assert ended[1].code == -9
    assert ended[0].code == 75, ended[0].log
    assert "trainer: worker 0 of 2 lost another machine while run_fn ran (" in ended[0].log
    assert not (root / "executor_output.json").exists()


def test_one_machine_trains_on_all_its_devices(tmp_path: Path) -> None:
    launcher = Launcher(root=tmp_path / "launcher", rules="vertex", subprocess=True)
    (tmp_path / "module.py").write_text(TWO_CPUS + GIVEN, "utf-8")

    outcome = launcher.run(
        "trainer",
        {"module_file": str(tmp_path / "module.py"), "distribution": "mirrored"},
        {},
        **inputs_of(launcher, tmp_path),
    )

    found = json.loads((outcome["model"].path / "Format-Serving/found.json").read_text("utf-8"))
    assert found == {"seen": [1] * NUM_ROWS, "replicas": 2, "kind": "MirroredStrategy"}


@pytest.mark.slow
def test_a_keras_2_model_that_knows_of_no_machines_is_trained_on_two(tmp_path: Path) -> None:
    root, ended = run_machines(
        tmp_path, KERAS_2, cluster_spec(), distribution="multi_worker", train_steps=4
    )

    assert [each.code for each in ended] == [0, 0], "\n".join(each.log for each in ended)
    assert (root / "model/Format-Serving/saved_model.pb").is_file()


@pytest.mark.slow
def test_keras_3_fits_on_all_devices_of_one_machine_but_not_on_two(tmp_path: Path) -> None:
    keras_3 = f'import os\n\nos.environ["TF_USE_LEGACY_KERAS"] = "0"\n{KERAS_2}'
    keras_3 = keras_3.replace("model.save(", "model.export(")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    launcher = Launcher(root=tmp_path / "launcher", rules="vertex", subprocess=True)
    (tmp_path / "one/module.py").write_text(TWO_CPUS + keras_3, "utf-8")
    parameters = {
        "module_file": str(tmp_path / "one/module.py"),
        "distribution": "mirrored",
        "train_steps": 4,
    }

    outcome = launcher.run("trainer", parameters, {}, **inputs_of(launcher, tmp_path / "one"))
    _, ended = run_machines(
        tmp_path / "two", keras_3, cluster_spec(), distribution="multi_worker", train_steps=4
    )

    assert (outcome["model"].path / "Format-Serving/saved_model.pb").is_file()
    assert any("trains on one machine only (keras-team/keras#20585)" in e.log for e in ended)
    assert all(each.code for each in ended)


def test_distributions_that_no_run_can_honour_are_refused(
    launcher: Launcher, tmp_path: Path
) -> None:
    inputs = inputs_of(launcher, tmp_path)
    (tmp_path / "module.py").write_text("def run_fn(fn_args): ...\n", "utf-8")
    machine = cluster_spec()[0]

    def refused(message: str, environment: dict[str, str], **parameters: Any) -> None:
        given = {"module_file": str(tmp_path / "module.py"), **parameters}
        with pytest.raises(TaskFailedError, match=message):
            launcher.run("trainer", given, environment, **inputs)

    refused(r"`distribution` is 'all', expected one of \['auto'", {}, distribution="all")
    refused(r"'mirrored', .* but 2 machines run this task", machine, distribution="mirrored")
    refused(r"but 2 machines have each trained a model of their own", machine)
    refused(r"`mixed_precision` is 'float16', expected", {}, mixed_precision="float16")
    refused(r"cluster: TF_CONFIG is not JSON", {"TF_CONFIG": "{"})
    refused(
        r"JOB_COMPLETION_INDEX is '2', expected a number from 0 to 1",
        {"HEADRACE_HOSTS": "a:1,b:1", "JOB_COMPLETION_INDEX": "2"},
    )


def test_precision_and_xla_hold_while_run_fn_runs(launcher: Launcher, tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    text = (
        "import json, os\nimport keras, tf_keras\nimport tensorflow as tf\n"
        "def run_fn(fn_args):\n"
        "    os.makedirs(fn_args.serving_model_dir)\n"
        "    found = [keras.layers.Dense(1).compute_dtype, tf_keras.layers.Dense(1).compute_dtype,"
        " tf.config.optimizer.get_jit()]\n"
        "    json.dump(found, open(os.path.join(fn_args.serving_model_dir, 'found.json'), 'w'))\n"
    )
    (tmp_path / "module.py").write_text(text, "utf-8")
    parameters = {
        "module_file": str(tmp_path / "module.py"),
        "mixed_precision": "mixed_bfloat16",
        "xla": True,
    }

    outcome = launcher.run("trainer", parameters, {}, **inputs_of(launcher, tmp_path))

    found = json.loads((outcome["model"].path / "Format-Serving/found.json").read_text("utf-8"))
    assert found == ["bfloat16", "bfloat16", "autoclustering"]
    assert keras.layers.Dense(1).compute_dtype == "float32"
    assert tf.config.optimizer.get_jit() == ""
