# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""The verdicts of a run reach the terminal, from a task that ran and from the cache."""

from pathlib import Path

from kfp import dsl

from headrace.backends.local import engine
from headrace.backends.local.observer import Silence
from headrace_components.artifacts import Model, ModelBlessing
from headrace_components.catalog import pusher
from local_pipelines import compiled


class Told(Silence):
    """Keeps the lines that a run tells."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@dsl.pipeline(name="gate")
def gate(model: str, blessing: str, destination: str):
    candidate = dsl.importer(artifact_uri=model, artifact_class=Model)
    verdict = dsl.importer(
        artifact_uri=blessing, artifact_class=ModelBlessing, metadata={"blessed": 0}
    )
    pusher(model=candidate.output, model_blessing=verdict.output, base_directory=destination)


def test_that_nothing_is_pushed_is_told_again_when_the_cache_answers(tmp_path: Path) -> None:
    model, blessing = tmp_path / "model", tmp_path / "blessing"
    (model / "Format-Serving").mkdir(parents=True)
    (model / "Format-Serving/saved_model.pb").write_bytes(b"")
    blessing.mkdir()
    (blessing / "NOT_BLESSED").touch()
    parameters = {
        "model": str(model),
        "blessing": str(blessing),
        "destination": str(tmp_path / "serving"),
    }

    told = []
    for _ in range(2):
        observer = Told()
        result = engine.start(
            compiled(gate),
            parameters=parameters,
            options=engine.Options(root=tmp_path / "root"),
            observer=observer,
        )
        assert result.state == "succeeded"
        told.append([line for line in observer.lines if line.startswith("pusher: ")])

    assert told[0] == [f"pusher: nothing is pushed: `model_blessing` at {blessing} is no blessing."]
    assert told[1] == ["pusher: not pushed"]
