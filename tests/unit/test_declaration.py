"""A component is declared once, and a mistake in a declaration is an error when it is imported."""

import dataclasses
import importlib
import inspect
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import headrace_components
from headrace_components import artifacts, catalog
from headrace_components.contract import declaration
from headrace_components.contract.artifact_types import BY_TFX_TITLE, EXAMPLES, MODEL
from headrace_components.contract.declaration import Component, Input, Output, json_type
from headrace_components.contract.hooks import CacheHooks, EarlyChecks


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """What both have.

    Attributes:
        steps: How many, at
            most.
        names: Which ones.
    """

    steps: int = 3
    names: tuple[str, ...] = ("a",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Params(Base):
    """What one has.

    Attributes:
        path: Where.
        config: How.
        names: Which ones, of its own.

    Nothing here is a parameter: it is not.
    """

    path: str
    config: Mapping[str, Any] = field(default_factory=dict)


def none() -> Any:
    return None


def one(_: Any) -> Any:
    return None


def two(_: Any, __: Any) -> Any:
    return None


def declare(**fields: Any) -> Component:
    given = {
        "name": "toy",
        "doc": "Plays.",
        "inputs": {"examples": Input(EXAMPLES, "Rows.")},
        "outputs": {"model": Output(MODEL, "The model.")},
        "parameters": Params,
    }
    return Component(**{**given, **fields})


def test_parameters_come_from_the_dataclass_the_required_ones_first() -> None:
    found = [
        (each.name, each.type, each.default, each.doc) for each in declare().declared_parameters()
    ]

    assert found == [
        ("path", str, dataclasses.MISSING, "Where."),
        ("config", dict, {}, "How."),
        ("steps", int, 3, "How many, at\nmost."),
        ("names", list, ["a"], "Which ones, of its own."),
    ]


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (str, str),
        (bool, bool),
        (float, float),
        (int | None, int),
        (tuple[tuple[str, ...], ...], list),
        (tuple[Any, ...], list),
        (tuple[str, int], None),
        (tuple[bytes, ...], None),
        (tuple, None),
        (Mapping[str, Any], dict),
        (Base, dict),
        (bytes, None),
        (int | str, None),
        (list, None),
    ],
)
def test_a_field_has_the_type_that_json_makes_of_its_own(hint: Any, expected: Any) -> None:
    assert json_type(hint) is expected


def test_types_in_quotes_are_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = inspect.getsource(sys.modules[__name__]).partition("def none")[0]
    (tmp_path / "quoted.py").write_text(f"from __future__ import annotations\n{source}", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    quoted = declare(parameters=importlib.import_module("quoted").Params)

    assert quoted.declared_parameters() == declare().declared_parameters()


def test_a_default_has_lists_at_any_depth() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Nested:
        """Has one.

        Attributes:
            groups: Names of features that belong together.
        """

        groups: tuple[tuple[str, ...], ...] = (("a", "b"), ())

    (groups,) = declare(parameters=Nested).declared_parameters()
    assert groups.default == [["a", "b"], []]


def test_a_misspelt_hook_is_an_error_when_it_is_declared() -> None:
    hooks: dict[str, Any] = {"external_sate": two}
    with pytest.raises(TypeError, match="external_sate"):
        CacheHooks(**hooks)
    checks: dict[str, Any] = {"split_made": two}
    with pytest.raises(TypeError, match="split_made"):
        EarlyChecks(**checks)


@pytest.mark.parametrize(
    ("kind", "name", "hook"),
    [
        (CacheHooks, "external_state", one),
        (CacheHooks, "environment_state", two),
        (CacheHooks, "still_holds", "yes"),
        (EarlyChecks, "check", none),
        (EarlyChecks, "splits_made", one),
    ],
)
def test_a_hook_takes_what_it_will_be_given(kind: Any, name: str, hook: Any) -> None:
    with pytest.raises(TypeError, match=f"{kind.__name__}: `{name}` is"):
        kind(**{name: hook})


def test_what_is_looked_at_before_a_task_is_in_the_key_of_this_machine_too() -> None:
    with pytest.raises(TypeError, match="need `external_state`"):
        CacheHooks(input_locations=one)


def test_a_parameter_of_a_type_that_json_lacks_is_an_error() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Bytes:
        data: bytes = b""

    with pytest.raises(TypeError, match="toy: parameter `data` has the type <class 'bytes'>"):
        declare(parameters=Bytes)


def test_a_mutable_default_is_an_error() -> None:
    with pytest.raises(ValueError, match="mutable default"):

        @dataclass(frozen=True, kw_only=True)
        class Shared:
            config: Mapping[str, Any] = {}


def test_an_undescribed_parameter_is_an_error_when_the_component_is_made() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Silent:
        """Says nothing."""

        steps: int = 1

    with pytest.raises(TypeError, match=r"docstring of Silent does not describe \['steps'\]"):
        declare(parameters=Silent).declared_parameters()


def test_a_text_for_a_parameter_that_is_gone_is_an_error_too() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Stale:
        """Has one.

        Attributes:
            steps: How many.
            step: How many, once.
        """

        steps: int = 1

    with pytest.raises(TypeError, match=r"Stale describes \['step'\], which it does not have"):
        declare(parameters=Stale).declared_parameters()


def test_ports_have_types_and_names_of_their_own() -> None:
    untyped: Any = None
    with pytest.raises(TypeError, match="toy: input `rows` has the type None"):
        declare(inputs={"rows": Input(untyped, "Rows.")})
    with pytest.raises(TypeError, match="toy: output `count` has the type <class 'bytes'>"):
        declare(outputs={"count": Output(bytes, "How many.")})
    with pytest.raises(TypeError, match=r"\['path'\] are declared twice"):
        declare(inputs={"path": Input(EXAMPLES, "Rows.")})
    with pytest.raises(TypeError, match="toy: `the rows` is not a name that Python takes"):
        declare(inputs={"the rows": Input(EXAMPLES, "Rows.")})
    with pytest.raises(TypeError, match="toy: `class` is not a name that Python takes"):
        declare(outputs={"class": Output(MODEL, "The model.")})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("parameters", dict, "toy: `parameters` is <class 'dict'>, expected a dataclass"),
        ("footprint", "huge", "toy: `footprint` is 'huge', expected one of \\['files', "),
        ("variants", "cuda", "toy: `variants` is 'cuda', expected a tuple of names of"),
        ("variants", ("cdua",), r"expected a tuple of names of \['cuda'\]"),
    ],
)
def test_a_setting_that_no_one_reads_is_an_error(name: str, value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        declare(**{name: value})


def test_every_folder_declares_the_component_of_its_name() -> None:
    for name in declaration.names():
        found = declaration.find(name)
        assert found is not None
        assert found.name == name
        assert found.declared_parameters() is not None
        assert all(port.doc.strip() for port in found.inputs.values())
        assert all(port.doc.strip() for port in found.outputs.values())


@pytest.mark.parametrize(
    "name",
    ["", "library", "contract", "training_job", "input_fingerprint", "artifacts"],
)
def test_what_is_no_component_is_not_found(name: str) -> None:
    assert declaration.find(name) is None
    assert name not in declaration.names()


def test_the_catalogue_lists_and_makes_all_components() -> None:
    assert dir(catalog) == sorted(catalog.__all__) == declaration.catalogue()
    assert len(catalog.__all__) == 28
    assert catalog.trainer is catalog.trainer
    signature = inspect.signature(catalog.csv_example_gen)
    assert next(iter(signature.parameters)) == "input_base"
    assert "examples" not in signature.parameters  # an output
    assert catalog.csv_example_gen.__name__ == "csv_example_gen"
    assert "delimiter: The character between two fields." in (catalog.csv_example_gen.__doc__ or "")
    with pytest.raises(AttributeError, match="no attribute 'no_such_component'"):
        _ = catalog.no_such_component  # type: ignore[attr-defined]
    assert not hasattr(catalog, "artifacts")  # a module beside it


def test_the_catalogue_works_without_docstrings() -> None:
    code = "from headrace_components.catalog import trainer\nprint(trainer.__name__)"
    result = subprocess.run(
        [sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=False
    )

    assert result.stdout == "trainer\n", result.stderr


def test_one_component_of_the_catalogue_costs_no_other() -> None:
    code = (
        "import sys\nfrom headrace_components.catalog import pusher\n"
        "print([n for n in sys.modules if n.startswith('headrace_components.')"
        " and n.endswith('.component')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert result.stdout == "['headrace_components.pusher.component']\n"


def test_kfps_classes_have_the_titles_of_the_declared_types() -> None:
    classes = {cls.tfx_title: cls for cls in artifacts.ARTIFACT_TYPES}

    assert {title: cls.schema_title for title, cls in classes.items()} == {
        title: each.schema_title for title, each in BY_TFX_TITLE.items()
    }
    assert all(cls.__doc__ for cls in classes.values())

    class Own(artifacts.Examples):
        """A type that an author derives."""

    assert (Own.schema_title, Own.tfx_title) == ("system.Examples", "tfx.Examples")


@pytest.mark.parametrize("name", ["pusher", "trainer", "input_fingerprint"])
def test_every_component_has_the_shared_entry(name: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", f"headrace_components.{name}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 2
    assert f"python -m headrace_components.{name}: error" in result.stderr


def test_components_are_found_and_started_in_a_zip_file_too(tmp_path: Path) -> None:
    package = Path(headrace_components.__file__).parent
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in package.rglob("*.py"):
            archive.write(file, file.relative_to(package.parent))
    code = (
        "from headrace_components.contract import declaration\n"
        "print(declaration.__file__, declaration.names(), declaration.find('trainer').name)"
    )
    environment = {"PYTHONPATH": str(tmp_path / "all.zip"), "PATH": ""}
    found, started = (
        subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        for arguments in (["-c", code], ["-m", "headrace_components.pusher"])
    )

    inside = tmp_path / "all.zip/headrace_components/contract/declaration.py"
    assert found.stdout == f"{inside} {declaration.names()} trainer\n"
    assert "python -m headrace_components.pusher: error" in started.stderr


def test_the_shared_entry_is_for_components_alone() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "headrace_components.library"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert "cannot be directly executed" in result.stderr
