"""The generated files follow from the declarations of the components."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

from generate import catalogue_stub
from generate.files import ROOT, generated, missing
from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.declaration import Component, Input

TEXTS = generated()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_file_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == TEXTS[path], "run `make generate`"


def test_a_component_without_a_declaration_or_an_image_is_named(tmp_path: Path) -> None:
    for name in ("toy", "other"):
        for path in (
            f"components/headrace_components/{name}/params.py",
            f"components/headrace_components/{name}/component.py",
            f"images/{name}/requirements.in",
        ):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
    assert missing(tmp_path) == missing() == []

    toy = tmp_path / "components/headrace_components/toy"
    (toy / "component.py").rename(toy / "componet.py")
    (tmp_path / "images/other/requirements.in").unlink()

    assert missing(tmp_path) == [
        "toy/ has ['componet.py', 'params.py'], expected component.py. Give the file of its "
        "declaration this name.",
        "images/other/requirements.in does not exist, expected the requirements of the component "
        "other. Write the file, then run `make lock/other`.",
        "images/toy/ is for no component, expected one of ['other']. Rename the folder.",
    ]


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
