"""Finds out whether the evaluator or the infra validator blessed a model. Standard library only."""

from headrace_components.contract.task import Artifact


def is_blessed(blessing: Artifact, yes: str, no: str) -> bool:
    """Returns whether an artifact of type ModelBlessing or InfraBlessing is a blessing.

    Args:
        blessing: The artifact.
        yes: Name of the file that blesses, `BLESSED` or `INFRA_BLESSED`.
        no: Name of the file that does not.
    """
    # The file decides, because not every backend passes metadata on. An evaluator without
    # thresholds writes neither file; then, as in TFX, the model is not blessed.
    if (blessing.path / no).exists():
        return False
    return (blessing.path / yes).exists() or str(blessing.metadata.get("blessed")) in ("1", "1.0")
