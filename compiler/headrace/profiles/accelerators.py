"""Accelerators under one name for every target.

The neutral name is the value of GKE's node label `cloud.google.com/gke-accelerator`. In capitals,
with _ instead of -, it is Vertex AI's enum.

Sources: https://cloud.google.com/kubernetes-engine/docs/concepts/gpus#gpu-models and
https://cloud.google.com/vertex-ai/docs/reference/rest/v1/MachineSpec#AcceleratorType
"""

NVIDIA = (
    "nvidia-tesla-k80",
    "nvidia-tesla-p4",
    "nvidia-tesla-p100",
    "nvidia-tesla-v100",
    "nvidia-tesla-t4",
    "nvidia-tesla-a100",
    "nvidia-a100-80gb",
    "nvidia-l4",
    "nvidia-h100-80gb",
    "nvidia-h100-mega-80gb",
    "nvidia-h200-141gb",
    "nvidia-b200",
    "nvidia-gb200",
    "nvidia-rtx-pro-6000",
)
TPU = ("tpu-v2", "tpu-v3", "tpu-v4-pod", "tpu-v5-litepod")
ACCELERATORS = NVIDIA + TPU


def is_nvidia(accelerator: str) -> bool:
    """Returns whether an accelerator, by the name that any target gives it, is a GPU of NVIDIA."""
    return accelerator.lower().startswith("nvidia")
