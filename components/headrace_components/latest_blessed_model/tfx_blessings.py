"""Which model a blessing of TFX is for. Standard library only."""

import json
from pathlib import Path
from typing import Any


def read_tfx_blessing(file: Path) -> dict[str, Any]:
    """Returns of an empty `BLESSED` file of TFX what a file of ours says in itself.

    TFX keeps in its database which model was blessed. But its evaluator leaves the evaluation in
    `<evaluator>/evaluation/<execution>` for a blessing in `<evaluator>/blessing/<execution>` (on
    Kubeflow without `<execution>`), and the record of TFMA there names the models by URI.

    Args:
        file: The file called `BLESSED`.

    Raises:
        FileNotFoundError: There is no such evaluation.
        KeyError, ValueError: Its record is another one than TFMA writes.
    """
    parts = list(file.parent.parts)
    last = len(parts) - 1 - parts[::-1].index("blessing")  # ValueError: another name than TFX gives
    parts[last] = "evaluation"
    evaluation = json.loads(Path(*parts, "eval_config.json").read_text("utf-8"))
    specs = evaluation["evalConfig"]["modelSpecs"]
    locations = {
        bool(spec.get("isBaseline")): evaluation["modelLocations"][spec.get("name", "")]
        for spec in specs
    }
    # A model lies at `<artifact>/Format-Serving`, that of an Estimator deeper in there.
    return {
        "model": locations[False].partition("/Format-")[0],
        "created": file.stat().st_mtime,
    }
