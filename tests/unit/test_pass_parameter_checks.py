"""Parameters: values that would fail in every run are refused before anything runs."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.compilation.passes.parameter_checks import check_parameters
from headrace.errors import CompileError
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.targets.remote.ordering import order_of
from headrace.targets.vertex.settings import Vertex
from headrace_components.contract import declaration
from headrace_components.contract.early_checks import known_parameters

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/pipeline.py"))
COMPONENTS = declaration.names()
HEAD = """
from kfp import dsl
from headrace_components.artifacts import Examples
from headrace_components.catalog import *

@dsl.pipeline(name="inner")
def inner(rows: dsl.Input[Examples]) -> Examples:
    return filter_examples(examples=rows, filter_fn="a.b").output

@dsl.pipeline(name="p")
def p(root: str = "data", config: dict = {}, count: int = 0):
"""
CONFIG = {"model_specs": [{"label_key": "y"}], "metrics_specs": [{"metrics": []}]}


def compiled(body: str, folder: Path, **modules: str) -> dict[str, Any]:
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text), "utf-8")
    source = HEAD.strip("\n") + "\n" + textwrap.indent(textwrap.dedent(body), "    ")
    (folder / "pipeline.py").write_text(source, "utf-8")
    return headrace.compile(f"{folder}/pipeline.py:p", target="local", config=Profile())


def refusal(body: str, folder: Path, **modules: str) -> str:
    with pytest.raises(CompileError) as caught:
        compiled(body, folder, **modules)
    return str(caught.value)


def evaluation(config: Any, rest: str = "") -> str:
    return (
        'rows = csv_example_gen(input_base="data").outputs["examples"]\n'
        f"evaluator(examples=rows, eval_config={config!r}{rest})"
    )


def metric(**fields: Any) -> dict[str, Any]:
    return {**CONFIG, "metrics_specs": [{"metrics": [fields]}]}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_spec": []}, r"field 'model_spec'.*Did you mean 'model_specs'\?"),
        (
            {**CONFIG, "model_specs": [{"name": "a"}, {"name": "b"}]},
            r"the model specs \['a', 'b'\], expected one, or a candidate and one with",
        ),
        ({"modelSpecs": [{"labelkey": "y"}]}, r"modelSpecs\[0\].*Did you mean 'label_key'\?"),
        ({"model_specs": {"label_key": "y"}}, r"expected a list\. Put it in brackets"),
        ({"model_specs": [{"label_key": 3}]}, r"label_key is 3, expected a string"),
        ({"options": {"min_slice_size": "many"}}, r"min_slice_size is 'many'.*whole number"),
        (metric(class_name="AUCC"), r"metric 'AUCC', which neither TFMA nor Keras.*'AUC'\?"),
        (metric(class_name="FairnessIndicators"), r"fairness_indicator_thresholds=\[0.25, 0.5"),
        (metric(class_name="auc"), r"Did you mean 'AUC'\?"),
        (
            metric(class_name="AUC", config='{"num_threshold": 3}'),
            r"AUC the argument 'num_threshold'.*Did you mean 'num_thresholds'\?",
        ),
        (
            metric(class_name="PrecisionAtRecall", config='{"top_k": 3}'),
            r"PrecisionAtRecall the argument 'recall', which it needs",
        ),
        (metric(class_name="AUC", config="{'a': 1}"), r"config of metric AUC.*is not JSON"),
        (
            metric(class_name="AUC", threshold={"value_threshold": {"lower_bound": "high"}}),
            r"lower_bound is 'high', expected a number",
        ),
        (
            metric(class_name="AUC", threshold={"value_threshold": {"lowerbound": 0.6}}),
            r"Did you mean 'lower_bound'\?",
        ),
        (
            metric(class_name="AUC", threshold={"change_threshold": {"direction": "HIGHER"}}),
            r"direction is 'HIGHER'.*Did you mean 'HIGHER_IS_BETTER'\?",
        ),
        (
            metric(class_name="AUC", threshold={"change_threshold": {"absolute": 0.1}}),
            r"change_threshold has no `direction`, so no model passes",
        ),
        (
            {**CONFIG, "slicing_specs": [{"feature_key": ["a"]}]},
            r"slicing_specs\[0\].*Did you mean 'feature_keys'\?",
        ),
    ],
)
def test_a_mistake_in_an_eval_config_is_found_when_the_pipeline_is_compiled(
    config: Any, words: str, tmp_path: Path
) -> None:
    message = refusal(evaluation(config), tmp_path)

    assert message.startswith("task `evaluator`: evaluator: ")
    assert re.search(words, message), message


def test_both_spellings_of_fields_and_the_wrapper_as_it_is_written_in_python_are_right(
    tmp_path: Path,
) -> None:
    threshold = {"valueThreshold": {"lower_bound": {"value": 0.6}}}
    config = {
        "modelSpecs": [{"label_key": "y"}],
        "metricsSpecs": [{"metrics": [{"className": "AUC", "threshold": threshold}]}],
    }

    compiled(evaluation(config), tmp_path)


def test_a_metric_of_the_authors_module_is_left_to_the_run(tmp_path: Path) -> None:
    compiled(
        evaluation(metric(class_name="Mine"), ', module_file="mine.py"'), tmp_path, mine="X = 1"
    )
    compiled(evaluation(metric(class_name="Mine", module="acme.metrics")), tmp_path)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("csv_example_gen(input_base=root, compression_level=12)", r"`compression_level` is 12"),
        (
            'csv_example_gen(input_base=root, output_config={"split_conf": {}})',
            r"`output_config` has \['split_conf'\]",
        ),
        (
            'csv_example_gen(input_base=root, input_config={"splits": '
            '[{"name": "a", "pattern": "{SPAN:x}/*"}]})',
            r"pattern '\{SPAN:x\}/\*'.*expected \{SPAN\} or \{SPAN:8\}",
        ),
        (
            "statistics_gen(examples=csv_example_gen(input_base=root).output, "
            'stats_options={"num_top_value": 3})',
            r"`stats_options` has 'num_top_value'.*Did you mean 'num_top_values'\?",
        ),
        (
            "statistics_gen(examples=csv_example_gen(input_base=root).output, "
            'stats_options={"slicing_config": {"slicing_specs": [{"feature_key": ["a"]}]}})',
            r"slicing_specs\[0\] has the field 'feature_key'.*Did you mean 'feature_keys'\?",
        ),
        (
            "distribution_validator(statistics=statistics_gen(examples=csv_example_gen("
            'input_base=root).output).outputs["statistics"], config={"defaultSliceConfig": '
            '{"feature": [{"path": {"step": ["a"]}, "distribution_comparator": {"l_norm": {}}}]}})',
            r"feature\[0\].distribution_comparator has the field 'l_norm', which FeatureComparator",
        ),
        ("csv_example_gen(input_base=root, span=3)", r"span 3 is asked for, but pattern '\*'"),
        (
            "with dsl.If(count == 1):\n    csv_example_gen(input_base=root, compression_level=0)",
            r"task `condition-1/csv-example-gen`: csv_example_gen: `compression_level` is 0",
        ),
    ],
)
def test_what_is_known_is_checked_although_a_run_parameter_is_not(
    body: str, words: str, tmp_path: Path
) -> None:
    assert re.search(words, refusal(body, tmp_path))


TRAIN = 'trainer(examples=csv_example_gen(input_base=root).output, module_file="module.py"{rest})'


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (
            "def run_fun(a): ...",
            r"has no function 'run_fn'.*Rename 'run_fun' to 'run_fn'",
        ),
        ("def trainer_fn(a, b): ...", r"no Estimators since 2.16\. Write run_fn\(fn_args\)"),
        ("class A:\n    def run_fn(self): ...", r"has no function 'run_fn'; it defines \[\]"),
        ("def other(): ...", r"it defines \['other'\]\. Define run_fn there"),
    ],
)
def test_a_module_without_its_function_is_found_when_the_pipeline_is_compiled(
    module: str, words: str, tmp_path: Path
) -> None:
    message = refusal(TRAIN.format(rest=""), tmp_path, module=module)

    assert message.startswith("task `trainer`: trainer: ")
    assert re.search(words, message), message


@pytest.mark.parametrize(
    "module",
    [
        "from features import run_fn",
        "from features import *",
        "import features\nrun_fn = features.train",
        "run_fn: object = None",
        "try:\n    import fast\nexcept ImportError:\n    def run_fn(a): ...",
        "if True:\n    async def run_fn(a): ...",
        "globals()['run_fn'] = print",
        "def make():\n    global run_fn\n    run_fn = print\nmake()",
        "for run_fn in [print]: pass",
        "match 1:\n    case 1:\n        import features as run_fn",
        "def __getattr__(name): return print",
    ],
)
def test_a_module_that_gets_its_function_in_another_way_compiles(
    module: str, tmp_path: Path
) -> None:
    compiled(TRAIN.format(rest=""), tmp_path, module=module, features="train = print")


def test_a_split_that_nobody_makes_is_found_across_sub_pipelines(tmp_path: Path) -> None:
    body = """
    made = csv_example_gen(input_base=root, output_config={"split_config": {"splits": [
        {"name": "train", "hash_buckets": 2}, {"name": "valid", "hash_buckets": 1}]}})
    kept = inner(rows=made.output)
    evaluator(examples=kept.output, eval_config=%r%s)
    """
    config = metric(class_name="AUC")

    message = refusal(body % (config, ""), tmp_path)
    compiled(body % (config, ', example_splits=["valid"]'), tmp_path)

    assert message == (
        "task `evaluator`: it reads the split 'eval' of `examples`, by `example_splits` or its "
        "default, but task `inner/filter-examples` makes the splits ['train', 'valid']. Did "
        "you mean 'valid'?"
    )


def test_a_misspelt_split_gets_the_near_name(tmp_path: Path) -> None:
    rest = ', train_args={"splits": ["trian"]}'

    message = refusal(TRAIN.format(rest=rest), tmp_path, module="run_fn = print")

    assert "`splits` of `train_args`" in message
    assert message.endswith("Did you mean 'train'?")


def test_a_split_is_left_to_the_run_where_the_producer_is_told_later(tmp_path: Path) -> None:
    body = """
    rows = csv_example_gen(input_base=root, output_config=config).output
    statistics_gen(examples=rows, exclude_splits=["test"])
    """

    compiled(body, tmp_path)


def test_parameters_of_a_run_are_checked_before_it_starts(tmp_path: Path) -> None:
    body = "csv_example_gen(input_base=root, output_config=config, compression_level=count)"
    spec = compiled(body, tmp_path)

    check_parameters(spec, {"count": 3})
    with pytest.raises(CompileError, match="`compression_level` is 0"):
        check_parameters(spec, {})
    with pytest.raises(CompileError, match="`output_config` has"):
        check_parameters(spec, {"count": 3, "config": {"splits": []}})


def test_a_branch_may_be_for_other_values_than_those_of_a_run(tmp_path: Path) -> None:
    body = "with dsl.If(count > 0):\n    csv_example_gen(input_base=root, compression_level=count)"

    check_parameters(compiled(body, tmp_path), {"count": 0})


def test_each_item_of_a_constant_loop_is_checked(tmp_path: Path) -> None:
    body = """
    with dsl.ParallelFor([1, 99, 9]) as level:
        csv_example_gen(input_base=root, compression_level=level)
    """

    assert "`compression_level` is 99" in refusal(body, tmp_path)
    compiled(body.replace("99", "5"), tmp_path)


def test_what_a_run_parameter_completes_is_checked_with_its_value(tmp_path: Path) -> None:
    body = """
    splits = [{"name": "train", "hash_buckets": count}, {"name": "eval", "hash_buckets": 1}]
    csv_example_gen(
        input_base=f"{root}/rows", output_config={"split_config": {"splits": splits}}
    )
    """
    spec = compiled(body, tmp_path)

    check_parameters(spec, {"count": 2})
    with pytest.raises(CompileError, match="`hash_buckets` of output split 'train' is 0"):
        check_parameters(spec, {"count": 0})


def test_a_function_is_given_once_and_with_its_module(tmp_path: Path) -> None:
    rows = "trainer(examples=csv_example_gen(input_base=root).output"

    assert "neither `module_file` nor `run_fn`" in refusal(f"{rows})", tmp_path)
    assert "expected a dotted path" in refusal(f'{rows}, run_fn="run_fn")', tmp_path)


def test_a_run_with_a_parameter_that_it_cannot_honour_does_not_begin(tmp_path: Path) -> None:
    body = "csv_example_gen(input_base=root, compression_level=count)"
    spec = compiled(body, tmp_path)

    with pytest.raises(CompileError, match=r"task `csv-example-gen`: .*`compression_level` is 12"):
        headrace.run(spec, parameters={"count": 12}, root=tmp_path / "root")

    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_a_run_elsewhere_is_refused_before_anybody_signs_in(target: Any, tmp_path: Path) -> None:
    body = "csv_example_gen(input_base=root, compression_level=count)"
    compiled(body, tmp_path)
    digests = {"csv_example_gen": f"sha256:{'0' * 64}"}
    vertex = Vertex(pipeline_root="gs://bucket/root")
    images = Images(registry="docker.io/me", digests=digests)
    profile = Profile(images=images, targets=(vertex,))

    with pytest.raises(CompileError, match="`compression_level` is 12"):
        order_of(f"{tmp_path}/pipeline.py:p", target, profile, ["count=12"])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_a_good_pipeline_stays_good_whichever_constant_is_unknown(example: Path) -> None:
    spec = headrace.compile(example, target="local", config=Profile())
    tasks = spec["root"]["dag"]["tasks"]
    for task in tasks.values():
        parameters = task.get("inputs", {}).get("parameters", {})
        for name, source in list(parameters.items()):
            parameters[name] = {"taskOutputParameter": {"producerTask": "t"}}
            check_parameters(spec)
            parameters[name] = source


@pytest.mark.parametrize("component", COMPONENTS)
def test_defaults_of_what_only_the_run_knows_are_no_mistake_of_the_author(component: str) -> None:
    known_parameters(component, {})


def test_a_feature_that_only_the_run_knows_may_pair_rows(tmp_path: Path) -> None:
    compiled(
        """
        rows = csv_example_gen(input_base="data").outputs["examples"]
        example_diff(
            examples=rows,
            baseline_examples=rows,
            config={"paired_example_skew": {"identifier_features": [root]}},
        )
        """,
        tmp_path,
    )
