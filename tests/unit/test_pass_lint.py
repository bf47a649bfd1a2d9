"""Lint: pipelines that kfp compiles wrongly, or a target cannot run, are refused with advice."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import re
from collections.abc import Callable
from typing import Any

import pytest
from kfp import dsl, kubernetes

from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.lint import check_workspace, lint
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import Frontend, load
from headrace.profiles.profile import read_profile
from headrace.target_registry import TARGETS
from headrace_components.catalog import csv_example_gen, statistics_gen, trainer

GPU = "nvidia.com/gpu"


@dsl.container_component
def step(text: str = "", count: int = 2, flag: bool = True) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.12", command=["true"])


@dsl.container_component
def produce(data: dsl.Output[dsl.Dataset]) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.12", command=["touch"], args=[data.path])


@dsl.container_component
def consume(data: dsl.Input[dsl.Dataset] = None) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.12", command=["true"])


def check(pipeline: Callable[..., Any], target: str) -> dict[str, Any]:
    frontend: Frontend = load(pipeline)
    return lint(frontend.spec, target_named(target), frontend.platform)


def refusal(pipeline: Callable[..., Any], target: str = "local") -> str:
    with pytest.raises(CompileError) as caught:
        check(pipeline, target)
    return str(caught.value)


@pytest.mark.parametrize("target", TARGETS)
def test_sound_constructs_pass_on_every_target(target: str) -> None:
    @dsl.pipeline(name="sound")
    def sound(
        name: str,
        rows: int,
        share: float,
        on: bool,
        items: list,  # type: ignore[type-arg]
        gpu: str = GPU,
    ) -> None:
        with dsl.If(on == True):  # noqa: E712
            step()
        with dsl.If(name == "a && b (c) !="):
            step(text=f"x-{name}")
        with dsl.Elif(rows > 3):
            step()
        with dsl.Else():
            step()
        with dsl.If(share <= 1e-05), dsl.If(rows != -2):
            step(count=rows)
        with dsl.ParallelFor(["a", "b"], parallelism=1) as item:
            step(text=item)
        with dsl.ParallelFor(items) as item:
            step(text=item)
        with dsl.ParallelFor([{"a": 1}, {"a": 2}]) as item:
            step(count=item.a)
        step().set_accelerator_type(gpu).set_accelerator_limit(1)

    source = load(sound)
    result = lint(source.spec, target_named(target), source.platform)

    assert result == source.spec
    assert result is not source.spec


def test_resources_from_a_parameter_inside_a_condition_are_refused() -> None:
    @dsl.pipeline(name="p")
    def pipeline(on: bool, cpus: str) -> None:
        with dsl.If(on == True):  # noqa: E712
            step().set_cpu_limit(cpus)

    assert refusal(pipeline) == (
        "p: task `condition-1/step`: takes its image or resources from `cpus` inside If, "
        "ParallelFor or ExitHandler, where kfp loses the value. Write a constant, or move the "
        "task out."
    )


def test_dicts_looped_over_inside_a_condition_are_refused() -> None:
    @dsl.pipeline(name="p")
    def pipeline(on: bool) -> None:
        with dsl.If(on == True), dsl.ParallelFor([{"a": 1}, {"a": 2}]) as item:  # noqa: E712
            step(count=item.a)

    assert "`condition-1`: loops over a list of dicts inside If" in refusal(pipeline)


def test_a_loop_over_the_item_of_a_loop_inside_a_condition_is_named_as_such() -> None:
    @dsl.pipeline(name="p")
    def outside(on: bool) -> None:
        with dsl.If(on == True), dsl.ParallelFor([["a"], ["b"]]) as outer:  # noqa: E712, SIM117
            with dsl.ParallelFor(outer) as item:
                step(text=item)

    @dsl.pipeline(name="p")
    def between(on: bool) -> None:
        with dsl.ParallelFor([["a"], ["b"]]) as outer, dsl.If(on == True):  # noqa: E712, SIM117
            with dsl.ParallelFor(outer) as item:
                step(text=item)

    words = (
        "loops over the item of a loop over a written list, inside If or ExitHandler, which kfp "
        "compiles to an input that does not exist. Put the inner loop into a @dsl.pipeline of its "
        "own, which takes the item as a parameter."
    )
    assert refusal(outside) == f"p: task `condition-1`: {words}"
    assert refusal(between) == f"p: task `for-loop-2/condition-3`: {words}"


def test_the_advice_for_nested_loops_compiles() -> None:
    @dsl.pipeline(name="inner")
    def inner(items: list) -> None:  # type: ignore[type-arg]
        with dsl.ParallelFor(items) as item:
            step(text=item)

    @dsl.pipeline(name="p")
    def pipeline(on: bool) -> None:
        with dsl.If(on == True), dsl.ParallelFor([["a"], ["b"]]) as items:  # noqa: E712
            inner(items=items)

    check(pipeline, "local")


@dsl.container_component
def configure(config: dict = {}, names: list = [], text: str = "") -> dsl.ContainerSpec:  # type: ignore[type-arg]
    return dsl.ContainerSpec(image="python:3.12", command=["true"])


@pytest.mark.parametrize("port", ["config", "names", "text"])
@pytest.mark.parametrize("target", TARGETS)
def test_an_artifact_within_a_value_is_refused_with_what_to_write(target: str, port: str) -> None:
    @dsl.pipeline(name="p")
    def foreign() -> None:
        data = produce().outputs["data"]
        configure(**{port: {"config": {"a": [data]}, "names": [data], "text": f"<{data}>"}[port]})

    @dsl.pipeline(name="p")
    def ours() -> None:
        examples = csv_example_gen(input_base="data").outputs["examples"]
        named = {"config": "custom_config", "names": "eval_splits", "text": "run_fn"}[port]
        value: Any = {"config": {"a": examples}, "names": [examples], "text": f"<{examples}>"}[port]
        if named == "eval_splits":
            statistics_gen(examples=examples, exclude_splits=value)
        else:
            trainer(examples=examples, **{named: value})

    assert refusal(foreign, target) == (
        "p: task `configure`: the artifact `data` of task `produce` is put into a list, a dict or "
        f"an f-string in `{port}`, which only parameters can be. Give the component an input for "
        "it, `data: dsl.Input[dsl.Artifact]`, and write `data=produce.outputs['data']`."
    )
    assert refusal(ours, target).endswith(
        ", which only parameters can be. Connect it to an input of the component: "
        "`examples=csv_example_gen.outputs['examples']`."
    )


def test_a_list_that_is_looped_over_inside_a_condition_without_its_items_is_refused() -> None:
    @dsl.pipeline(name="p")
    def pipeline(on: bool, items: list) -> None:  # type: ignore[type-arg]
        with dsl.If(on == True), dsl.ParallelFor(items) as _:  # noqa: E712
            step()

    assert refusal(pipeline).startswith(
        "p: task `condition-1/for-loop-2`: loops over `items` inside If, ParallelFor or "
        "ExitHandler and does not use the item, where kfp loses the list. Pass the item to a task"
    )


def test_a_bool_compared_with_a_string_is_refused() -> None:
    @dsl.pipeline(name="p")
    def pipeline(on: bool) -> None:
        with dsl.If(on == "true"):  # type: ignore[comparison-overlap]
            step()

    message = refusal(pipeline)
    assert "`condition-1`: compares a parameter that is not a string with a string" in message
    assert "`flag == True`" in message


@pytest.mark.parametrize("text", ["it's", "a' == 'b", "back\\slash", "' || '1' == '1"])
def test_a_compared_string_with_a_quote_is_refused(text: str) -> None:
    @dsl.pipeline(name="p")
    def pipeline(name: str) -> None:
        with dsl.If(name == text):
            step()

    assert "a string that holds a quote or a backslash" in refusal(pipeline)


def test_a_command_of_ones_own_in_a_headrace_image_is_refused() -> None:
    @dsl.container_component
    def mine() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="headrace.invalid/trainer", command=["bash", "-c", "true"])

    @dsl.pipeline(name="p")
    def pipeline() -> None:
        mine()

    assert "runs a command of its own in the Headrace image 'trainer'" in refusal(pipeline)


@dsl.pipeline(name="gpu")
def with_kubernetes_gpu() -> None:
    step().set_accelerator_type(GPU).set_accelerator_limit(1)


@dsl.pipeline(name="gpu")
def with_vertex_gpu() -> None:
    step().set_accelerator_type("NVIDIA_L4").set_accelerator_limit(1)


def test_each_target_has_its_own_accelerator_names() -> None:
    check(with_kubernetes_gpu, "kubeflow")
    check(with_vertex_gpu, "vertex")

    assert "target vertex knows no accelerator 'nvidia.com/gpu'" in refusal(
        with_kubernetes_gpu, "vertex"
    )
    assert "target kubeflow does not take 'NVIDIA_L4', a name of Vertex AI. Write 'nvidia-l4'" in (
        refusal(with_vertex_gpu, "kubeflow")
    )


@pytest.mark.parametrize(
    ("name", "target", "near"),
    [
        ("NVIDIA_TESLA_T44", "vertex", "NVIDIA_TESLA_T4"),
        ("nvidia-l44", "kubeflow", "nvidia-l4"),
        ("NVIDIA_TESLA_T44", "kubeflow", "nvidia-tesla-t4"),
    ],
)
def test_a_misspelt_accelerator_gets_the_near_name(name: str, target: Any, near: str) -> None:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        step().set_accelerator_type(name).set_accelerator_limit(1)

    message = refusal(pipeline, target)

    assert f"knows no accelerator {name!r}" in message
    assert message.endswith(f"Did you mean {near!r}?")


def test_what_has_no_name_for_every_target_gets_none_from_its_name_for_vertex() -> None:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        step().set_accelerator_type("TPU_V3").set_accelerator_limit(8)

    assert "target kubeflow knows no accelerator 'TPU_V3'; expected one of ['nvidia-" in refusal(
        pipeline, "kubeflow"
    )


def test_machines_larger_than_any_of_vertex_are_refused() -> None:
    @dsl.pipeline(name="p")
    def many_cpus() -> None:
        step().set_cpu_limit("128")

    @dsl.pipeline(name="p")
    def much_memory() -> None:
        step().set_memory_limit("700G")

    check(many_cpus, "kubeflow")
    assert "up to 96 CPUs, but the task's limit is 128" in refusal(many_cpus, "vertex")
    assert "up to 624 GB, but the task's limit is 700 GB" in refusal(much_memory, "vertex")


def test_requests_that_vertex_would_leave_out_are_refused() -> None:
    @dsl.pipeline(name="p")
    def request() -> None:
        step().set_cpu_limit("4").set_memory_request("32G")

    @dsl.pipeline(name="p")
    def request_of_the_run(cpus: str) -> None:
        step().set_cpu_request(cpus)

    @dsl.pipeline(name="p")
    def both() -> None:
        step().set_cpu_request("2").set_cpu_limit("4")

    check(request, "kubeflow")
    check(both, "vertex")
    assert "`set_memory_request` alone. Call `set_memory_limit` too, or write `memory`" in (
        refusal(request, "vertex")
    )
    assert "`set_cpu_request` alone" in refusal(request_of_the_run, "vertex")


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (
            {"deploymentSpec": {"executors": {"exec-step": {"secretAsEnv": [{}]}}}},
            "use_secret_as_env of kfp.kubernetes makes one. Remove it there, and write "
            '`secret_environment` in the table [kubeflow.tasks."step"] of the profile',
        ),
        (
            {"deploymentSpec": {"executors": {"exec-step": {"imagePullPolicy": "Always"}}}},
            "set_image_pull_policy of kfp.kubernetes makes one. Remove it there, and write "
            "`image_pull_policy` in the table [kubeflow] of the profile",
        ),
        (
            {"deploymentSpec": {"executors": {"exec-step": {"fieldPathAsEnv": [{}]}}}},
            "use_field_path_as_env of kfp.kubernetes makes one. Remove it, or compile for kubeflow",
        ),
        # dsl.PipelineConfig of kfp 2.14 and later.
        ({"pipelineConfig": {"workspace": {}}}, "dsl.PipelineConfig sets ['workspace']"),
    ],
)
def test_kubernetes_settings_are_refused_on_vertex(settings: dict[str, Any], found: str) -> None:
    spec = load(with_vertex_gpu).spec

    with pytest.raises(CompileError, match=r"no Kubernetes settings, but " + re.escape(found)):
        lint(spec, target_named("vertex"), {"platforms": {"kubernetes": settings}})


def with_container(**container: Any) -> dict[str, Any]:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        consume(data=produce().outputs["data"])

    spec = load(pipeline).spec
    spec["deploymentSpec"]["executors"]["exec-consume"]["container"].update(container)
    return spec


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "text",
    [
        "{{$.inputs.artifacts['data']}}",
        "--data={{$.inputs.artifacts['data']}}",
        '{"IfPresent": {"InputName": "data", "Then": ["{{$.inputs.artifacts[\'data\']}}"]}}',
    ],
)
def test_an_artifact_given_whole_is_refused(text: str, target: str) -> None:
    for part, where in (("args", "an argument"), ("command", "its command")):
        spec = with_container(**{part: [text]})

        with pytest.raises(CompileError) as caught:
            lint(spec, target_named(target), {})

        assert str(caught.value) == (
            f"p: task `consume`: target {target} does not replace "
            f"{{{{$.inputs.artifacts['data']}}}}, an artifact given whole, which {where} has. Use "
            "`data.path` or `data.uri`."
        )


def test_metadata_in_a_command_line_is_refused_on_kubeflow() -> None:
    spec = with_container(args=["{{$.inputs.artifacts['data'].metadata['note']}}"])

    for target in ("local", "vertex"):
        lint(spec, target_named(target), {})
    with pytest.raises(
        CompileError, match=r"kubeflow does not replace .*metadata\['note'\]\}\}, which"
    ):
        lint(spec, target_named("kubeflow"), {})


def test_paths_and_uris_of_artifacts_pass_on_every_target() -> None:
    texts = ["{{$.inputs.artifacts['data'].path}}", "{{$.inputs.artifacts['data'].uri}}", "{{$}}"]

    for target in TARGETS:
        lint(with_container(args=texts), target_named(target), {})


def test_a_volume_that_only_kubeflow_makes_is_refused_on_vertex() -> None:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        volume = kubernetes.CreatePVC(
            pvc_name_suffix="-x",
            access_modes=["ReadWriteOnce"],
            size="5Gi",
            storage_class_name="standard",
        )
        step().after(volume)

    check(pipeline, "kubeflow")
    assert "task `createpvc`: target vertex has no volumes of Kubernetes" in refusal(
        pipeline, "vertex"
    )


@pytest.mark.parametrize("config", [None, {}, {"size": "10Gi"}])
def test_a_workspace_is_configured_where_it_is_used(config: dict[str, Any] | None) -> None:
    spec = with_container()
    task = spec["root"]["dag"]["tasks"]["consume"]
    task["inputs"]["parameters"] = {"x": {"runtimeValue": {"constant": "{{$.workspace_path}}/a"}}}
    importing = with_container()
    importing["deploymentSpec"]["executors"]["exec-consume"] = {
        "importer": {"artifactUri": {"constant": "gs://b/x"}, "downloadToWorkspace": True}
    }
    settings = {} if config is None else {"pipelineConfig": {"workspace": config}}
    platform = {"platforms": {"kubernetes": settings}}

    check_workspace(with_container(), platform)
    if config:
        check_workspace(spec, platform)
        check_workspace(importing, platform)
        return
    for each, what in ((spec, "dsl.WORKSPACE_PATH_PLACEHOLDER"), (importing, "download_to_works")):
        with pytest.raises(CompileError, match=f"task `consume`: uses {what}.*has no workspace"):
            check_workspace(each, platform)


def test_a_pipeline_name_that_vertex_would_refuse_is_refused() -> None:
    @dsl.pipeline(name="2nd try")
    def pipeline() -> None:
        step()

    assert refusal(pipeline, "vertex").startswith("2nd-try: target vertex takes pipeline names")


def test_placeholders_of_vertex_are_refused_on_kubeflow() -> None:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        step(text="{{$.pipeline_root}}/x")

    assert "does not replace {{$.pipeline_root}}, which `text` has" in refusal(pipeline, "kubeflow")


def test_a_job_placeholder_within_a_text_into_a_sub_pipeline_is_refused_on_kubeflow() -> None:
    @dsl.pipeline(name="inner")
    def inner(text: str) -> None:
        step(text=text)

    @dsl.pipeline(name="p")
    def whole() -> None:
        inner(text=dsl.PIPELINE_JOB_ID_PLACEHOLDER)

    @dsl.pipeline(name="p")
    def part() -> None:
        inner(text=f"run-{dsl.PIPELINE_JOB_ID_PLACEHOLDER}")

    check(whole, "kubeflow")
    check(part, "vertex")
    assert "only where it is a parameter's whole value" in refusal(part, "kubeflow")


def test_an_f_string_into_a_sub_pipeline_is_refused_on_kubeflow() -> None:
    @dsl.pipeline(name="inner")
    def inner(text: str) -> None:
        step(text=text)

    @dsl.pipeline(name="outer")
    def outer(name: str) -> None:
        inner(text=f"run-{name}")

    assert "`inner`: target kubeflow does not fill in an f-string" in refusal(outer, "kubeflow")


def test_placeholders_that_are_put_together_are_refused_where_they_stay_as_they_are() -> None:
    @dsl.container_component
    def joined(text: str) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image="python:3.12", command=["echo"], args=[dsl.ConcatPlaceholder(["a-", text])]
        )

    @dsl.container_component
    def commanded(text: str) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image="python:3.12", command=["echo", dsl.ConcatPlaceholder(["a-", text])]
        )

    @dsl.pipeline(name="p")
    def in_arguments() -> None:
        joined(text="b")

    @dsl.pipeline(name="p")
    def in_command() -> None:
        commanded(text="b")

    check(in_arguments, "vertex")
    assert "does not replace a ConcatPlaceholder" in refusal(in_arguments, "kubeflow")
    assert "the ConcatPlaceholder in its command. Move it to `args`" in refusal(
        in_command, "vertex"
    )


@dsl.container_component
def join(parts: dsl.Input[list[dsl.Dataset]]) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.12", command=["true"], args=["{{$}}"])


@pytest.mark.parametrize("count", [100, 101])
def test_more_collected_artifacts_than_vertex_takes_are_refused(count: int) -> None:
    @dsl.pipeline(name="p")
    def one_loop() -> None:
        with dsl.ParallelFor(list(range(count))) as _:
            part = produce()
        join(parts=dsl.Collected(part.outputs["data"]))

    @dsl.pipeline(name="inner")
    def inner() -> list[dsl.Dataset]:
        with dsl.ParallelFor(list(range(count))) as _:
            part = produce()
        return dsl.Collected(part.outputs["data"])  # type: ignore[no-any-return]

    @dsl.pipeline(name="p")
    def of_a_sub_pipeline() -> None:
        join(parts=inner().output)

    for pipeline in (one_loop, of_a_sub_pipeline):
        check(pipeline, "kubeflow")
        if count > 100:
            assert "up to 100 artifacts in one input, but `parts` would get 101" in refusal(
                pipeline, "vertex"
            )
        else:
            check(pipeline, "vertex")


def test_artifacts_of_a_loop_in_a_loop_are_counted() -> None:
    @dsl.pipeline(name="p")
    def pipeline(items: list) -> None:  # type: ignore[type-arg]
        with dsl.ParallelFor(list(range(11))) as _:
            with dsl.ParallelFor(list(range(10))) as _:
                part = produce()
            with dsl.ParallelFor(items) as item:
                step(text=item)
                other = produce()
        join(parts=dsl.Collected(other.outputs["data"]))
        join(parts=dsl.Collected(part.outputs["data"]))

    assert refusal(pipeline, "vertex").startswith(
        "p: task `join-2`: target vertex collects up to 100 artifacts in one input, but `parts` "
        "would get 110."
    )


def test_imports_that_kubeflow_cannot_make_are_refused() -> None:
    @dsl.pipeline(name="p")
    def elsewhere() -> None:
        dsl.importer("https://example.com/data", dsl.Dataset)

    @dsl.pipeline(name="p")
    def looped() -> None:
        with dsl.ParallelFor(["gs://a/1", "gs://a/2"]) as uri:
            dsl.importer(uri, dsl.Dataset)

    @dsl.pipeline(name="p", pipeline_root="gs://runs")
    def renamed() -> None:
        dsl.importer("gs://a/1", dsl.Dataset).set_display_name("fetch")

    check(elsewhere, "vertex")
    assert "cannot import 'https://example.com/data'" in refusal(elsewhere, "kubeflow")
    check(looped, "kubeflow")
    for target, shown in (("kubeflow", "importer"), ("vertex", "fetch"), ("local", "fetch")):
        # Kubeflow's driver would lose the artifact of an importer with a display name.
        spec = compile_for(load(renamed), target, read_profile(None)).spec
        assert spec["root"]["dag"]["tasks"]["importer"]["taskInfo"] == {"name": shown}


def test_an_executor_of_google_alone_is_refused_elsewhere() -> None:
    spec = load(with_vertex_gpu).spec
    spec["deploymentSpec"]["executors"]["exec-step"] = {"resolver": {}}

    lint(spec, target_named("vertex"), {})
    for target in ("local", "kubeflow"):
        with pytest.raises(CompileError, match=r"has no executor 'resolver'"):
            lint(spec, target_named(target), {})


@pytest.mark.parametrize("target", TARGETS)
def test_a_negative_number_of_retries_is_refused(target: str) -> None:
    @dsl.pipeline(name="for-ever")
    def for_ever() -> None:
        step().set_retry(-1)

    assert "num_retries=-1, expected 0 or more" in refusal(for_ever, target)
