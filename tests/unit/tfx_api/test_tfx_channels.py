"""Channels, resolvers and importers."""

from typing import Any

import pytest

from headrace_tfx.artifacts import standard
from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.properties import Property, PropertyType
from headrace_tfx.authoring.channels import (
    BaseChannel,
    Channel,
    OutputChannel,
    artifact_query,
    as_channel,
    external_pipeline_artifact_query,
    union,
)
from headrace_tfx.authoring.importer import Importer
from headrace_tfx.authoring.resolver import (
    LatestArtifactStrategy,
    LatestBlessedModelStrategy,
    Resolver,
    ResolverStrategy,
    SpanRangeStrategy,
)
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter
from headrace_tfx.components.example_gens import CsvExampleGen

MODEL = Channel(type=standard.Model)
BLESSING = Channel(type=standard.ModelBlessing)


def test_a_channel_needs_a_class_of_artifacts() -> None:
    for wrong in (standard.Model(), "Model", dict):
        with pytest.raises(ValueError, match="expected a class of artifacts"):
            Channel(type=wrong)  # type: ignore[arg-type]


def test_a_channel_keeps_what_it_is_asked_for() -> None:
    channel = Channel(type=standard.Model, producer_component_id="Trainer", output_key="model")

    assert (channel.type, channel.type_name) == (standard.Model, "Model")
    assert (channel.producer_component_id, channel.output_key) == ("Trainer", "model")
    assert channel.get() == []
    with pytest.raises(ValueError, match="`output_key` is 5, expected a text"):
        Channel(type=standard.Model, output_key=5)  # type: ignore[arg-type]


def test_channels_are_equal_if_they_are_one_object() -> None:
    assert Channel(type=standard.Model) != Channel(type=standard.Model)
    assert len({MODEL, MODEL, BLESSING}) == 2


def test_an_optional_channel_is_a_copy() -> None:
    optional = MODEL.as_optional()

    assert optional.is_optional
    assert MODEL.is_optional is None
    assert optional.type is standard.Model


def test_artifacts_of_a_channel_have_its_type() -> None:
    model = standard.Model()

    assert list(as_channel([model]).get()) == [model]
    with pytest.raises(ValueError, match="got an artifact of type ModelBlessing, expected Model"):
        Channel(type=standard.Model).set_artifacts([standard.ModelBlessing()])
    with pytest.raises(ValueError, match="expected artifacts, one at least"):
        as_channel([])


def test_a_union_takes_unions_apart_and_has_one_type() -> None:
    first = CsvExampleGen(input_base="a").with_id("a").outputs["examples"]
    second = CsvExampleGen(input_base="b").with_id("b").outputs["examples"]
    third = Channel(type=standard.Examples)

    whole = union([union([first, second]), third])

    assert whole.channels == [first, second, third]
    assert whole.get_data_dependent_node_ids() == {"a", "b"}
    with pytest.raises(TypeError, match="has artifacts of type Model, expected Examples"):
        union([first, MODEL])
    with pytest.raises(ValueError, match="one at least"):
        union([])
    with pytest.raises(ValueError, match="expected channels"):
        union(["a"])  # type: ignore[list-item]


def test_queries_are_channels() -> None:
    query = artifact_query(standard.Model, producer_component_id="Trainer", output_key="model")

    assert query.producer_component_id == "Trainer"
    with pytest.raises(ValueError, match="Give `producer_component_id`"):
        artifact_query(standard.Model, output_key="model")
    with pytest.raises(ValueError, match="expected both"):
        external_pipeline_artifact_query(
            standard.Model, owner="", pipeline_name="p", producer_component_id="t", output_key="m"
        )


def test_a_resolver_has_an_output_for_each_channel() -> None:
    resolver = Resolver(LatestBlessedModelStrategy, model=MODEL, model_blessing=BLESSING)

    assert set(resolver.outputs) == {"model", "model_blessing"}
    assert resolver.outputs["model"].type is standard.Model
    assert resolver.outputs["model"].producer is resolver
    assert resolver.id == "Resolver"
    assert (resolver.strategy_class, resolver.config) == (LatestBlessedModelStrategy, {})


def test_a_resolver_takes_the_arguments_of_its_strategy() -> None:
    config = {"desired_num_of_artifacts": 3}

    assert Resolver(LatestArtifactStrategy, config=config, cache=MODEL).config == config
    assert Resolver(SpanRangeStrategy, config={"range_config": {}}, examples=MODEL)
    with pytest.raises(TypeError, match="LatestArtifactStrategy does not take config"):
        Resolver(LatestArtifactStrategy, config={"number": 3}, cache=MODEL)
    with pytest.raises(TypeError, match="SpanRangeStrategy does not take config"):
        Resolver(SpanRangeStrategy, examples=MODEL)


@pytest.mark.parametrize("wrong", [LatestArtifactStrategy(), dict, "LatestArtifactStrategy"])
def test_a_resolver_needs_the_class_of_a_strategy(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a strategy"):
        Resolver(strategy_class=wrong, model=MODEL)


def test_a_resolver_refuses_what_is_no_channel_and_a_config_alone() -> None:
    with pytest.raises(ValueError, match=r"`model` is .* expected a channel"):
        Resolver(LatestArtifactStrategy, model=standard.Model)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="without `strategy_class`"):
        Resolver(config={"a": 1}, model=MODEL)


def test_a_strategy_of_the_authors_own_may_be_named() -> None:
    class Mine(ResolverStrategy):
        def resolve_artifacts(self, store: Any, input_dict: Any) -> Any:
            return store and input_dict

    assert Resolver(Mine, model=MODEL).strategy_class is Mine


def test_an_importer_has_one_output_with_its_properties() -> None:
    importer = Importer(
        source_uri="/data/examples", artifact_type=standard.Examples,
        properties={"span": 3, "split_names": '["train"]'}, custom_properties={"by": "us", "n": 1},
        reimport=True,
    )  # fmt: skip

    channel = importer.outputs["result"]
    (artifact,) = channel.get()
    assert isinstance(channel, OutputChannel)
    assert (artifact.span, artifact.get_string_custom_property("by")) == (3, "us")
    assert channel.additional_properties == {"span": 3, "split_names": '["train"]'}
    assert importer.exec_properties == {
        "artifact_uri": "/data/examples", "reimport": 1, "output_key": "result",
    }  # fmt: skip


def test_an_importer_takes_a_type_of_the_authors_own_and_a_run_time_uri() -> None:
    class Notes(Artifact):
        TYPE_NAME = "Notes"
        PROPERTIES = {"pages": Property(type=PropertyType.INT)}

    uri = RuntimeParameter("notes", str)
    importer = Importer(uri, Notes, properties={"pages": 2}, output_key="notes")

    assert set(importer.outputs) == {"notes"}
    assert importer.source_uri is uri
    with pytest.raises(AttributeError, match="words"):
        Importer("/n", Notes, properties={"words": 2})
    with pytest.raises(NotImplementedError, match="custom property 'tags'"):
        Importer("/n", Notes, custom_properties={"tags": ["a"]})


def test_an_importer_refuses_other_types() -> None:
    with pytest.raises(TypeError, match="`source_uri` is None"):
        Importer(None, standard.Model)
    with pytest.raises(TypeError, match="`artifact_type` is 'Model'"):
        Importer("/m", "Model")  # type: ignore[arg-type]


def test_the_base_of_channels_stands_for_artifacts_from_anywhere() -> None:
    assert BaseChannel(standard.Model).producers() == []
