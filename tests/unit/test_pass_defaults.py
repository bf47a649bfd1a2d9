"""Defaults: every parameter explicit, and no cache where a backend's key would be too small."""

from typing import Any

import pytest

from headrace.compilation.passes.defaults import apply_defaults
from headrace.contract.target import target_named
from headrace_components.library.user_code.module_pack import pack


def spec_of(command: list[str], task: dict[str, Any]) -> dict[str, Any]:
    return {
        "pipelineInfo": {"name": "p"},
        "root": {"dag": {"tasks": {"t": {"componentRef": {"name": "comp-t"}, **task}}}},
        "components": {
            "comp-t": {
                "executorLabel": "exec-t",
                "inputDefinitions": {
                    "parameters": {
                        "rows": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3.0},
                        "config": {"parameterType": "STRUCT", "defaultValue": {}},
                        "name": {"parameterType": "STRING"},
                    }
                },
            }
        },
        "deploymentSpec": {"executors": {"exec-t": {"container": {"command": command}}}},
    }


def test_parameters_that_were_left_out_get_their_default() -> None:
    given = {"rows": {"runtimeValue": {"constant": 0.0}}}
    spec = spec_of(["true"], {"inputs": {"parameters": given}})

    task = apply_defaults(spec, target_named("local"))["root"]["dag"]["tasks"]["t"]

    assert task["inputs"]["parameters"] == {
        "rows": {"runtimeValue": {"constant": 0.0}},
        "config": {"runtimeValue": {"constant": {}}},
    }


def test_the_input_stays_as_it_was() -> None:
    spec = spec_of(["true"], {})

    apply_defaults(spec, target_named("kubeflow"))

    assert "inputs" not in spec["root"]["dag"]["tasks"]["t"]


def test_a_loop_variable_gets_no_default() -> None:
    spec = spec_of(["true"], {"parameterIterator": {"itemInput": "rows", "items": {"raw": "[]"}}})

    task = apply_defaults(spec, target_named("local"))["root"]["dag"]["tasks"]["t"]

    assert set(task["inputs"]["parameters"]) == {"config"}


CACHED = {"enableCache": True}


def caching(component: str, target: str, **inputs: Any) -> Any:
    command = ["python", "-m", f"headrace_components.{component}"]
    spec = spec_of(command, {"cachingOptions": CACHED})
    task = spec["root"]["dag"]["tasks"]["t"]
    if inputs:
        definition = {"parameterType": "STRING", "defaultValue": ""}
        parameters = spec["components"]["comp-t"]["inputDefinitions"]["parameters"]
        parameters["module_file"] = definition
        task["inputs"] = {"parameters": inputs}
    return apply_defaults(spec, target_named(target))["root"]["dag"]["tasks"]["t"]["cachingOptions"]


def test_a_component_that_reads_files_of_its_own_is_not_cached_remotely() -> None:
    for target in ("kubeflow", "vertex"):
        assert caching("import_schema_gen", target) == {}
        assert caching("schema_gen", target) == CACHED
    assert caching("import_schema_gen", "local") == CACHED


def test_a_push_that_another_may_have_followed_is_not_cached_remotely() -> None:
    assert caching("pusher", "vertex") == {}
    assert caching("pusher", "local") == CACHED


def test_what_lies_in_the_image_and_an_unused_baseline_leave_the_cache_on() -> None:
    for component in ("trainer", "transform", "tuner", "filter_examples", "evaluator"):
        assert caching(component, "kubeflow") == CACHED
    assert caching("infra_validator", "vertex") == CACHED


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"runtimeValue": {"constant": ""}}, CACHED),
        ({"runtimeValue": {"constant": "module.py"}}, CACHED),
        ({"runtimeValue": {"constant": pack({"m.py": ""}, "m.py")}}, CACHED),
        ({"runtimeValue": {"constant": "gs://bucket/module.py"}}, {}),
        ({"runtimeValue": {"constant": "{{$.inputs.parameters['folder']}}/module.py"}}, {}),
        ({"componentInputParameter": "module"}, {}),
    ],
)
def test_a_module_file_is_cached_remotely_where_it_is_packed(source: Any, expected: Any) -> None:
    for component in ("trainer", "evaluator"):
        assert caching(component, "kubeflow", module_file=source) == expected
        assert caching(component, "local", module_file=source) == CACHED
