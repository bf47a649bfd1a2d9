"""Messages for the person who starts a run, before it begins."""

from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.pod_settings import function_name, pod_settings
from headrace.ir import specs
from headrace.ir.validation.structure import shortened

_COMMAND_LENGTH = 100


def foreign_tasks(spec: Mapping[str, Any]) -> list[str]:
    """Returns a line for each task that runs a command which is not Headrace's.

    A compiled pipeline may come from anybody, and its commands run with the caller's rights.
    """
    lines = [
        f"  {node.label} runs {_printable(shortened(_command(node.container), _COMMAND_LENGTH))} "
        f"(image {_printable(str(node.container.get('image', '')))})"
        for node in specs.tasks(spec)
        if node.container and node.headrace_name is None
    ]
    head = "Tasks that are not of Headrace run these commands with your rights:"
    return [head, *lines] if lines else []


def settings_without_effect(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> list[str]:
    """Returns a line for each task that has settings of Kubernetes, which this machine ignores."""
    settings = {
        # A task here never runs as another user, so the compiler's own setting needs no message.
        label: [field for field in fields if field != "securityContext"]
        for label, fields in pod_settings(spec, platform).items()
    }
    lines = [
        f"{label}: {', '.join(function_name(field) for field in fields)} of kfp.kubernetes "
        f"{'has' if len(fields) == 1 else 'have'} no effect on this machine."
        for label, fields in settings.items()
        if fields
    ]
    config = platform.get("platforms", {}).get("kubernetes", {}).get("pipelineConfig", {})
    pipeline = sorted(set(config) - {"workspace"})  # a run here has one, too
    if pipeline:
        lines.append(f"{pipeline} of dsl.PipelineConfig have no effect on this machine.")
    return lines


def _command(container: Mapping[str, Any]) -> str:
    words = [*container.get("command", ()), *container.get("args", ())]
    return " ".join(" ".join(words).split()) or "the image's own program"


def _printable(text: str) -> str:
    # A terminal must not execute control characters from a foreign file.
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)
