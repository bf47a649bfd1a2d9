"""Contract of tuner: the arguments of tuner_fn, the results of its search, and messages."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.targets.local.runners.nursery_client import Nursery, ProcessRequest
from headrace_components.library.data.examples import ExamplesWriter
from headrace_components.tuner.keras_choice import versions_in
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError
from support.programs.beam_clusters import executor_input

# A tuner without a model: a trial costs nothing, and the best one is known.
MODULE = """
import json
import os

import keras_tuner

from headrace_components.library.user_code.fn_args import TunerFnResult


class Parabola(keras_tuner.RandomSearch):
    def run_trial(self, trial, **kwargs):
        hp = trial.hyperparameters
        x, y = hp.Choice("x", [0, 1, 2]), hp.Choice("y", ["left", "right"])
        return run(x, y, **kwargs)


def run(x, y, **kwargs):
    return {"loss": (x - 1) ** 2 + (y == "left")}


def tuner_fn(fn_args):
    tuner = Parabola(
        objective=keras_tuner.Objective("loss", "min"),
        max_trials=6,
        seed=7,
        directory=fn_args.working_dir,
        project_name="parabola",
        overwrite=True,
    )
    given = {name: value for name, value in vars(fn_args).items() if name != "data_accessor"}
    given["has_accessor"] = fn_args.data_accessor is not None
    given["has_working_dir"] = os.path.isdir(fn_args.working_dir)
    path = (fn_args.custom_config or {}).get("given")
    if path:
        with open(path, "w") as file:
            json.dump(given, file)
    return TunerFnResult(tuner=tuner, fit_kwargs={})
"""

# In TFX's form: a Keras model on examples from the data accessor.
KERAS_MODULE = """
from typing import NamedTuple

import keras
import keras_tuner
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio


class Result(NamedTuple):
    tuner: object
    fit_kwargs: dict


def _dataset(files, fn_args, schema):
    options = tfxio.TensorFlowDatasetOptions(batch_size=8, label_key="late")
    return fn_args.data_accessor.tf_dataset_factory(files, options, schema).repeat()


def _model(hp):
    inputs = {"hour": keras.Input((1,), name="hour")}
    hidden = keras.layers.Dense(hp.Int("units", 2, 8, 2))(inputs["hour"])
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    rate = hp.Choice("learning_rate", [1e-2, 1e-3])
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def tuner_fn(fn_args):
    with open(fn_args.schema_path) as file:
        schema = text_format.Parse(file.read(), schema_pb2.Schema())
    tuner = keras_tuner.RandomSearch(
        _model, "val_accuracy", max_trials=2, directory=fn_args.working_dir, project_name="late"
    )
    return Result(
        tuner=tuner,
        fit_kwargs={
            "x": _dataset(fn_args.train_files, fn_args, schema),
            "validation_data": _dataset(fn_args.eval_files, fn_args, schema),
            "steps_per_epoch": fn_args.train_steps,
            "validation_steps": fn_args.eval_steps,
            "verbose": 0,
        },
    )
"""

TRAINER_MODULE = """
import os

import keras_tuner


def run_fn(fn_args):
    hp = keras_tuner.HyperParameters.from_config(fn_args.hyperparameters)
    os.makedirs(fn_args.serving_model_dir)
    with open(os.path.join(fn_args.serving_model_dir, "x.txt"), "w") as file:
        file.write(f"{hp.get('x')} {hp.get('y')}")
"""

SCHEMA = """
feature { name: "hour" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "late" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""


@pytest.fixture
def examples(launcher: Launcher, tmp_path: Path) -> Stored:
    return stored_examples(launcher, tmp_path / "examples")


def stored_examples(launcher: Launcher, path: Path) -> Stored:
    hours = pa.array([[n % 24] for n in range(40)], pa.large_list(pa.float32()))
    late = pa.array([[n % 2] for n in range(40)], pa.large_list(pa.int64()))
    for split in ("train", "eval"):
        with ExamplesWriter(path, split) as writer:
            writer.write(pa.RecordBatch.from_arrays([hours, late], ["hour", "late"]))
    return launcher.store(path)


def stored_schema(launcher: Launcher, tmp_path: Path) -> Stored:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/schema.pbtxt").write_text(SCHEMA, "utf-8")
    return launcher.store(tmp_path / "schema")


def module(tmp_path: Path, text: str = MODULE) -> str:
    path = tmp_path / "module.py"
    path.write_text(text, "utf-8")
    return str(path)


def best(outcome: Outcome) -> Any:
    file = outcome["best_hyperparameters"].path / "best_hyperparameters.txt"
    return json.loads(file.read_text("utf-8"))


def records(outcome: Outcome) -> Any:
    return json.loads((outcome["tuner_results"].path / "tuner_results.json").read_text("utf-8"))


def test_the_best_trial_and_all_results_are_kept_as_tfx_lays_them_out(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    outcome = launcher.run("tuner", {"module_file": module(tmp_path)}, examples=examples)

    assert best(outcome)["values"] == {"x": 1, "y": "right"}
    assert [space["config"]["name"] for space in best(outcome)["space"]] == ["x", "y"]
    rows = records(outcome)
    assert len(rows) == 6
    assert {tuple(sorted(row)) for row in rows} == {("score", "trial_id", "x", "y")}
    assert [row["score"] for row in rows] == sorted(row["score"] for row in rows)
    assert [file.name for file in outcome["tuner_results"].path.iterdir()] == ["tuner_results.json"]


def test_tuner_fn_is_given_what_tfx_gives_it(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    launcher.run(
        "tuner",
        {
            "module_file": module(tmp_path),
            "train_args": {"splits": ["train", "eval"], "num_steps": 100},
            "eval_steps": 5,
            "custom_config": {"given": str(tmp_path / "given.json"), "units": [64, 32]},
        },
        examples=examples,
        schema=stored_schema(launcher, tmp_path),
    )

    given = json.loads((tmp_path / "given.json").read_text("utf-8"))
    assert given["has_accessor"]
    assert given["has_working_dir"]
    assert [Path(path).parent.name for path in given["train_files"]] == [
        "Split-train",
        "Split-eval",
    ]
    assert [Path(path).parent.name for path in given["eval_files"]] == ["Split-eval"]
    assert (given["train_steps"], given["eval_steps"]) == (100, 5)
    assert Path(given["schema_path"]).name == "schema.pbtxt"
    assert given["custom_config"]["units"] == [64, 32]
    assert given["serving_model_dir"] is None
    assert given["hyperparameters"] is None


def test_trials_compute_in_the_precision_that_is_asked_for(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    text = MODULE.replace(
        "def run(x, y, **kwargs):\n",
        "def run(x, y, **kwargs):\n    import keras\n\n"
        "    if keras.layers.Dense(1).compute_dtype != 'bfloat16':\n"
        "        raise ValueError(keras.layers.Dense(1).compute_dtype)\n",
    )
    parameters = {"module_file": module(tmp_path, text), "mixed_precision": "mixed_bfloat16"}

    assert best(launcher.run("tuner", parameters, examples=examples))["values"]["x"] == 1


# Keras 3, Keras 2 as TFX's example imports it, and one beside the other for another use.
KERAS_IMPORTS = {
    "3": "import keras",
    "2": "from tensorflow import keras",
    "2 beside 3": "import keras.ops\nfrom tensorflow import keras",
    "3 beside 2": "import tensorflow as tf\nuse = tf.keras.losses.MeanSquaredError\nimport keras",
}


@pytest.mark.slow
@pytest.mark.parametrize("imports", KERAS_IMPORTS.values(), ids=KERAS_IMPORTS)
def test_a_keras_model_is_tuned_on_the_examples(
    launcher: Launcher, examples: Stored, tmp_path: Path, imports: str
) -> None:
    text = KERAS_MODULE.replace("import keras", imports, 1)
    outcome = launcher.run(
        "tuner",
        {"module_file": module(tmp_path, text), "train_steps": 3, "eval_steps": 2},
        examples=examples,
        schema=stored_schema(launcher, tmp_path),
    )

    assert set(best(outcome)["values"]) == {"units", "learning_rate"}
    assert len(records(outcome)) == 2


@pytest.mark.slow
def test_models_of_keras_2_are_tuned_in_parallel_processes(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    text = KERAS_MODULE.replace("import keras", KERAS_IMPORTS["2"], 1)
    parameters = {"module_file": module(tmp_path, text), "train_steps": 3, "eval_steps": 2}
    outcome = launcher.run(
        "tuner",
        {**parameters, "tune_args": {"num_parallel_trials": 2}},
        examples=examples,
        schema=stored_schema(launcher, tmp_path),
    )

    assert len(records(outcome)) == 2


def test_which_keras_a_module_names_is_found_in_what_it_imports(tmp_path: Path) -> None:
    folder = tmp_path / "root/models/network"
    folder.mkdir(parents=True)
    (folder / "model.py").write_text("from models import layers\nimport plain\n", "utf-8")
    (folder / "plain.py").write_text("import numpy\n", "utf-8")

    assert versions_in(folder / "model.py") == set()
    (folder.parent / "layers.py").write_text("import tensorflow as t\nt.keras.Model", "utf-8")
    assert versions_in(folder / "model.py") == {2}
    (folder / "plain.py").write_text("from keras import layers\n", "utf-8")
    assert versions_in(folder / "model.py") == {2, 3}


def test_a_trainer_reads_the_best_hyperparameters(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    tuned = launcher.run("tuner", {"module_file": module(tmp_path)}, examples=examples)

    trained = launcher.run(
        "trainer",
        {"module_file": module(tmp_path, TRAINER_MODULE)},
        examples=examples,
        hyperparameters=tuned["best_hyperparameters"],
    )

    assert (trained["model"].path / "Format-Serving/x.txt").read_text("utf-8") == "1 right"


@pytest.mark.slow
def test_trials_in_parallel_processes_find_the_same(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    text = MODULE.replace(
        "    return {", '    print("in process", os.getpid())\n    return {"pid": os.getpid(), '
    )

    outcome = launcher.run(
        "tuner",
        {"module_file": module(tmp_path, text), "tune_args": {"num_parallel_trials": 2}},
        examples=examples,
    )

    assert best(outcome)["values"] == {"x": 1, "y": "right"}
    assert len(records(outcome)) == 6


# This oracle waits for running trials before it gives out others: a process without a trial asks
# until it is told to stop.
WAITING_MODULE = (
    MODULE.replace("keras_tuner.RandomSearch", "keras_tuner.GridSearch")
    .replace("        seed=7,\n", "")
    .replace(
        "    tuner = Parabola(",
        "    space = keras_tuner.HyperParameters()\n"
        "    space.Choice('x', [0, 1, 2]), space.Choice('y', ['left', 'right'])\n"
        "    NUMBER\n"
        "    tuner = Parabola(",
    )
    .replace("overwrite=True,", "overwrite=True, hyperparameters=space,")
    .replace("import json\n", "import json\nimport signal\nimport sys\nimport time\n")
)
IN_TRIAL = '    return {"loss"'
IN_TUNER_FN = "    NUMBER"
AT_END = "    def run_trial"
KILL = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture
def time_limit() -> Iterator[None]:
    """Fails a test that would wait forever."""

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError("the tuner still waits")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(240)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.slow
@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize(
    ("place", "number", "action", "message"),
    [
        (IN_TUNER_FN, 1, KILL, r"process 1 of the trials ended with exit code -9, expected 0"),
        (IN_TRIAL, 0, KILL, r"process 0 of the trials ended with exit code -9, expected 0"),
        (
            IN_TRIAL,
            1,
            "os._exit(0)",
            r"process 1 .* exit code 0 .* If the module ends it, for example by",
        ),
        (IN_TRIAL, 1, "sys.exit('enough')", r"raised SystemExit at module.py, line \d+: enough"),
        (AT_END, 0, KILL, r"process 0 of the trials ended with exit code -9, expected 0"),
    ],
)
def test_a_process_that_ends_ends_the_search(
    launcher: Launcher,
    examples: Stored,
    tmp_path: Path,
    place: str,
    number: int,
    action: str,
    message: str,
) -> None:
    # The other process would have to wait while this one's trial runs.
    here = f"if os.environ.get('KERASTUNER_TUNER_ID') == 'tuner{number}': {action}"
    method = f"    def on_search_end(self):\n        {here}\n\n{AT_END}"
    text = WAITING_MODULE.replace(place, method if place == AT_END else f"    {here}\n{place}")
    path = module(tmp_path, text.replace("NUMBER", "pass"))

    with pytest.raises(TaskFailedError, match=message):
        launcher.run("tuner", {"module_file": path, "num_parallel_trials": 2}, examples=examples)


@pytest.mark.slow
@pytest.mark.usefixtures("time_limit")
def test_a_search_whose_trials_all_fail_ends_for_all_processes(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    raising = f"    raise ValueError('no such layer')\n{IN_TRIAL}"
    path = module(tmp_path, WAITING_MODULE.replace(IN_TRIAL, raising).replace("NUMBER", "pass"))

    with pytest.raises(
        TaskFailedError, match=r"of its trials, \d failed, the last with ValueError: no such layer"
    ):
        launcher.run("tuner", {"module_file": path, "num_parallel_trials": 2}, examples=examples)


@pytest.mark.slow
@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize(("failing", "expected"), [("x == 1", 2), ("(x, y) != (0, 'left')", 1)])
def test_good_trials_count_among_failing_ones(
    launcher: Launcher, examples: Stored, tmp_path: Path, failing: str, expected: int
) -> None:
    # The second search stops after three failures in a row; its first trial is the good one.
    raising = f"    if {failing}:\n        raise ValueError('no such layer')\n{IN_TRIAL}"
    path = module(tmp_path, WAITING_MODULE.replace(IN_TRIAL, raising).replace("NUMBER", "pass"))

    outcome = launcher.run(
        "tuner", {"module_file": path, "num_parallel_trials": 2}, examples=examples
    )

    assert len(records(outcome)) >= expected
    for row in [best(outcome)["values"], *records(outcome)]:
        x, y = row["x"], row["y"]
        assert not eval(failing, {"x": x, "y": y})
    assert best(outcome)["values"]["x"] == records(outcome)[0]["x"]


@pytest.mark.slow
@pytest.mark.usefixtures("time_limit")
def test_processes_find_the_tuner_where_all_else_goes_through_a_proxy(
    launcher: Launcher, examples: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    parameters = {"module_file": module(tmp_path), "num_parallel_trials": 2}

    assert len(records(launcher.run("tuner", parameters, examples=examples))) == 6


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["worker", "process"])
def test_trials_end_with_a_tuner_that_is_killed(runner: str, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    # Trials that never end; each writes its own process and that of its tuner.
    text = MODULE.replace(
        "    return {",
        f"    with open({str(notes)!r}, 'a') as file:\n"
        "        file.write(f'{os.getpid()} {os.getppid()}\\n')\n"
        "    while True: pass\n"
        "    return {",
    )
    # KerasTuner only starts a second trial if it knows the hyperparameters.
    text = text.replace("overwrite=True,", "overwrite=True, hyperparameters=space,").replace(
        "    tuner = Parabola(",
        "    space = keras_tuner.HyperParameters()\n"
        "    space.Choice('x', [0, 1, 2]), space.Choice('y', ['left', 'right'])\n"
        "    tuner = Parabola(",
    )
    stored_examples(Launcher(root=tmp_path, rules="vertex"), tmp_path / "examples")
    parameters = {"module_file": module(tmp_path, text), "num_parallel_trials": 2}
    message = executor_input(
        "tuner", str(tmp_path), tmp_path / "output.json", parameters, ["examples"]
    )
    arguments = ["--executor_input", message]
    command = [sys.executable, "-m", "headrace_components.tuner", *arguments]
    request = ProcessRequest(
        component="tuner" if runner == "worker" else None,
        command=arguments if runner == "worker" else command,
        environment={},
        directory=tmp_path,
        log=tmp_path / "task.log",
    )

    async def main() -> list[int]:
        nursery = Nursery(tmp_path / "nursery.log")
        running = asyncio.create_task(nursery.run(request, ["tuner"]))
        while len(notes.read_text("utf-8").splitlines()) < 2:
            assert not running.done(), (tmp_path / "task.log").read_text("utf-8")
            await asyncio.sleep(0.05)
        pairs = [line.split() for line in notes.read_text("utf-8").splitlines()]
        ((tuner,), trials) = ({pair[1] for pair in pairs}, [int(pair[0]) for pair in pairs])
        os.kill(int(tuner), signal.SIGKILL)
        try:
            assert await running == -signal.SIGKILL
            return [pid for pid in trials if Path(f"/proc/{pid}").exists()]
        finally:
            await nursery.close()

    assert asyncio.run(main()) == []


VARIES = {"*": "The module leaves its weights and the search to chance."}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    # The most complex tuner of KerasTuner: it learns from the first trial, and logs.
    text = KERAS_MODULE.replace(
        'RandomSearch(\n        _model, "val_accuracy", max_trials=2,',
        'BayesianOptimization(\n        _model, "val_accuracy", max_trials=2, '
        "num_initial_points=1,",
    ).replace(
        '"verbose": 0,',
        '"verbose": 0, "callbacks": [keras.callbacks.TensorBoard(fn_args.working_dir)],',
    )

    outcome = launcher.run(
        "tuner",
        {"module_file": module(tmp_path, text), "train_steps": 2, "eval_steps": 2},
        examples=stored_examples(launcher, tmp_path / "examples"),
        schema=stored_schema(launcher, tmp_path),
    )

    assert set(best(outcome)["values"]) == {"units", "learning_rate"}
    assert "2 of 2 trials completed" in outcome.log
    assert outcome["metrics"].metadata["num_trials"] == 2
    return outcome


def test_a_search_publishes_its_best_score_and_a_page_of_its_trials(
    launcher: Launcher, tmp_path: Path
) -> None:
    text = MODULE.replace('return {"loss"', 'assert (x, y) != (0, "left")\n    return {"loss"')

    outcome = launcher.run(
        "tuner",
        {"module_file": module(tmp_path, text)},
        examples=stored_examples(launcher, tmp_path / "examples"),
    )

    results = json.loads((outcome["tuner_results"].path / "tuner_results.json").read_text("utf-8"))
    assert outcome["metrics"].metadata == {
        "best_score": results[0]["score"],
        "num_trials": 6,
        "num_failed_trials": 6 - len(results),
    }
    page = outcome["report"].path.read_text("utf-8")
    assert page.count('scope="row"') == len(results)
    assert ">left<" in page
    assert "<svg" in page


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '    return {"loss"',
            '    raise ValueError("no such layer")\n    return {"loss"',
            r"tuner: the search found nothing: of its trials, 3 failed, the last with ValueError: "
            r"no such layer at module.py, line \d+\. Correct the model",
        ),
        (
            "(x - 1) ** 2",
            'float("nan")',
            r"of its trials, \d ended without a finite score, the last with nan\. Check",
        ),
        (
            "    def run_trial",
            "    def search(self):\n        pass\n\n    def run_trial",
            r"of its trials, none was started\. Give the tuner trials to run",
        ),
        (
            "return TunerFnResult(tuner=tuner, fit_kwargs={})",
            "return tuner",
            r"tuner_fn returned an object of type Parabola, expected a TunerFnResult",
        ),
        (
            "tuner=tuner, fit_kwargs={}",
            "tuner=None, fit_kwargs=3",
            r"TunerFnResult with `tuner` of type NoneType and `fit_kwargs` of type int, expected",
        ),
        (
            "fit_kwargs={}",
            'fit_kwargs={"steps": 1}',
            r"failed, the last with TypeError: run\(\) got an",
        ),
        ("def tuner_fn", "def tune_fn", r"module.py has no function 'tuner_fn'"),
        (
            "    given = {",
            '    raise KeyError("late")\n    given = {',
            r"tuner_fn raised KeyError at module.py, line \d+: 'late'",
        ),
    ],
)
def test_a_search_that_finds_nothing_says_why(
    launcher: Launcher, examples: Stored, tmp_path: Path, old: str, new: str, message: str
) -> None:
    if "steps" in new:
        new_module = MODULE.replace("def run(x, y, **kwargs)", "def run(x, y)")
    else:
        new_module = MODULE
    path = module(tmp_path, new_module.replace(old, new))

    with pytest.raises(TaskFailedError, match=message):
        launcher.run("tuner", {"module_file": path}, examples=examples)


def test_trials_that_fail_or_score_no_number_are_no_candidates(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    text = MODULE.replace(
        "    return {",
        '    if x == 0:\n        return {"loss": float("nan")}\n'
        '    if (x, y) == (2, "left"):\n        raise ValueError("too wide")\n    return {',
    )

    outcome = launcher.run("tuner", {"module_file": module(tmp_path, text)}, examples=examples)

    assert best(outcome)["values"] == {"x": 1, "y": "right"}
    assert {row["score"] for row in records(outcome)} == {0.0, 1.0}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"train_args": {"steps": 5}},
            r"tuner: `train_args` has fields \['steps'\], expected only",
        ),
        ({"eval_steps": -1}, r"tuner: `eval_steps` is -1, expected 1 or more\. Pass 0"),
        ({"tune_args": {"parallel": 2}}, r"tuner: `tune_args` has fields \['parallel'\], expected"),
        ({"num_parallel_trials": 65}, r"`num_parallel_trials` is 65, expected a whole number from"),
        (
            {"tune_args": {"num_parallel_trials": 1.5}},
            r"of `tune_args` is 1.5, expected a whole number from 0 to 64\. Pass how many trials",
        ),
        (
            {"num_parallel_trials": 2, "tune_args": {"num_parallel_trials": 3}},
            r"`num_parallel_trials` is 2, but `tune_args` says 3\. Expected one number",
        ),
        ({"mixed_precision": "bf16"}, r"tuner: `mixed_precision` is 'bf16', expected one of"),
        ({}, r"neither `module_file` nor `tuner_fn` are given"),
        ({"train_args": {"splits": ["trian"]}}, r"tuner: split 'trian' is not in .*\['eval', 'tr"),
    ],
)
def test_parameters_that_no_run_could_honour_are_refused(
    launcher: Launcher, examples: Stored, tmp_path: Path, parameters: dict[str, Any], message: str
) -> None:
    if "splits" in str(parameters):
        parameters = {**parameters, "module_file": module(tmp_path)}

    with pytest.raises(TaskFailedError, match=message):
        launcher.run("tuner", parameters, examples=examples)
