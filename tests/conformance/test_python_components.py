"""Lightweight Python components by Kubeflow's rules, up to the call of kfp's executor."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

import json
from pathlib import Path
from typing import Any, List, NamedTuple  # noqa: UP035  kfp knows these names only

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from support.cases.conformance_features import PROFILE, conforms
from support.cases.local_pipelines import run_pipeline, step
from support.launcher import kubeflow_driver

HARD = 'it\'s "ü"\n\t\\ \\n {{x}} {{$}} $HOME ${HOME} `id` %s </a>&amp; @[[text]] \u20ac'


@dsl.component(install_kfp_package=False)
def note(label: str, text: str = "", several: list = [], values: dict = {}) -> NamedTuple(  # type: ignore[valid-type]
    "Noted", [("text", str), ("several", list), ("values", dict)]
):
    import json
    import os
    from pathlib import Path

    line = json.dumps([label, text, several, values], sort_keys=True)
    with Path(os.environ["JOURNAL"]).open("a") as file:
        file.write(line + "\n")
    return text, several, values


@dsl.component(install_kfp_package=False)
def code() -> str:
    # Nobody on the way may replace what an author's code holds: {{$}} {{workflow.name}} $$ $(A)
    return "{{$}} {{workflow.name}} $$ $(A) @[[x]]".replace("{{workflow.name}} $$ ", "")


@dsl.pipeline(name="below")
def below(text: str, items: list):
    note(label="below", text=f"<{text}>", several=[items, text], values={"items": items})


@dsl.pipeline(name="everything")
def everything(text: str, count: int, rate: float, flag: bool, items: list, values: dict):
    first = note(label="whole", text=text, several=items, values=values)
    note(
        label="made",
        text=f"{text}|{count}|{flag}|{items}|{values}|{first.outputs['text']}",
        several=[text, count, rate, flag, first.outputs["several"], {"deep": [values]}],
        values={"of": first.outputs["values"], "n": count, "e": [], "constant": "{{$}} $$ $(A)"},
    )
    with dsl.If(flag == True):  # noqa: E712
        note(label="condition", text=f"{text}/{count}", several=[flag])
    below(text=text, items=items)
    written = code()
    note(label="code", text=f"{written.output}{dsl.PIPELINE_TASK_NAME_PLACEHOLDER}")


@dsl.pipeline(name="loops")
def loops(words: List[str], rate: float):  # noqa: UP006  kfp knows this name only
    with dsl.ParallelFor(words) as word:
        made = note(label="item", text=f"<{word}>", several=[word, rate], values={"w": word})
        note(
            label="of the item",
            text=f"({made.outputs['text']})",
            values={"w": made.outputs["values"]},
        )


@dsl.pipeline(name="deep")
def deep(path: str, items: list):
    note(label="deep", text=path, several=items)
    note(label="deeper", text=f"{path}/deep", several=[path, "x"])


@dsl.pipeline(name="inner")
def inner(path: str, items: list, n: int):
    note(label="inner", text=path, several=items)
    step(name="container", value=path)
    note(label="in a text", text=f"<{path}>", several=[path, n], values={"p": path})
    with dsl.If(n > 1):
        note(label="condition", text=f"in {path}", several=items)
    with dsl.ParallelFor(["a"]) as letter:
        note(label="loop", text=f"{letter}{path}", several=items)
    deep(path=f"{path}/{n}", items=items)


@dsl.pipeline(name="handed-down")
def handed_down(base: str, n: int):
    first = note(label="first", text=base, several=[n])
    inner(
        path=f"{base}/{n}/{first.outputs['text']}",
        items=[n, {"of": first.outputs["several"], "base": base}],
        n=n,
    )


def goes_as_here(pipeline: Any, directory: Path, **parameters: Any) -> dict[str, list[Any]]:
    """Returns the arguments of tasks, by label, after a comparison with Kubeflow's."""
    local = compile_for(load(pipeline), "local", PROFILE).document
    here = run_pipeline(local, directory, **parameters)
    document = compile_for(load(pipeline), "kubeflow", PROFILE, parameters).document
    there = kubeflow_driver.run(document, directory / "kubeflow", parameters)
    assert (there.failed, there.lines) == ({}, sorted(here.journal))
    lines = [line for line in there.lines if line.startswith("[")]
    return {label: values for label, *values in map(json.loads, lines)}


@pytest.mark.slow
@pytest.mark.parametrize(("text", "rate"), [(HARD, 1.5), ("", 2.0)])
def test_whatever_a_value_is_it_arrives_as_it_is(text: str, rate: float, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "text": text,
        "count": 3,
        "rate": rate,
        "flag": True,
        "items": [1, 2.0, -1e-07, text, [None, {"q": '"'}]],
        "values": {"ü k.": None, text: [True, 7]},
    }

    found = goes_as_here(everything, tmp_path, **given)

    made_text, several, values = found["made"]
    assert made_text.startswith(f"{text}|3|true|")
    assert made_text.endswith(f"|{text}")
    assert several == [text, 3, rate, True, given["items"], {"deep": [given["values"]]}]
    assert values == {"of": given["values"], "n": 3, "e": [], "constant": "{{$}} $$ $(A)"}
    assert found["code"][0] == "{{$}} $(A) @[[x]]note-4"
    assert found["condition"] == [f"{text}/3", [True], {}]
    assert found["below"] == [f"<{text}>", [given["items"], text], {"items": given["items"]}]


@pytest.mark.slow
def test_items_of_loops_arrive_as_they_are(tmp_path: Path) -> None:
    found = goes_as_here(loops, tmp_path, words=[HARD, "", '"'], rate=0.5)

    assert found["item"][1][1] == 0.5


@conforms(
    "Sub-pipelines",
    "an f-string, a list or a dict with parameters in it, at any depth",
    handed_down,
    by_rules=True,
)
@pytest.mark.slow
@pytest.mark.parametrize("base", ["r", 'it\'s "ü" \\'])
def test_what_is_made_of_others_goes_into_sub_pipelines(base: str, tmp_path: Path) -> None:
    found = goes_as_here(handed_down, tmp_path, base=base, n=2)

    path, items = f"{base}/2/{base}", [2, {"of": [2], "base": base}]
    assert found["inner"] == [path, items, {}]
    assert found["in a text"] == [f"<{path}>", [path, 2], {"p": path}]
    assert found["condition"] == [f"in {path}", items, {}]
    assert found["loop"] == [f"a{path}", items, {}]
    assert found["deep"] == [f"{path}/2", items, {}]
    assert found["deeper"] == [f"{path}/2/deep", [f"{path}/2", "x"], {}]
