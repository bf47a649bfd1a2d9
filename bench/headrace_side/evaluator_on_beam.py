"""Runs evaluator with TFMA on Beam, as it does for what its embedded engine cannot compute."""

import json
import sys
from typing import NoReturn

from bench.headrace_side import component
from headrace_components.evaluator import embedded_engine
from headrace_components.evaluator.extraction import NotEmbeddableError


def main() -> None:
    # The engine is chosen by what the configuration asks for; nothing that the examples ask for
    # needs Beam.
    embedded_engine.evaluate = _refuse
    component.run(json.loads(sys.argv[1]))


def _refuse(*_: object) -> NoReturn:
    raise NotEmbeddableError("the benchmark measures Beam")


if __name__ == "__main__":
    main()
