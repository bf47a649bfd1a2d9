"""Compiles a pipeline with TFX to what its local runner runs; measured as a whole process.

Headrace compiles for its local backend beside it. TFX's compiler for Kubeflow does the same and
needs kfp besides, which an environment with TFX may lack.
"""

import json
import sys
from pathlib import Path

from google.protobuf import json_format
from tfx.dsl.compiler import compiler

from bench.tfx_side import pipelines


def main() -> None:
    arguments = json.loads(sys.argv[1])
    compiled = compiler.Compiler().compile(pipelines.make(arguments))
    text = json_format.MessageToJson(compiled)
    Path(arguments["output"], "pipeline.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
