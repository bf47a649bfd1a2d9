"""The imports of each module, checked in a fresh interpreter.

The contracts in pyproject.toml ([tool.importlinter]) check the source; these tests check a process.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

import headrace
import headrace_components
from headrace_components import catalog

LIBRARIES = ["tensorflow", "apache_beam", "numpy", "pandas", "pyarrow", "tensorflow_transform"]
BLOCK = "import sys; sys.modules.update(dict.fromkeys({blocked!r})); import {module}"

PENGUINS = Path(__file__).parents[2] / "examples" / "penguins" / "pipeline.py"
COMPONENTS = sorted(catalog.__all__)
CONTRACT = sorted(
    f"contract.{file.stem}"
    for file in (Path(catalog.__file__).parent / "contract").glob("*.py")
    if file.stem != "__init__"
)


def import_without(module: str, blocked: list[str]) -> None:
    code = BLOCK.format(module=module, blocked=blocked)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{module} needs one of {blocked}:\n{result.stderr}"


@pytest.mark.parametrize(
    ("module", "blocked"),
    [
        ("headrace_components.catalog", LIBRARIES),
        ("headrace.compilation.compiler", [*LIBRARIES, "rich", "kubernetes", "requests"]),
        ("headrace.cli.compile", [*LIBRARIES, "rich", "kfp", "yaml"]),
        ("headrace.cli.main", [*LIBRARIES, "rich", "kfp", "yaml"]),
        ("headrace", [*LIBRARIES, "kfp", "click", "rich", "yaml"]),
        (
            "headrace.targets.kubeflow.lineage_reader",
            [*LIBRARIES, "grpc", "kfp", "kubernetes", "ml_metadata", "yaml"],
        ),
    ],
)
def test_authoring_and_compiling_need_no_machine_learning(module: str, blocked: list[str]) -> None:
    import_without(module, blocked)


@pytest.mark.parametrize("name", [*CONTRACT, "library.user_code.module_pack"])
def test_the_runtime_needs_the_standard_library_alone(name: str) -> None:
    import_without(f"headrace_components.{name}", [*LIBRARIES, "kfp", "google", "headrace", "yaml"])


def test_declarations_of_all_components_need_the_standard_library_alone() -> None:
    modules = ", ".join(f"headrace_components.{name}.component" for name in COMPONENTS)

    import_without(modules, [*LIBRARIES, "kfp", "google", "headrace", "yaml"])


def test_components_that_can_do_without_beam_wait_for_no_import_of_it() -> None:
    # Others use libraries that import it themselves, such as TFDV.
    sources = ("avro", "bigquery", "csv", "import", "parquet", "query")
    names = [*(f"{source}_example_gen" for source in sources), "filter_examples", "bulk_inferrer"]
    modules = ", ".join(f"headrace_components.{name}.executor" for name in names)

    import_without(modules, ["apache_beam"])


def imported_to_compile(*names: str) -> str:
    """Returns the list, as text, of those of the modules that compiling a kfp pipeline imports."""
    code = (
        "import sys\nfrom headrace.cli.main import main\n"
        f"main(['compile', {str(PENGUINS)!r}, '--target', 'local', '-o', '/dev/null'])\n"
        f"print([name for name in {names!r} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_compiling_imports_no_client_of_a_cluster() -> None:
    names = ("kubernetes", "kfp.client", "requests", "numpy", "tensorflow", "headrace.ir.specs")

    assert imported_to_compile(*names) == "['headrace.ir.specs']"


def test_compiling_a_kfp_pipeline_imports_nothing_for_tfx_pipelines() -> None:
    names = ("headrace_tfx.surface", "headrace_tfx.names", "headrace_components.own_components")

    assert imported_to_compile(*names, "headrace_tfx.finder") == "['headrace_tfx.finder']"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("headrace", "headrace_components", "headrace_tfx")


def test_a_component_imports_the_library_and_the_contract_alone(graph: grimp.ImportGraph) -> None:
    shared = (
        "artifacts",
        "authoring",
        "catalog",
        "contract",
        "kfp_components",
        "library",
        "own_components",
        "typed",
    )
    folders = {each.split(".")[1] for each in graph.modules if "headrace_components." in each}
    for component in sorted(folders.difference(shared)):
        own = f"headrace_components.{component}"
        # An author's own component gets the objects that TFX gives it.
        tfx = r"finder|executing|running" if component == "python_component" else "finder"
        for module in {own, *graph.find_descendants(own)}:
            for imported in graph.find_modules_directly_imported_by(module):
                assert re.match(
                    rf"(?:{own}|headrace_components\.(?:contract|library)|headrace_tfx\.(?:{tfx}))\b",
                    imported,
                ), f"{module} imports {imported}"


def test_two_folders_import_each_other_only_if_one_is_in_the_other(
    graph: grimp.ImportGraph,
) -> None:
    arrows = {
        (module.rpartition(".")[0] or module, imported.rpartition(".")[0] or imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    mutual = {(a, b) for a, b in arrows if a < b and (b, a) in arrows}
    # Then modules of the outer folder are above and below the inner folder: the public face of
    # `headrace` and its errors, a target and its settings. A contract refuses circles of modules.
    assert [pair for pair in mutual if not pair[1].startswith(f"{pair[0]}.")] == []


def test_no_class_name_is_used_for_two_things() -> None:
    homes: dict[str, list[str]] = {}
    for package in (headrace, headrace_components):
        for file in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            if "project_templates" in file.parts:  # each is a project by itself
                continue
            for node in ast.parse(file.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    homes.setdefault(node.name, []).append(str(file))
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}
