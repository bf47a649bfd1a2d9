"""Components in a pipeline file: kfp's components, and proto messages like in TFX."""

# kfp decorates without types, and protobuf's pool has none.
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

import copy
import inspect
import pickle
import pydoc
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from kfp import dsl
from kfp.dsl.container_component_class import ContainerComponent
from tensorflow_model_analysis.proto import config_pb2

import headrace
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace_components import artifacts, catalog
from headrace_components.authoring import component
from headrace_components.contract.declaration import Component, Output

EVAL_CONFIG = """
model_specs { label_key: "y" }
slicing_specs {}
slicing_specs { feature_keys: "city" }
metrics_specs {
  metrics {
    class_name: "AUC"
    config: '{"num_thresholds": 100}'
    threshold {
      value_threshold { lower_bound { value: 0.6 } }
      change_threshold { absolute { value: -1e-10 } direction: HIGHER_IS_BETTER }
    }
  }
}
"""


def output_message() -> Any:
    """Returns a `tfx.proto.Output(...)`: TFX itself cannot be installed beside newer kfp."""
    file = descriptor_pb2.FileDescriptorProto(name="output.proto", package="t", syntax="proto3")
    fields = {
        "Split": [("name", 9, 1, ""), ("hash_buckets", 5, 1, "")],
        "SplitConfig": [("splits", 11, 3, ".t.Split")],
        "Output": [("split_config", 11, 1, ".t.SplitConfig")],
    }
    for name, members in fields.items():
        message = file.message_type.add(name=name)
        for number, (member, kind, label, type_name) in enumerate(members, 1):
            message.field.add(
                name=member, number=number, type=kind, label=label, type_name=type_name or None
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    cls = message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Output"))
    splits = [{"name": "train", "hash_buckets": 3}, {"name": "eval", "hash_buckets": 1}]
    return cls(split_config={"splits": splits})


def constants(pipeline: Any) -> dict[str, Any]:
    spec = headrace.compile(pipeline, target="local", config=Profile())
    return {
        f"{node.name}.{name}": specs.constant(source)
        for node in specs.tasks(spec)
        for name, source in specs.parameter_inputs(node.task).items()
    }


def test_proto_messages_are_taken_where_dicts_are() -> None:
    config = text_format.Parse(EVAL_CONFIG, config_pb2.EvalConfig())

    @dsl.pipeline(name="p")
    def pipeline() -> None:
        rows = catalog.csv_example_gen(input_base="data", output_config=output_message()).output
        catalog.evaluator(examples=rows, eval_config=config)

    found = constants(pipeline)

    assert found["csv-example-gen.output_config"] == {
        "split_config": {
            "splits": [{"name": "train", "hash_buckets": 3}, {"name": "eval", "hash_buckets": 1}]
        }
    }
    threshold = found["evaluator.eval_config"]["metrics_specs"][0]["metrics"][0]["threshold"]
    assert threshold == {
        "value_threshold": {"lower_bound": 0.6},
        "change_threshold": {"absolute": -1e-10, "direction": "HIGHER_IS_BETTER"},
    }
    assert found["evaluator.eval_config"]["slicing_specs"] == [{}, {"feature_keys": ["city"]}]


def test_a_message_within_a_dict_is_taken_too() -> None:
    threshold = config_pb2.MetricThreshold(value_threshold={"lower_bound": {"value": 0.5}})
    metric = {"class_name": "AUC", "threshold": threshold}

    @dsl.pipeline(name="p")
    def pipeline() -> None:
        rows = catalog.csv_example_gen(input_base="data").output
        config = {"model_specs": [{"label_key": "y"}], "metrics_specs": [{"metrics": [metric]}]}
        catalog.evaluator(examples=rows, eval_config=config)

    (spec,) = constants(pipeline)["evaluator.eval_config"]["metrics_specs"]
    assert spec["metrics"][0]["threshold"] == {"value_threshold": {"lower_bound": 0.5}}


def test_defaults_are_those_of_the_dataclass() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Inner:
        steps: int = 3

    @dataclass(frozen=True, kw_only=True)
    class Params:
        """Has one of each.

        Attributes:
            limit: How many.
            names: Which ones.
            inner: How.
            config: How, too.
        """

        limit: int | None = None
        names: tuple[str, ...] = ("a",)
        inner: Inner = field(default_factory=Inner)
        config: Mapping[str, Any] = field(default_factory=lambda: {"a": 1})

    output = Output(str, "The answer.")
    toy = Component(name="toy", doc="Plays.", outputs={"answer": output}, parameters=Params)

    inputs = component(toy).component_spec.inputs
    assert {name: (each.type, each.default, each.optional) for name, each in inputs.items()} == {
        "limit": ("Integer", None, True),
        "names": ("List", ["a"], True),
        "inner": ("Dict", {}, True),
        "config": ("Dict", {"a": 1}, True),
    }


def test_every_component_of_the_catalogue_is_kfps() -> None:
    for name in catalog.__all__:
        assert isinstance(getattr(catalog, name), ContainerComponent)


def test_a_component_shows_what_its_declaration_says() -> None:
    trainer = catalog.trainer
    parameters = inspect.signature(trainer).parameters

    assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert next(iter(parameters)) == "examples"
    assert parameters["examples"].annotation is artifacts.Examples
    assert parameters["examples"].default is inspect.Parameter.empty
    assert parameters["schema"].default is None
    assert (parameters["xla"].annotation, parameters["xla"].default) == (bool, False)
    assert "model" not in parameters
    assert trainer.__name__ == "trainer"
    assert (trainer.__doc__ or "").startswith(
        "Trains a model by calling `run_fn(fn_args)`.\n\nArgs:\n"
    )
    assert "\nOutputs:\n    model: The model that" in (trainer.__doc__ or "")


def test_help_shows_a_component_as_a_function() -> None:
    # Newer Pythons write one argument per line.
    shown = " ".join(pydoc.plain(pydoc.render_doc(catalog.statistics_gen)).split())

    assert "statistics_gen(" in shown
    assert "*, examples: headrace_components.artifacts.Examples, schema:" in shown
    assert "sample_rate: float = 1.0" in shown
    assert "Outputs:" in shown


def test_a_copy_of_a_component_is_the_component_itself() -> None:
    """So that functions which use it can go to another process."""
    made: Any = catalog.trainer

    assert pickle.loads(pickle.dumps(made)) is copy.deepcopy(made) is made


def test_a_component_that_is_an_attribute_of_a_class_is_the_same_component() -> None:
    made: Any = catalog.trainer

    class Team:
        trainer = made

    assert Team.trainer is Team().trainer is made
