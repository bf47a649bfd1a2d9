"""Parameters from a run, for components of Headrace: the same values on each backend."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

import json
from pathlib import Path
from typing import Any, List, NamedTuple  # noqa: UP035  kfp knows these names only

import pyarrow as pa
import pytest
from kfp import dsl
from kfp.compiler import Compiler

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.target_registry import TARGETS
from headrace.targets.local import engine, runnable
from headrace.targets.local.shared.options import Options
from headrace_components.catalog import csv_example_gen, statistics_gen, trainer
from headrace_components.contract.templates import fill, whole_numbers
from headrace_components.library.data.examples import ExamplesReader
from support.cases.conformance_features import PROFILE, conforms
from support.cases.local_pipelines import number, step
from support.launcher import compiled_runs, kubeflow_words
from support.launcher.entry_points import Launcher, Rules
from support.launcher.made_parameters import received

SECTION = "Parameters of Headrace's components"
HARD = 'it\'s "ü"\n\\ \\n {{$}} {{x}} @[[root]] \U0001f426'
VALUES: dict[str, Any] = {
    "root": HARD,
    "steps": 7,
    "rate": 1e-07,
    "flag": True,
    "config": {"b": [1, 2.5, {"c": HARD}], "a": None},
    "names": ["x", 'y"'],
}
ALL = pytest.mark.parametrize("target", TARGETS)


@dsl.pipeline(name="f-strings")
def f_strings(root: str, steps: int, rate: float, flag: bool, config: dict, names: list):
    told = step(name="told", value="v")
    csv_example_gen(
        input_base=f"{root}/{steps}/{rate}/{flag}/{names}/{root}",
        delimiter=f"{steps}",
        input_config={"splits": [{"pattern": told.outputs["text"]}, config]},
        output_config={"n": steps, "deep": [{"a": [root, rate, flag, config, names]}], "k": 5},
        beam_pipeline_args=["--runner=x", root],
    )


@conforms(SECTION, "f-strings, and values in lists and dicts", f_strings)
@ALL
def test_values_arrive_with_their_types_and_texts_whole(target: str) -> None:
    told = {"step": {"text": 'a "b"\\'}}

    (values,) = received(f_strings, target, VALUES, told).values()

    text = f'{HARD}/7/0.0000001/true/["x","y\\""]/{HARD}'
    assert values["input_base"] == text
    assert values["delimiter"] == "7"
    assert values["input_config"] == {"splits": [{"pattern": 'a "b"\\'}, VALUES["config"]]}
    deep = [{"a": [HARD, 1e-07, True, VALUES["config"], VALUES["names"]]}]
    assert values["output_config"] == {"n": 7, "deep": deep, "k": 5}
    assert values["output_config"]["deep"][0]["a"][2] is True
    assert values["beam_pipeline_args"] == ["--runner=x", HARD]
    assert not [name for name in values if name.startswith("pipelinechannel--")]


@dsl.pipeline(name="within")
def within(where: str, counts: dict):
    with dsl.ParallelFor(["a", "b"]) as item:
        csv_example_gen(input_base=f"{where}/{item}", output_config={"of": item, "counts": counts})


@dsl.pipeline(name="nested")
def nested(root: str, steps: int):
    told = number(value=3)
    with dsl.If(steps > 1):
        csv_example_gen(
            input_base=f"{root}-{told.output}", output_config={"n": told.output, "m": steps}
        )
    within(where=root, counts={"n": 2})


@conforms(SECTION, "the same in conditions, loops and sub-pipelines", nested)
@ALL
def test_values_come_through_conditions_loops_and_sub_pipelines(target: str) -> None:
    found = received(nested, target, VALUES, {"number": {"result": 3}})

    values = [values for _, values in sorted(found.items())]
    assert [(each["input_base"], each["output_config"]) for each in values] == [
        (f"{HARD}-3", {"n": 3, "m": 7}),
        (f"{HARD}/a", {"of": "a", "counts": {"n": 2}}),
        (f"{HARD}/b", {"of": "b", "counts": {"n": 2}}),
    ]


@dsl.pipeline(name="items")
def items(flag: bool, root: str):
    with dsl.If(flag == True), dsl.ParallelFor([{"n": 1, "a": "x"}, {"n": 2, "a": '"ü"'}]) as item:  # noqa: E712
        csv_example_gen(
            input_base=f"{root}/{item.a}", output_config={"n": item.n, "all": item, "a": [item.a]}
        )


@conforms(SECTION, "items of loops and their keys", items)
@ALL
def test_items_of_loops_arrive_with_their_types(target: str) -> None:
    found = received(items, target, {"flag": True, "root": "r"})

    assert [
        (each["input_base"], json.dumps(whole_numbers(each["output_config"]), sort_keys=True))
        for _, each in sorted(found.items())
    ] == [
        ("r/x", '{"a": ["x"], "all": {"a": "x", "n": 1}, "n": 1}'),
        ('r/"ü"', '{"a": ["\\"\\u00fc\\""], "all": {"a": "\\"\\u00fc\\"", "n": 2}, "n": 2}'),
    ]


@dsl.pipeline(name="loops")
def loops(paths: list, word: str):
    with dsl.ParallelFor(paths) as path, dsl.ParallelFor(path.numbers) as number_:
        csv_example_gen(
            input_base=f"{path.label}/{number_}/{word}",
            output_config={"n": number_, "path": path, "name": [f"<{path.label}>"]},
        )


def test_untyped_items_of_loops_are_alike_on_every_target() -> None:
    given = {"paths": [{"label": "x", "numbers": [1, 2]}], "word": "w"}

    found = [sorted(received(loops, target, given).items()) for target in TARGETS]

    assert [values["input_base"] for _, values in found[0]] == ["x/1/w", "x/2/w"]
    assert [values["output_config"]["name"] for _, values in found[0]] == [["<x>"], ["<x>"]]
    assert found[0] == found[1] == found[2]


@dsl.pipeline(name="keys")
def keys(root: str, steps: int):
    csv_example_gen(
        input_base="x",
        input_config={f"in {root}": [f"<{root}|{steps}>", f"{steps}"]},
        output_config={"run": f"run {dsl.PIPELINE_JOB_NAME_PLACEHOLDER} of {root}"},
        beam_pipeline_args=[f"--name={dsl.PIPELINE_TASK_NAME_PLACEHOLDER}"],
    )


@conforms(SECTION, "f-strings in lists, dicts and keys, with placeholders of the run", keys)
@ALL
def test_an_f_string_is_filled_in_at_any_depth(target: str) -> None:
    (values,) = received(keys, target, VALUES).values()

    assert values["input_config"] == {f"in {HARD}": [f"<{HARD}|7>", 7]}
    assert values["output_config"] == {"run": f"run run-1 of {HARD}"}
    assert values["beam_pipeline_args"] == ["--name=csv-example-gen"]


LITERAL = (
    "$$ $(HOME) {{$.foo}} {{$}} {{workflow.name}} @[[root]] {{{ $ "
    "{{$.inputs.parameters['text']}} {{$.inputs.parameters['input_base']}}"
)


@dsl.pipeline(name="literal")
def literal(root: str):
    examples = csv_example_gen(input_base=LITERAL)
    trainer(
        examples=examples.outputs["examples"],
        module_file="gs://bucket/module.py",
        custom_config={LITERAL: [LITERAL, {"x": f"${root}{{{{$"}], "plain": "@[[root]]"},
    )


@conforms(SECTION, "constants that look like placeholders, also Argo's and Kubernetes'", literal)
@ALL
def test_a_constant_that_looks_like_a_placeholder_stays_as_it_is(target: str) -> None:
    values = received(literal, target, {"root": "r"})

    assert values["csv-example-gen"]["input_base"] == LITERAL
    assert values["trainer"]["custom_config"] == {
        LITERAL: [LITERAL, {"x": "$r{{$"}],
        "plain": "@[[root]]",
    }


def test_a_value_of_the_run_that_looks_like_a_template_stays_as_it_is() -> None:
    values = {"input_base": "@[[root]]", "pipelinechannel--root": "r", "output_config": {"a": "x"}}

    assert fill(values, "csv_example_gen") == {
        "input_base": "@[[root]]",
        "output_config": {"a": "x"},
    }


@dsl.pipeline(name="settings")
def settings(memory: str, root: str):
    csv_example_gen(input_base=f"{root}/x").set_memory_limit(memory)


@conforms(SECTION, "resources from parameters, too", settings)
@ALL
def test_a_component_does_not_see_what_its_machine_is_told(target: str) -> None:
    (values,) = received(settings, target, {"memory": "2G", "root": "r"}).values()

    assert values["input_base"] == "r/x"
    assert not {"memory_limit", "pipelinechannel--headrace--templates"} & set(values)


@dsl.pipeline(name="artifact")
def artifact():
    made = csv_example_gen(input_base="x")
    csv_example_gen(input_base="x", output_config={"m": made.outputs["examples"]})


@conforms(SECTION, "an artifact in a list or dict", artifact)
def test_an_artifact_in_a_dict_is_refused() -> None:
    with pytest.raises(CompileError, match=r"the artifact `examples` of task `csv-example-gen` is"):
        compile_for(load(artifact), "local", PROFILE)


@dsl.pipeline(name="written")
def written(root: str, count: int, name: str):
    examples = csv_example_gen(
        input_base=f"{root}/labelled",
        output_config={
            "split_config": {
                "splits": [
                    {"name": "train", "hash_buckets": count},
                    {"name": f"{name}-val", "hash_buckets": 1},
                ]
            }
        },
    )
    statistics_gen(examples=examples.outputs["examples"], stats_options={"num_top_values": count})


@pytest.mark.slow
@pytest.mark.parametrize("rules", ["kfp-2.17", "vertex"])
def test_what_is_written_on_a_cluster_is_what_is_written_here(rules: Rules, tmp_path: Path) -> None:
    root = tmp_path / 'it\'s "ü" \\n {{$}}'
    (root / "labelled").mkdir(parents=True)
    rows = "".join(f"{number},a\n" for number in range(40))
    (root / "labelled/rows.csv").write_text(f"n,word\n{rows}", "utf-8")
    given = {"root": str(root), "count": 3, "name": "late"}
    source = load(written)
    local = compile_for(source, "local", PROFILE).document
    options = Options(root=tmp_path / "here", runner="process", use_cache=False)

    here = engine.start(local, parameters=given, options=options)
    launcher = Launcher(root=tmp_path / "there", rules=rules)
    there = compiled_runs.run(compile_for(source, "kubeflow", PROFILE).text, launcher, given)

    assert here.state == "succeeded"
    (mine,) = (tmp_path / "here").glob("written/*/csv-example-gen/examples")
    theirs = there["csv-example-gen"]["examples"].path
    for split in ("train", "late-val"):
        written_here = rows_of(mine, split)
        assert written_here.num_rows > 0
        assert written_here == rows_of(theirs, split)


def rows_of(examples: Path, split: str) -> pa.Table:
    return pa.Table.from_batches(ExamplesReader(examples, "test").record_batches(split))


def test_what_kfp_compiled_itself_runs_with_the_same_values(tmp_path: Path) -> None:
    Compiler().compile(written, str(tmp_path / "written.yaml"))

    spec = runnable.load(tmp_path / "written.yaml").spec

    tasks = spec["root"]["dag"]["tasks"]
    ours = compile_for(load(written), "local", PROFILE).document["root"]["dag"]["tasks"]
    for name, task in tasks.items():
        for parameter, source in task["inputs"]["parameters"].items():
            assert source == ours[name]["inputs"]["parameters"][parameter]


PYTHON = "Parameters of lightweight Python components"


@dsl.component(install_kfp_package=False)
def told(
    text: str = "", several: list = [], values: dict = {}, n: int = 0, x: float = 0.5
) -> NamedTuple("Told", [("text", str), ("several", list), ("values", dict)]):  # type: ignore[valid-type]
    return text, several, values


@dsl.pipeline(name="python-made")
def python_made(root: str, steps: int, rate: float, flag: bool, config: dict, names: list):
    first = told(text=root, several=names, values=config)
    told(
        text=f"{root}/{steps}/{rate}/{flag}/{names}/{first.outputs['text']}",
        several=[first.outputs["text"], steps, rate, [flag, first.outputs["several"]], {"a": root}],
        values={"c": config, "of": first.outputs["values"], "k": 5, "l": ["{{$}}", names]},
        n=steps,
    )


@conforms(PYTHON, "f-strings, and values in lists and dicts", python_made, by_rules=True)
@ALL
def test_python_components_get_values_with_their_types_and_texts_whole(target: str) -> None:
    given = {"text": 'a "b"\\', "several": [{"q": '"'}], "values": {"deep": [1.5, ["x"]]}}

    (_, values) = received(python_made, target, VALUES, {"told": given}).values()

    assert values["text"] == f'{HARD}/7/0.0000001/true/["x","y\\""]/a "b"\\'
    assert values["several"] == [given["text"], 7, 1e-07, [True, given["several"]], {"a": HARD}]
    assert values["several"][3][0] is True
    assert whole_numbers(values["values"]) == {
        "c": VALUES["config"],
        "of": given["values"],
        "k": 5,
        "l": ["{{$}}", VALUES["names"]],
    }
    assert values["n"] == 7
    assert not [name for name in values if name.startswith("pipelinechannel--")]


@dsl.pipeline(name="python-within")
def python_within(where: str, counts: dict):
    with dsl.ParallelFor([{"n": 1, "a": "x"}, {"n": 2, "a": '"ü"'}]) as item:
        told(text=f"{where}/{item.a}", several=[item.n, counts], values={"all": item})


@dsl.pipeline(name="python-nested")
def python_nested(root: str, steps: int, words: List[str]):  # noqa: UP006  kfp knows this name only
    first = told(text=root)
    with dsl.If(first.outputs["text"] != "", name="given"), dsl.ParallelFor(words) as word:
        told(text=f"<{word}>", several=[word, steps])


@dsl.pipeline(name="python-below")
def python_below(root: str):
    python_within(where=root, counts={"n": 2})


@conforms(PYTHON, "the same with items of loops, in conditions", python_nested, by_rules=True)
@conforms(PYTHON, "the same with keys of items, in a sub-pipeline", python_below, by_rules=True)
@ALL
def test_python_components_get_items_in_conditions_and_sub_pipelines(target: str) -> None:
    parameters = {"root": HARD, "steps": 3, "words": ["", '"']}

    found = received(python_nested, target, parameters, {"told": {"text": "t"}})
    found |= received(python_below, target, {"root": HARD})

    values = [
        (each["text"], each["several"], each.get("values", {}))
        for label, each in sorted(found.items())
        if "for-loop" in label
    ]
    assert sorted(values, key=str) == sorted(
        [
            ("<>", ["", 3], {}),
            ('<">', ['"', 3], {}),
            (f"{HARD}/x", [1, {"n": 2}], {"all": {"n": 1, "a": "x"}}),
            (f'{HARD}/"ü"', [2, {"n": 2}], {"all": {"n": 2, "a": '"ü"'}}),
        ],
        key=str,
    )


@dsl.pipeline(name="python-constants")
def python_constants(root: str):
    told(text=LITERAL, several=[LITERAL, {LITERAL: "{{pod.name}}"}], values={"{{$}}": LITERAL})
    told(
        text="@[[root]]",
        several=["@[[root]]"],
        values={"job": f"-{dsl.PIPELINE_JOB_NAME_PLACEHOLDER}"},
    )
    told(text=f"{dsl.PIPELINE_JOB_NAME_PLACEHOLDER}/{root}")


@conforms(
    PYTHON,
    "constants that look like placeholders, also Argo's and Kubernetes'; placeholders of the run",
    python_constants,
    by_rules=True,
)
@ALL
def test_python_components_get_constants_as_they_are_written(target: str) -> None:
    values = received(python_constants, target, {"root": HARD})

    assert values["told"]["text"] == LITERAL
    assert values["told"]["several"] == [LITERAL, {LITERAL: "{{pod.name}}"}]
    assert values["told"]["values"] == {"{{$}}": LITERAL}
    assert values["told-2"]["text"] == "@[[root]]"
    assert values["told-2"]["several"] == ["@[[root]]"]
    assert values["told-2"]["values"] == {"job": "-run-1"}
    assert values["told-3"]["text"] == f"run-1/{HARD}"


@dsl.pipeline(name="python-data")
def python_data(text: str):
    told(text=text, several=[text])


def test_on_kubeflow_a_text_of_the_run_may_be_replaced_on_its_way() -> None:
    # `headrace submit` refuses these values of a parameter, but it cannot check the values of a
    # task.
    text = "{{workflow.name}} $$ $(HOME) {{$.inputs.parameters['text']}}"

    (values,) = received(python_data, "kubeflow", {"text": text}).values()

    assert values["text"].startswith(f"{kubeflow_words.WORKFLOW} $ /root {kubeflow_words.WORKFLOW}")
    assert values["several"] == [values["text"]]
