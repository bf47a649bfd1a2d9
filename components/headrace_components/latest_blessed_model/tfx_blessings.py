"""Finds the model of a blessing of TFX. Standard library only."""

import json
from pathlib import Path
from typing import Any


def read_tfx_blessing(file: Path) -> dict[str, Any]:
    """Returns the data of a Headrace blessing for an empty `BLESSED` file of TFX.

    TFX keeps the name of the blessed model in its database. But its evaluator leaves the evaluation
    in `<evaluator>/evaluation/<execution>` for a blessing in `<evaluator>/blessing/<execution>` (on
    Kubeflow without `<execution>`), and the record of TFMA there names the models by URI.

    Args:
        file: The file called `BLESSED`.

    Raises:
        FileNotFoundError: The evaluation does not exist. KeyError, ValueError: Its record is not in
            TFMA's format.
    """
    parts = list(file.parent.parts)
    last = len(parts) - 1 - parts[::-1].index("blessing")  # ValueError: the name is not one of TFX
    parts[last] = "evaluation"
    evaluation = json.loads(Path(*parts, "eval_config.json").read_text("utf-8"))
    specs = evaluation["evalConfig"]["modelSpecs"]
    locations = {
        bool(spec.get("isBaseline")): evaluation["modelLocations"][spec.get("name", "")]
        for spec in specs
    }
    # A model is in `<artifact>/Format-Serving`; the model of an Estimator is deeper in there.
    return {
        "model": locations[False].partition("/Format-")[0],
        "created": file.stat().st_mtime,
    }
