# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False
"""A model is tuned, trained, tried in a server, pushed with its warm-up and asked about rows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from kfp import dsl

import headrace
from headrace_components.catalog import (
    bulk_inferrer,
    csv_example_gen,
    infra_validator,
    pusher,
    schema_gen,
    statistics_gen,
    trainer,
    tuner,
)
from headrace_components.data.examples import ExamplesReader

REPOSITORY = Path(__file__).parents[2]
MODULE = str(REPOSITORY / "tests/fixtures/tuned_penguins/module.py")
PREDICTED = {
    "output_columns_spec": [
        {
            "predict_output": {
                "output_columns": [{"output_key": "probabilities", "output_column": "predicted"}]
            }
        }
    ]
}

pytestmark = pytest.mark.slow


@dsl.pipeline(name="tuned-penguins")
def tuned_penguins(data: str, serving_dir: str):
    examples = csv_example_gen(input_base=data).outputs["examples"]
    statistics = statistics_gen(examples=examples).outputs["statistics"]
    schema = schema_gen(statistics=statistics).outputs["schema"]
    tuned = tuner(
        examples=examples,
        schema=schema,
        module_file=MODULE,
        train_steps=50,
        eval_steps=3,
    )
    model = trainer(
        examples=examples,
        schema=schema,
        hyperparameters=tuned.outputs["best_hyperparameters"],
        module_file=MODULE,
        train_steps=100,
    ).outputs["model"]
    validated = infra_validator(
        model=model,
        examples=examples,
        request_spec={"split_name": "eval", "num_examples": 5, "make_warmup": True},
    )
    pusher(infra_blessing=validated.outputs["blessing"], base_directory=serving_dir)
    bulk_inferrer(
        examples=examples,
        model=model,
        data_spec={"example_splits": ["eval"]},
        output_example_spec=PREDICTED,
    )


def test_a_tuned_model_is_served_and_predicts(tmp_path: Path) -> None:
    script = REPOSITORY / "examples/penguins/prepare_data.py"
    subprocess.run([sys.executable, script, tmp_path / "data/penguins.csv"], check=True)

    result = headrace.run(
        tuned_penguins,
        parameters={"data": str(tmp_path / "data"), "serving_dir": str(tmp_path / "serving")},
        root=tmp_path / "root",
    )

    assert result.state == "succeeded", result.failures
    (file,) = (tmp_path / "root").rglob("tuner_results.json")
    records = json.loads(file.read_text("utf-8"))
    assert len(records) == 4
    assert {tuple(sorted(record)) for record in records} == {
        ("learning_rate", "score", "trial_id", "units")
    }
    (version,) = (tmp_path / "serving").iterdir()
    assert (version / "assets.extra/tf_serving_warmup_requests").is_file()
    (output,) = (path.parent for path in (tmp_path / "root").rglob("output_examples/Split-eval"))
    (batch,) = ExamplesReader(output, "test").record_batches("eval")
    right = [
        predicted.index(max(predicted)) == species[0]
        for predicted, species in zip(
            batch["predicted"].to_pylist(), batch["species"].to_pylist(), strict=True
        )
    ]
    assert sum(right) > 0.8 * len(right)
