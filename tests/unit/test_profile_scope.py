"""One profile for several pipelines: settings of others are ignored, misspelt names are not."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import dsl

import headrace
from headrace.cli.main import main
from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.profile_scope import passed_over, profile_parameters
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.profiles.profile import Profile, read_profile
from headrace_components.contract.errors import InputError
from support.fakes.kubeflow_api import kubeflow_api

TARGETS: list[str] = ["kubeflow", "vertex"]
IMAGE = f"docker.io/library/busybox@sha256:{'0' * 64}"


@dsl.container_component
def fit(rows: str, steps: int) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image=IMAGE, command=["fit"], args=["{{$}}"])


@dsl.pipeline(name="flights")
def flights(data: str, steps: int = 5) -> None:
    fit(rows=data, steps=steps)


def profile(text: str, directory: Path, target: str = "kubeflow") -> Profile:
    path = directory / "headrace.toml"
    root = '[vertex]\npipeline_root = "gs://bucket/root"\n' if target == "kubeflow" else ""
    path.write_text(root + text.replace("TARGET", target), "utf-8")
    return read_profile(path)


def parameters(text: str, directory: Path, target: str = "kubeflow") -> dict[str, Any]:
    return profile_parameters(
        load(flights).spec, target_named(target), profile(text, directory, target)
    )


@pytest.mark.parametrize("target", TARGETS)
def test_a_pipeline_takes_what_it_has_and_its_own_table_goes_before(
    target: str, tmp_path: Path
) -> None:
    text = """
    [TARGET.parameters]
    data = "shared"
    serving_dir = "/models"
    [TARGET.pipeline_parameters.flights]
    data = "own"
    [TARGET.pipeline_parameters.penguins]
    data = "theirs"
    steps = 7
    """

    assert parameters(text, tmp_path, target) == {"data": "own"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[kubeflow.parameters]\nstpes = 7",
            r"headrace.toml: \[kubeflow.parameters\] has `stpes`, but the parameters of pipeline "
            r"'flights' are \['data', 'steps'\]. Did you mean `steps`\? If it is of another "
            r"pipeline, write it in \[kubeflow.pipeline_parameters.NAME\]",
        ),
        (
            "[kubeflow.pipeline_parameters.flights]\nserving_dir = 7",
            r"\[kubeflow.pipeline_parameters.flights\] has `serving_dir`, but .* Remove it",
        ),
        (
            "[kubeflow.pipeline_parameters.flights]\nstpes = 7\nsteps = 8\ndaat = 1",
            r"has `stpes`, but .*\['data', 'steps'\]. Remove it",
        ),
        (
            "[kubeflow.pipeline_parameters]\nflights = 7",
            r"`pipeline_parameters` has 'flights', which is 7, expected a table",
        ),
    ],
)
def test_what_is_misspelt_is_refused_with_its_table(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError, match=message):
        parameters(text, tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("data = 7", "parameter 'data' is 7, but it is a STRING"),
        ('steps = "7"', "parameter 'steps' is '7', but it is a NUMBER_INTEGER"),
        ("steps = nan", "parameter 'steps': the number nan is given, but a pipeline is JSON"),
    ],
)
@pytest.mark.parametrize("table", ["parameters", "pipeline_parameters.flights"])
def test_a_value_that_the_pipeline_does_not_take_is_refused_when_it_is_compiled(
    table: str, entry: str, message: str, tmp_path: Path
) -> None:
    settings = profile(
        f"[vertex]\npipeline_root = 'gs://b/r'\n[vertex.{table}]\n{entry}", tmp_path, "vertex"
    )

    with pytest.raises(InputError, match=rf"headrace.toml: \[vertex\]: {message}"):
        headrace.compile(flights, target="vertex", config=settings)


def test_a_name_that_is_near_one_that_is_there_is_of_another_pipeline(tmp_path: Path) -> None:
    text = '[kubeflow.parameters]\ndata = "a"\ndata_dir = "b"\n'

    assert parameters(text, tmp_path) == {"data": "a"}


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_passed_over_is_told(target: str, tmp_path: Path) -> None:
    text = f"""
    [TARGET]
    {'pipeline_root = "gs://bucket/root"' if target == "vertex" else ""}
    parameters = {{ data = "a", serving_dir = "b", region = "c" }}
    pipeline_parameters = {{ flihgts = {{ steps = 3 }}, penguins = {{ steps = 3 }} }}
    [tasks.pusher]
    retries = 2
    [tasks.fit]
    retries = 1
    [TARGET.tasks."deploy/serve"]
    cpu = 2
    [images.tasks]
    serve = "{IMAGE}"
    """

    compiled = compile_for(load(flights), target, profile(text, tmp_path, target))

    source = tmp_path / "headrace.toml"
    rest = "which pipeline 'flights' does not have; passed over."
    assert list(compiled.notes) == [
        f"{source}: [images.tasks] has `serve`, {rest}",
        f"{source}: [{target}.parameters] has `serving_dir`, `region`, {rest}",
        f"{source}: [tasks] has `pusher`, {rest}",
        f"{source}: [{target}.tasks] has `deploy/serve`, {rest}",
        f"{source}: [{target}.pipeline_parameters.flihgts] is not of pipeline 'flights'; passed "
        "over.",
    ]
    # On this machine it matters if tasks run in containers.
    here = passed_over(load(flights).spec, target_named("local"), profile(text, tmp_path, target))
    assert here == list(compiled.notes[:1])


def test_a_profile_of_two_pipelines_starts_a_run_of_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.py"
    other.write_text(
        "from kfp import dsl\n"
        "@dsl.container_component\n"
        "def push(to: str) -> dsl.ContainerSpec:\n"
        f"    return dsl.ContainerSpec(image='{IMAGE}', command=['push'], args=['{{{{$}}}}'])\n"
        "@dsl.pipeline(name='deploy')\n"
        "def deploy(serving_dir: str) -> None:\n"
        "    push(to=serving_dir)\n"
    )
    with kubeflow_api() as api:
        config = tmp_path / "headrace.toml"
        config.write_text(
            f'[kubeflow]\nhost = "{api.address}"\n'
            'parameters = { data = "rows", serving_dir = "models" }\n'
        )
        options = ["--target", "kubeflow", "--config", str(config), "--no-wait"]
        for pipeline in (f"{__file__}:flights", str(other)):
            assert main(["submit", pipeline, *options]) == 0
        config.write_text(config.read_text().replace("data", "datta"))
        refused = main(["submit", f"{__file__}:flights", *options])
        config.write_text(config.read_text().replace('datta = "rows"', 'data = "a", steps = "5"'))
        also = main(["submit", f"{__file__}:flights", *options])

    assert [run["runtime_config"]["parameters"] for run in api.runs.values()] == [
        {"data": "rows"},
        {"serving_dir": "models"},
    ]
    assert (refused, also) == (2, 2)
    printed = capsys.readouterr().err
    assert f"{config}: [kubeflow.parameters] has `serving_dir`, which pipeline 'flights'" in printed
    assert f"{config}: [kubeflow.parameters] has `datta`, but the parameters of" in printed
    assert f"{config}: [kubeflow]: parameter 'steps' is '5', but it is a NUMBER_INTEGER" in printed


def test_the_document_of_a_compiled_pipeline_is_not_mixed_with_notes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile("[tasks.pusher]\nretries = 2\n", tmp_path)
    config = str(tmp_path / "headrace.toml")

    assert main(["compile", f"{__file__}:flights", "--target", "kubeflow", "--config", config]) == 0

    printed = capsys.readouterr()
    assert yaml.safe_load(printed.out)["pipelineInfo"]["name"] == "flights"
    assert "[tasks] has `pusher`, which pipeline 'flights' does not have" in printed.err
