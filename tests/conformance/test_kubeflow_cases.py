"""Compares this backend with a real Kubeflow on the same pipelines.

`DIFFERENCES` lists the pipelines with other results here, and the reasons. A listed pipeline with
the same results fails its test: remove it from the table.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import Frontend
from headrace.ir.validation.reading import read_documents
from headrace.targets.local.run import run
from support.cases.conformance_features import PROFILE

FOLDER = Path(__file__).parents[1] / "fixtures/kubeflow_cases"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))

# The ID of a run, on Kubeflow and here.
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{8}-\d{6}-[0-9a-f]{6}")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference between this machine and the other side.

    Attributes:
        why: The reason.
        lines: A regular expression for the beginning of lines that the other side lacks; all other
            lines are the same.
        state: Whether the run also ends in another state.
    """

    why: str
    lines: str
    state: bool = False


FILLED = "Headrace fills in the f-strings of Python components itself, so that quotes break nothing"
REPLACED = "values that look like placeholders are replaced there, and left alone here"
DIFFERENCES = {
    "ed-constants2": Difference(why=REPLACED, lines=r"(\['|)const"),
    "ed-container-placeholders": Difference(
        why="the recorded pipeline had an argument that its file lacks", lines="", state=True
    ),
    "ed-env": Difference(why="Argo replaces {{workflow.name}} in a variable", lines="D="),
    "ed-loops": Difference(
        why="an item of an untyped list is a text there, which no integer parameter takes",
        lines="nm ",
        state=True,
    ),
    "ed-outputs2": Difference(
        why=f"{REPLACED}; {FILLED}", lines=r"fout|(out \[|\['cout', )'a\"b", state=True
    ),
    "ed-values": Difference(why=f"{REPLACED}; {FILLED}", lines="", state=True),
    "ed-values-2": Difference(why=FILLED, lines="f "),
    "ed-values-3": Difference(why=FILLED, lines="f ", state=True),
    "fa-retries-2": Difference(
        why="Kubeflow's own workflow controller does not retry a container that fails",
        lines="flaky",
        state=True,
    ),
    "im-part": Difference(
        why="placeholders in metadata of importers are not filled in there, and a second importer "
        "of a URI gets the artifact of the first",
        lines="imported |bare ",
    ),
    "in-constants": Difference(
        why="why the task failed there was not recorded", lines="", state=True
    ),
    "in-linear": Difference(why=REPLACED, lines=r"\\ "),
    "in-lists": Difference(
        why="parameters in a list are pasted there, as texts and without quotes", lines="list "
    ),
    "in-presence": Difference(
        why="IfPresentPlaceholder takes an artifact there for absent", lines="--text "
    ),
    "rf-joined": Difference(
        why="a ConcatPlaceholder is not replaced there, so Headrace joins it when it compiles",
        lines="",
        state=True,
    ),
    "rf-text-of-an-item": Difference(
        why="Headrace compiles it otherwise than kfp did", lines="if ", state=True
    ),
    "su-optional-none": Difference(
        why="an optional parameter without a value that is handed down fails there",
        lines="inner {} ",
        state=True,
    ),
}
REFUSED = {
    "ed-opt-args": "has no value for the optional input `s`",
    "im-output": "cannot import a URI that is the output of a task",
    "lo-some": "cannot collect `values` from `for-loop-1/condition-2`, a condition in a loop",
    "rf-quote": "holds a quote or a backslash",
    "rf-string-for-a-bool": "compares a parameter that is not a string",
}
"""The messages of `headrace compile` for the pipelines that it refuses for Kubeflow."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a run: its state, and the lines that its tasks wrote, sorted."""

    state: str
    lines: list[str]

    def but(self, beginning: str) -> list[str]:
        """Returns the lines that do not begin like this."""
        return [line for line in self.lines if not re.match(beginning, line)]


def case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def outcome(state: str, lines: Sequence[str]) -> Outcome:
    return Outcome(state=state.upper(), lines=sorted(_RUN.sub("RUN", line) for line in lines))


def outcome_here(name: str, root: Path, journal: Path) -> Outcome:
    result = run(FOLDER / f"{name}.yaml", parameters=case(name)["arguments"], root=root)
    written = journal.read_text("utf-8") if journal.exists() else ""
    return outcome(result.state, written.splitlines())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REFUSED])
def test_a_pipeline_does_what_it_did_on_a_real_kubeflow(name: str, tmp_path: Path) -> None:
    recorded = case(name)["real"]
    real = outcome(recorded["state"], recorded["lines"])

    here = outcome_here(name, tmp_path / "root", tmp_path / "journal.txt")

    difference = DIFFERENCES.get(name)
    if difference is None:
        assert here == real
        return
    assert (here.state != real.state) == difference.state
    assert here.but(difference.lines) == real.but(difference.lines)
    assert here != real, f"{name} gives the same now: take it out of DIFFERENCES"


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_failed_or_went_astray_on_a_real_kubeflow_is_refused_for_it(name: str) -> None:
    (spec,) = read_documents(FOLDER / f"{name}.yaml", name)

    with pytest.raises(CompileError, match=REFUSED[name]):
        compile_for(Frontend(spec=spec, directory=FOLDER), "kubeflow", PROFILE)
