"""Runs a pipeline with TFX on this machine; measured as a whole process."""

import json
import sys

from tfx import v1 as tfx

from bench.tfx_side import pipelines


def main() -> None:
    tfx.orchestration.LocalDagRunner().run(pipelines.make(json.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
