"""The classes of kfp that tasks and artifacts extend, as a type checker sees them.

kfp has no `py.typed`. Pyright reads its source all the same. mypy takes every class of kfp for
`Any`, and a class that extends `Any` fits everywhere. So mypy gets the same classes from a stub.
"""

MYPY: bool

if MYPY:
    from headrace_components.typed.kfp_for_mypy import HTML as HTML
    from headrace_components.typed.kfp_for_mypy import Artifact as Artifact
    from headrace_components.typed.kfp_for_mypy import (
        ClassificationMetrics as ClassificationMetrics,
    )
    from headrace_components.typed.kfp_for_mypy import Metrics as Metrics
    from headrace_components.typed.kfp_for_mypy import (
        PipelineArtifactChannel as PipelineArtifactChannel,
    )
    from headrace_components.typed.kfp_for_mypy import (
        PipelineParameterChannel as PipelineParameterChannel,
    )
    from headrace_components.typed.kfp_for_mypy import PipelineTask as PipelineTask
else:
    from kfp.dsl import HTML as HTML
    from kfp.dsl import Artifact as Artifact
    from kfp.dsl import ClassificationMetrics as ClassificationMetrics
    from kfp.dsl import Metrics as Metrics
    from kfp.dsl.pipeline_channel import PipelineArtifactChannel as PipelineArtifactChannel
    from kfp.dsl.pipeline_channel import PipelineParameterChannel as PipelineParameterChannel
    from kfp.dsl.pipeline_task import PipelineTask as PipelineTask
