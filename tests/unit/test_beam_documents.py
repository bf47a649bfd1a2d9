"""docs/beam.md agrees with the components and the compiler."""

import ast
import hashlib
import re
from pathlib import Path

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.ir import specs as ir
from headrace.profiles.profile import Profile, read_profile
from headrace_components import catalog
from headrace_components.library.beam.options import BeamOptions

PAGE = Path(__file__).parents[2] / "docs/beam.md"
DIGESTS = {name: hashlib.sha256(name.encode()).hexdigest() for name in catalog.__all__}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def profile(tables: str, directory: Path) -> Profile:
    """Returns a profile from the page, with an image for every component."""
    registry = "" if "[images]" in tables else '[images]\nregistry = "ghcr.io/mine"\n'
    root = "" if "[vertex]" in tables else '[vertex]\npipeline_root = "gs://my-bucket/headrace"\n'
    digests = "".join(f'{name} = "sha256:{digest}"\n' for name, digest in DIGESTS.items())
    path = directory / "headrace.toml"
    path.write_text(f"{registry}{root}{tables}\n[images.digests]\n{digests}", "utf-8")
    return read_profile(path)


def test_the_table_names_all_components_that_take_the_parameter() -> None:
    table, *_ = PAGE.read_text("utf-8").partition("The other components")
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))))
    specs = {name: getattr(catalog, name).component_spec for name in catalog.__all__}
    taking = {name for name, spec in specs.items() if "beam_pipeline_args" in (spec.inputs or {})}
    assert named == taking


def test_the_documented_pipeline_runs_where_the_documented_profiles_say(tmp_path: Path) -> None:
    (pipeline,) = (block for block in blocks("python") if "dsl.pipeline" in block)
    path = tmp_path / "pipeline.py"
    path.write_text(pipeline, "utf-8")
    found = []
    for tables in blocks("toml"):
        used = profile(tables, tmp_path)
        spec = compile_for(load(path), "vertex", used).document["pipelineSpec"]
        tasks = {node.name: ir.parameter_inputs(node.task) for node in ir.tasks(spec)}
        args = ir.constant(tasks["transform"]["beam_pipeline_args"])
        found.append((args[0], BeamOptions(args).is_remote))
        if "dataflow" in used.beam:
            assert "--max_num_workers=200" in args
            statistics = ir.constant(tasks["statistics-gen"]["beam_pipeline_args"])
            assert "--max_num_workers=50" in statistics
            assert any(arg.endswith(DIGESTS["statistics_gen"]) for arg in statistics)

    assert found == [
        ("--runner=DirectRunner", False),
        ("--runner=DataflowRunner", True),
        ("--runner=PortableRunner", True),
    ]


def test_documented_options_are_those_of_beam() -> None:
    (block,) = (block for block in blocks("python") if "BEAM = " in block)
    (statement,) = ast.parse(block).body
    assert isinstance(statement, ast.Assign)
    assert not BeamOptions(ast.literal_eval(statement.value)).is_remote


def test_the_job_server_is_of_the_version_in_the_images() -> None:
    lock = (PAGE.parents[1] / "images/layers/beam/requirements.lock").read_text("utf-8")
    (version,) = re.findall(r"^apache-beam==(\S+)", lock, re.MULTILINE)
    assert f"VERSION={version}" in PAGE.read_text("utf-8")
