"""Types: TFX's names leave the compiler, in the form that the target registers."""

from typing import Any

from headrace.compilation.passes.types import apply_types
from headrace.contract.target import target_named
from headrace_components.artifacts import ARTIFACT_TYPES

SPEC: dict[str, Any] = {
    "components": {
        "comp-t": {
            "inputDefinitions": {
                "artifacts": {
                    "examples": {
                        "artifactType": {
                            "schemaTitle": "system.Examples",
                            "schemaVersion": "0.0.1",
                        },
                        "isOptional": True,
                    }
                }
            },
            "outputDefinitions": {
                "artifacts": {
                    "plot": {
                        "artifactType": {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}
                    }
                }
            },
        }
    },
    "deploymentSpec": {
        "executors": {
            "exec-importer": {
                "importer": {
                    "typeSchema": {
                        "schemaTitle": "system.DataSchema",
                        "schemaVersion": "0.0.1",
                    }
                }
            }
        }
    },
    "root": {
        "dag": {
            "tasks": {
                "t": {
                    "inputs": {
                        "parameters": {
                            "config": {
                                "runtimeValue": {"constant": {"schemaTitle": "system.Examples"}}
                            }
                        }
                    }
                }
            }
        }
    },
}


def types_of(spec: dict[str, Any]) -> tuple[Any, Any, Any]:
    component = spec["components"]["comp-t"]
    return (
        component["inputDefinitions"]["artifacts"]["examples"]["artifactType"],
        component["outputDefinitions"]["artifacts"]["plot"]["artifactType"],
        spec["deploymentSpec"]["executors"]["exec-importer"]["importer"]["typeSchema"],
    )


def test_kubeflow_gets_titles() -> None:
    assert types_of(apply_types(SPEC, target_named("kubeflow"))) == (
        {"schemaTitle": "tfx.Examples", "schemaVersion": "0.0.1"},
        {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"},
        {"schemaTitle": "tfx.Schema", "schemaVersion": "0.0.1"},
    )


def test_vertex_gets_schemas() -> None:
    assert types_of(apply_types(SPEC, target_named("vertex"))) == (
        {"instanceSchema": "title: tfx.Examples\ntype: object\n"},
        {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"},
        {"instanceSchema": "title: tfx.Schema\ntype: object\n"},
    )


def test_a_value_of_the_author_is_left_alone() -> None:
    task = apply_types(SPEC, target_named("local"))["root"]["dag"]["tasks"]["t"]

    assert task == SPEC["root"]["dag"]["tasks"]["t"]


def test_every_type_has_a_title_of_its_own_on_both_sides() -> None:
    assert len({cls.schema_title for cls in ARTIFACT_TYPES}) == len(ARTIFACT_TYPES)
    assert len({cls.tfx_title for cls in ARTIFACT_TYPES}) == len(ARTIFACT_TYPES)
