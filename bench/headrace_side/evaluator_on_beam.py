"""Runs evaluator with TFMA on Beam, as for configs that its embedded engine cannot compute."""

import json
import sys
from typing import NoReturn

from bench.headrace_side import component
from headrace_components.evaluator import embedded_engine
from headrace_components.evaluator.extraction import NotEmbeddableError


def main() -> None:
    # Nothing in the flights' config needs Beam, so the embedded engine must be made to refuse it.
    setattr(embedded_engine, "evaluate", _refuse)  # noqa: B010  mypy refuses the assignment
    component.run(json.loads(sys.argv[1]))


def _refuse(*_: object) -> NoReturn:
    raise NotEmbeddableError("the benchmark measures Beam")


if __name__ == "__main__":
    main()
