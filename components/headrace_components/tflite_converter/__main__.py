"""Entry point of the tflite_converter image."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component("tflite_converter"))
