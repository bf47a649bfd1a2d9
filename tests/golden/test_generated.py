"""The generated files follow from the declarations of the components."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

from generate import catalogue_stub
from generate.files import ROOT, generated
from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.declaration import Component, Input

TEXTS = generated()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_file_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == TEXTS[path], "run `make generate`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Params:
    """Has one.

    Attributes:
        steps: How many.
    """

    steps: int | None = None


def test_the_stub_has_a_component_without_outputs_and_a_default_of_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy = Component(
        name="toy",
        doc="Plays.",
        inputs={"examples": Input(EXAMPLES, "Rows.")},
        outputs={},
        parameters=Params,
    )
    monkeypatch.setattr(catalogue_stub, "catalogue", lambda: ["toy"])
    monkeypatch.setattr(catalogue_stub, "find", lambda _: toy)

    text = catalogue_stub.text()

    assert ast.parse(text)
    assert "class ToyOutputs(TypedDict): ..." in text
    assert "    steps: int | Value = ...,\n" in text
    assert "    Outputs:\n" not in text
