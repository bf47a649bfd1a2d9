"""Placeholders, predicates and the blocks that use them."""

import copy

import pytest

from headrace_tfx.artifacts import standard
from headrace_tfx.authoring import placeholders as ph
from headrace_tfx.authoring.channels import Channel
from headrace_tfx.authoring.conditions import Cond, ForEach
from headrace_tfx.authoring.pipeline import Pipeline, PipelineInputs
from headrace_tfx.components.data_checks import StatisticsGen
from headrace_tfx.components.example_gens import CsvExampleGen
from headrace_tfx.components.models import Evaluator, Pusher

DESTINATION = ph.exec_property("destination")


def _evaluator() -> Evaluator:
    return Evaluator(CsvExampleGen(input_base="d").outputs["examples"], eval_config=DESTINATION)


def _blessed(evaluator: Evaluator) -> ph.Comparison:
    blessing: ph.ArtifactPlaceholder = evaluator.outputs["blessing"].future()[0]
    return blessing.custom_property("blessed") == 1


def _pusher() -> Pusher:
    return Pusher(model=Channel(type=standard.Model), push_destination=DESTINATION)


def test_a_placeholder_records_what_its_author_wrote() -> None:
    evaluator = _evaluator()
    predicate = _blessed(evaluator)

    assert (predicate.operator, predicate.right) == ("==", 1)
    assert isinstance(predicate.left, ph.ArtifactProperty)
    assert (predicate.left.key, predicate.left.is_custom) == ("blessed", True)
    assert isinstance(predicate.left.of, ph.ChannelWrappedPlaceholder)
    assert predicate.left.of.channel is evaluator.outputs["blessing"]
    assert repr(predicate) == (
        "Evaluator.outputs['blessing'].future()[0].custom_property('blessed') == 1"
    )


def test_a_placeholder_refuses_loops_and_format_strings() -> None:
    value = ph.input("model").uri

    with pytest.raises(RuntimeError, match="iterated over"):
        list(value)
    with pytest.raises(RuntimeError, match=r"f-string.*`\+`"):
        f"{value}/serving"
    with pytest.raises(RuntimeError, match="f-string"):
        "{}/serving".format(value)  # noqa: UP032


def test_a_predicate_refuses_to_be_decided_in_the_file() -> None:
    predicate = ph.exec_property("epochs") > 5

    with pytest.raises(RuntimeError, match="only the run can answer"):
        bool(predicate)
    with pytest.raises(RuntimeError, match="logical_and"):
        predicate and predicate  # noqa: B018
    with pytest.raises(NotImplementedError):
        predicate + "x"


def test_texts_and_placeholders_are_joined_by_plus() -> None:
    whole = "gs://b/" + ph.exec_property("name") + "/" + ph.output("model")[0].uri

    assert isinstance(whole, ph.Concatenation)
    assert whole.items[0] == "gs://b/"
    assert whole.items[2] == "/"
    assert len(whole.items) == 4
    assert ph.join(["a", "b"], "-") == "a-b"
    assert isinstance(ph.join(["a", DESTINATION], ","), ph.Concatenation)


def test_fields_and_items_have_a_way_from_their_value() -> None:
    root, way = ph.path_of(ph.exec_property("config").layers[2]["units"].name)

    assert isinstance(root, ph.ExecPropertyPlaceholder)
    assert way == ["layers", 2, "units", "name"]


def test_an_output_has_no_value() -> None:
    with pytest.raises(ValueError, match="no value yet"):
        ph.output("number").value  # noqa: B018
    with pytest.raises(ValueError, match="indexed twice"):
        ph.input("model")[0][1]
    with pytest.raises(ValueError, match="expected one of"):
        ph.runtime_info("node")


def test_negation_turns_a_comparison_round() -> None:
    less = ph.exec_property("x") < 3

    negated = ph.logical_not(less)

    assert isinstance(negated, ph.Comparison)
    assert negated.operator == ">="
    both = ph.logical_and(less, negated)
    assert ph.logical_not(ph.logical_not(both)) is both


def test_a_copied_placeholder_is_the_same() -> None:
    value = ph.exec_property("x")

    assert copy.deepcopy({"a": [value]})["a"][0] is value


def test_equal_expressions_are_known_as_such() -> None:
    evaluator = _evaluator()

    assert _blessed(evaluator).internal_equals(_blessed(evaluator))
    assert not _blessed(evaluator).internal_equals(_blessed(_evaluator()))
    assert not _blessed(evaluator).internal_equals(ph.logical_not(_blessed(evaluator)))


def test_nodes_that_are_made_inside_have_the_conditions_around_them() -> None:
    evaluator = _evaluator()
    first, second = _blessed(evaluator), DESTINATION != ""
    with Cond(first):
        outer = _pusher()
        with Cond(second):
            inner = _pusher()
    after = _pusher()

    assert outer.conditions == (first,)
    assert inner.conditions == (first, second)
    assert after.conditions == ()


def test_a_condition_is_a_dependency_and_its_node_comes_later() -> None:
    evaluator = _evaluator()
    with Cond(_blessed(evaluator)):
        pusher = _pusher().with_id("A.pusher")

    with pytest.warns(UserWarning, match="CsvExampleGen"):
        pipeline = Pipeline("p", components=[pusher, evaluator])

    assert pipeline.components == [evaluator, pusher]
    assert pusher.upstream_nodes == {evaluator}


def test_nested_conditions_that_are_the_same_are_refused() -> None:
    evaluator = _evaluator()
    inner = Cond(_blessed(evaluator))
    with Cond(_blessed(evaluator)), pytest.raises(ValueError, match="two nested blocks"), inner:
        _pusher()

    assert _pusher().conditions == ()


def test_one_block_may_be_used_again_but_not_inside_of_itself() -> None:
    block = Cond(DESTINATION == "")
    with block, pytest.raises(RuntimeError, match="used by two nested"), block:
        pass
    with block:
        assert len(_pusher().conditions) == 1


def test_a_condition_needs_a_predicate() -> None:
    with pytest.raises(TypeError, match="expected a predicate"):
        Cond("blessed")  # type: ignore[arg-type]


def test_an_error_inside_ends_the_block() -> None:
    with pytest.raises(KeyError), Cond(DESTINATION == ""):
        raise KeyError

    assert _pusher().conditions == ()


def test_a_loop_gives_one_artifact_of_a_channel() -> None:
    examples = CsvExampleGen(input_base="d")
    with ForEach(examples.outputs["examples"]) as one:
        statistics = StatisticsGen(examples=one)

    assert statistics.inputs["examples"].looped is examples.outputs["examples"]
    assert Pipeline("p", components=[statistics, examples]).components == [examples, statistics]
    with pytest.raises(ValueError, match="expected a channel"):
        ForEach([1, 2])  # type: ignore[arg-type]


def test_blocks_around_a_pipeline_are_those_of_the_pipeline() -> None:
    evaluator = _evaluator()
    with Cond(_blessed(evaluator)):
        inputs = PipelineInputs({"examples": CsvExampleGen(input_base="d").outputs["examples"]})
        statistics = StatisticsGen(examples=inputs["examples"])
        inner = Pipeline(
            "inner", components=[statistics], inputs=inputs,
            outputs={"numbers": statistics.outputs["statistics"]},
        )  # fmt: skip

    assert statistics.conditions == ()
    assert len(inner.conditions) == 1
    assert inner.outputs["numbers"].wrapped is statistics.outputs["statistics"]
    assert inner.outputs["numbers"].producer is inner
