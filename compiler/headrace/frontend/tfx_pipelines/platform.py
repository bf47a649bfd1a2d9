"""What a node gets besides its arguments: `with_platform_config`, execution options."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from headrace.frontend.tfx_pipelines.plan import StepSettings
from headrace.frontend.tfx_pipelines.translation import Translation
from headrace_tfx.authoring.node_options import NodeExecutionOptions

# A message of kfp_pipeline_spec: PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec.
_FIELDS = ("cpu_limit", "memory_limit", "accelerator")


def platform_settings(node: Any, translation: Translation) -> StepSettings:
    """Returns the settings of a node's task.

    Source: TFX's runner for KFP V2 takes a `ResourceSpec` of kfp_pipeline_spec from
    `with_platform_config`: cores, GB of memory, and a type and number of accelerators.

    Raises:
        CompileError: The platform config is another object.
    """
    options = node.node_execution_options
    retries = getattr(options, "max_execution_retries", None) or 0
    if ignored := sorted(_without_effect(options)):
        translation.note(
            f"its node_execution_options {ignored} have no effect, as in released versions of TFX: "
            "a node runs when those before it have succeeded, and until it ends."
        )
    config = getattr(node, "platform_config", None) or translation.pipeline.platform_config
    if config is None:
        return StepSettings(retries=retries)
    names = {field.name for field in getattr(config, "DESCRIPTOR", _NO_MESSAGE).fields}
    if not names.issuperset(_FIELDS):
        raise translation.error(
            f"its platform config is {config!r} ({type(config).__name__}), expected kfp's "
            "ResourceSpec with `cpu_limit`, `memory_limit` and `accelerator`. Leave it out, and "
            "write the task's settings into headrace.toml."
        )
    return StepSettings(
        cpu_limit=f"{config.cpu_limit:g}" if config.cpu_limit else "",
        memory_limit=f"{config.memory_limit:g}G" if config.memory_limit else "",
        accelerator_type=config.accelerator.type,
        accelerator_limit=int(config.accelerator.count),
        retries=retries,
    )


def _without_effect(options: Any) -> Iterator[str]:
    """Yields the options that somebody has set and nothing carries out."""
    usual = NodeExecutionOptions()
    for each in dataclasses.fields(usual) if options is not None else ():
        if each.name != "max_execution_retries":
            given = getattr(options, each.name, None)
            if given and given != getattr(usual, each.name):
                yield each.name


class _NO_MESSAGE:  # noqa: N801
    fields = ()
