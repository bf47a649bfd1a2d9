"""What a pipeline compiles for."""

from typing import Literal, get_args

Target = Literal["local", "kubeflow", "vertex"]
TARGETS: tuple[Target, ...] = get_args(Target)
