"""Entry point of the tflite_converter image."""

import sys

from headrace_components.task import main
from headrace_components.tflite_converter.executor import execute

if __name__ == "__main__":
    sys.exit(main("tflite_converter", execute))
