"""kfp's features, each with the small pipeline that shows it, and the page about them."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.target_registry import TARGETS
from headrace.targets.vertex.settings import Vertex
from headrace_components import catalog

PAGE = Path(__file__).parents[3] / "docs/conformance.md"
PROFILE = Profile(
    images=Images(
        registry="registry.example.com/headrace",
        digests=dict.fromkeys(catalog.__all__, f"sha256:{'0' * 64}"),
    ),
    targets=(Vertex(pipeline_root="gs://bucket/root", project="project", region="europe-west1"),),
)

_HEAD = """\
# What kfp offers, and where it runs

Each line is a small pipeline of `tests/conformance/`. A test runs it on this machine and asserts
its result. Another test compiles it for Kubeflow and Vertex AI.

- Kubeflow: "works" was observed on a real Kubeflow Pipelines 2.17. "works \\*" means that a real
  one failed or gave another result, and that Headrace now compiles the pipeline differently. This
  new form was not run on a real one, but by the rules of its driver and launcher in
  `tests/support/launcher/kubeflow_driver.py`. A test compares these rules with what real ones did
  (`tests/fixtures/kubeflow_cases/`).
- Vertex AI: "works" means that the compiled pipeline follows its documentation. It was not run.
- "refused": the target cannot run it, or kfp compiles it to something else than it says.
  `headrace compile` refuses it, and says what to write instead. The notes quote the messages.
- "kfp refuses": it cannot be written with kfp at all.

The values that Headrace's components get for their parameters are also compared by the rules of
both launchers.

`make golden` writes this page.
"""
_LABEL = re.compile(r"^.*?: (?:task `[^`]*`: )?(?:target \w+ )?")

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One line of the page.

    Attributes:
        section: The table with this line.
        name: The code that an author writes.
        pipeline: A pipeline that uses it; None where kfp refuses to compile one.
        kubeflow: A note about it on Kubeflow, if it compiles. With `since`, the cell.
        by_rules: It works on Kubeflow by the driver's rules, but was not seen on a real one.
        vertex: The same for Vertex AI.
        since: The first kfp that compiles it, such as `2.14`, if older supported versions do not.
        module: The module of its test; the page is ordered by its name, and not by the order of
            imports.
    """

    section: str
    name: str
    pipeline: Any
    kubeflow: str = ""
    by_rules: bool = False
    vertex: str = ""
    since: str = ""
    module: str


FEATURES: list[Feature] = []


def conforms(
    section: str,
    name: str,
    pipeline: Any,
    *,
    kubeflow: str = "",
    by_rules: bool = False,
    vertex: str = "",
    since: str = "",
) -> Callable[[Test], Test]:
    """Marks a test with the feature that it shows; the arguments are those of `Feature`."""

    def register(test: Test) -> Test:
        FEATURES.append(
            Feature(
                section=section,
                name=name,
                pipeline=pipeline,
                kubeflow=kubeflow,
                by_rules=by_rules,
                vertex=vertex,
                since=since,
                module=test.__module__,
            )
        )
        return test

    return register


@functools.cache
def refusal(feature: Feature, target: str) -> str:
    """Returns the message with which a target refuses the feature's pipeline, or an empty text."""
    try:
        compile_for(load(feature.pipeline), target, PROFILE)
    except CompileError as error:
        return str(error)
    return ""


def render() -> str:
    """Returns the page: a table a section, then the notes."""
    notes: list[str] = []
    parts = [_HEAD]
    features = sorted(FEATURES, key=lambda feature: feature.module)
    for section in dict.fromkeys(feature.section for feature in features):
        parts += [f"## {section}\n", "| | local | Kubeflow | Vertex AI |\n|---|---|---|---|"]
        for feature in features:
            if feature.section == section:
                cells = [_cell(feature, target, notes) for target in TARGETS]
                parts.append(f"| {feature.name} | {' | '.join(cells)} |")
        parts.append("")
    parts.append("## Notes\n")
    parts += [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join(parts) + "\n"


def _cell(feature: Feature, target: str, notes: list[str]) -> str:
    if feature.pipeline is None:
        return "kfp refuses"
    told = {"kubeflow": feature.kubeflow, "vertex": feature.vertex}.get(target, "")
    if feature.since:  # the page is the same for every version of kfp
        return told or f"works with kfp {feature.since} or later"
    words = refusal(feature, target)
    if not words:
        works = "works \\*" if target == "kubeflow" and feature.by_rules else "works"
        return f"{works}, {told}" if told else works
    note = _LABEL.sub("", words, count=1)
    if note not in notes:
        notes.append(note)
    return f"refused [{notes.index(note) + 1}](#notes)"
