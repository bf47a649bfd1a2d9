"""The steps of TFX's extensions for Google Cloud.

Sources: `tfx/extensions/google_cloud_ai_platform/{training,prediction}_clients.py` for the keys of
`custom_config`, and the CustomJobSpec of Vertex AI for the machines in them.
"""

from collections.abc import Collection, Mapping
from typing import Any

from headrace.frontend.tfx_pipelines.machines import cores_and_memory
from headrace.frontend.tfx_pipelines.naming import kfp_name
from headrace.frontend.tfx_pipelines.plan import StepSettings
from headrace.frontend.tfx_pipelines.steps import all_beam_arguments, option, translated
from headrace.frontend.tfx_pipelines.translation import Translated, Translation
from headrace_tfx.components import vertex as keys

# Arguments of TFX's pusher that vertex_pusher has under the same name.
_SERVING = (
    "traffic_percentage",
    "machine_type",
    "accelerator_type",
    "accelerator_count",
    "min_replica_count",
    "max_replica_count",
    "service_account",
    "labels",
)
_ENCRYPTION = "encryption_spec_key_name"
# About the call that TFX makes, and its own name for the model.
# Arguments of the retired AI Platform that Vertex AI has no counterpart for, but the first two.
_RETIRED_SERVING = frozenset({"model_name", "regions", "runtime_version", "python_version"})
_WITHOUT_EFFECT = frozenset(
    {"deployed_model_display_name", "deploy_request_timeout", "regions", "sync"}
)


# What is read of the arguments for training and serving.
_JOB_KEYS = frozenset({"project", "region", "display_name", "job_spec", "worker_pool_specs"})
_POOL_KEYS = frozenset({"machine_spec", "replica_count", "container_spec"})
_MACHINE_KEYS = frozenset({"machine_type", "accelerator_type", "accelerator_count"})
# Headrace's components have images of their own; TFX itself replaces the command.
_CONTAINER_KEYS = frozenset({"image_uri", "command", "args"})
_PUSHER_KEYS = frozenset(
    {
        keys.ENABLE_VERTEX_KEY,
        keys.ENABLE_UCAIP_KEY,
        keys.VERTEX_REGION_KEY,
        keys.ENDPOINT_ARGS_KEY,
        keys.VERTEX_CONTAINER_IMAGE_URI_KEY,
        keys.SERVING_ARGS_KEY,
    }
)


def bigquery_example_gen(node: Any, translation: Translation) -> Translated:
    """Translates BigQueryExampleGen. The project is that of Beam's options."""
    given = node.exec_properties
    if given.get("custom_config"):
        raise translation.error(
            "`custom_config` has arguments of Beam's ReadFromBigQuery, which Headrace does not "
            "use. Leave it out."
        )
    args = all_beam_arguments(node, translation)
    values: dict[str, Any] = {"project": option(args, "--project")}
    if given.get("query"):
        values["input_config"] = None  # TFX's text of the query as a split
    return translated(node, translation, "bigquery_example_gen", values=values)


def trainer(node: Any, translation: Translation) -> Translated:
    """Translates the Trainer of Vertex AI: one task with the machine of its first worker pool."""
    config = _config(node, translation, "It trains as a task of this pipeline.")
    settings = _machine(config.get(keys.TRAINING_ARGS_KEY), translation, may_share=True)
    code = translation.user_code(node, "run_fn")
    return translated(node, translation, "trainer", values=code, settings=settings)


def tuner(node: Any, translation: Translation) -> Translated:
    """Translates the Tuner of Vertex AI: one task, whose machine runs the parallel trials."""
    config = _config(node, translation, "It tunes as a task of this pipeline.")
    job = config.get(keys.TUNING_ARGS_KEY) or config.get(keys.TRAINING_ARGS_KEY)
    settings = _machine(job, translation, may_share=False)
    code = translation.user_code(node, "tuner_fn")
    return translated(node, translation, "tuner", values=code, settings=settings)


def pusher(node: Any, translation: Translation) -> Translated:
    """Translates the Pusher of Vertex AI: a version in the registry, deployed to an endpoint."""
    config = _config(
        node, translation, "The model goes to the registry and an endpoint of Vertex AI."
    )
    serving = dict(_mapping(config, keys.SERVING_ARGS_KEY, translation))
    if not _is_vertex(config):
        config, serving = _of_vertex(config, serving)
    name = serving.pop("endpoint_name", None)
    project = serving.pop("project", None) or serving.pop("project_id", None)
    serving.pop("project_id", None)
    region = config.get(keys.VERTEX_REGION_KEY) or config.get(keys.ENDPOINT_ARGS_KEY)
    for key, value in {"endpoint_name": name, "project_id": project}.items():
        if not value:
            raise translation.error(
                f"`custom_config` has no {key!r} in {keys.SERVING_ARGS_KEY!r}, expected one. Add "
                "it there."
            )
    if not region:
        raise translation.error(
            f"`custom_config` has no {keys.VERTEX_REGION_KEY!r}, expected a region, as "
            "'europe-west1'. Add it there."
        )
    unknown = sorted(set(serving) - {*_SERVING, _ENCRYPTION} - _WITHOUT_EFFECT)
    if unknown:
        raise translation.error(
            f"{keys.SERVING_ARGS_KEY!r} has {unknown}, expected arguments of {sorted(_SERVING)}. "
            "Leave them out, or set them on the endpoint."
        )
    values = {
        "project": project,
        "region": region,
        "model_id": kfp_name(str(name)),
        "endpoint": kfp_name(str(name)),
        "serving_container_image": config.get(keys.VERTEX_CONTAINER_IMAGE_URI_KEY),
        "encryption_key": serving.get(_ENCRYPTION),
        **{key: serving[key] for key in _SERVING if key in serving},
    }
    _tell_unread(translation, {"custom_config": (config, _PUSHER_KEYS)})
    return translated(node, translation, "vertex_pusher", values=values, read=["custom_config"])


def _config(node: Any, translation: Translation, instead: str) -> Mapping[str, Any]:
    config = node.exec_properties.get("custom_config") or {}
    if not isinstance(config, Mapping):
        raise translation.error(
            f"`custom_config` is {config!r}, which only a run knows, expected a dict: the machine "
            "of a task is fixed when a pipeline is compiled."
        )
    if not _is_vertex(config):
        translation.note(
            "its `custom_config` asks for the AI Platform that Google has retired. "
            f"{instead} Write {{{keys.ENABLE_VERTEX_KEY!r}: True}} into it, with Vertex AI's "
            "arguments."
        )
    return config


def _is_vertex(config: Mapping[str, Any]) -> bool:
    return bool(config.get(keys.ENABLE_VERTEX_KEY) or config.get(keys.ENABLE_UCAIP_KEY))


def _of_vertex(
    config: Mapping[str, Any], serving: Mapping[str, Any]
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Returns arguments of the retired platform as those of Vertex AI: an endpoint for a model."""
    regions = serving.get("regions") or [""]
    others = {key: each for key, each in serving.items() if key not in _RETIRED_SERVING}
    named = {"endpoint_name": serving.get("model_name"), **others}
    return {keys.VERTEX_REGION_KEY: regions[0], **config}, named


def _mapping(config: Mapping[str, Any], key: str, translation: Translation) -> Mapping[str, Any]:
    value = config.get(key) or {}
    if not isinstance(value, Mapping):
        raise translation.error(
            f"`custom_config` has {key!r} = {value!r}, expected a dict. Correct it."
        )
    return value


def _machine(job: Any, translation: Translation, *, may_share: bool) -> StepSettings | None:
    """Returns the machine of a CustomJob, which may also be its `job_spec` alone."""
    if not isinstance(job, Mapping):
        return None
    pools = (job.get("job_spec") or job).get("worker_pool_specs") or _retired_pools(job)
    if not pools:
        return None
    machine = pools[0].get("machine_spec") or {}
    if "worker_pool_specs" in (job.get("job_spec") or job):
        _tell_unread(
            translation,
            {
                "a job of custom_config": (job, _JOB_KEYS),
                "its job_spec": (job.get("job_spec") or {}, _JOB_KEYS),
                "a worker pool": (pools[0], _POOL_KEYS),
                "its machine_spec": (machine, _MACHINE_KEYS),
                "its container_spec": (pools[0].get("container_spec") or {}, _CONTAINER_KEYS),
            },
        )
    machines = sum(int(pool.get("replica_count") or 1) for pool in pools)
    if machines > 1 and may_share:
        translation.note(
            f"it trains on {machines} machines. Write `workers = {machines}` into the table "
            "[tasks.trainer] of headrace.toml; the text of a pipeline cannot say it."
        )
    elif machines > 1:
        translation.note("it tunes on one machine; its trials share it.")
    kind = str(machine.get("machine_type") or "")
    size = cores_and_memory(kind)
    if kind and size is None:
        translation.note(
            f"the size of the machine {kind!r} is not known here. Write `machine_type = {kind!r}` "
            "into the task's table [vertex.tasks] of headrace.toml."
        )
    accelerator = str(machine.get("accelerator_type") or "")
    return StepSettings(
        cpu_limit=size[0] if size else "",
        memory_limit=size[1] if size else "",
        accelerator_type="" if accelerator.endswith("_UNSPECIFIED") else accelerator,
        accelerator_limit=int(machine.get("accelerator_count") or 0),
    )


def _tell_unread(
    translation: Translation, parts: Mapping[str, tuple[Mapping[str, Any], Collection[str]]]
) -> None:
    """Tells the author which keys have no counterpart: of each part its content, and what is read.

    The image of a pool is that of TFX for all components; Headrace's have one each.
    """
    for part, (content, known) in parts.items():
        if unread := sorted(key for key in content if key not in known and content[key]):
            translation.note(
                f"{part} has {unread}, which have no effect. headrace.toml has settings for tasks, "
                "for [vertex] and for [images]."
            )


def _retired_pools(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the machines of a job of the retired AI Platform, as Vertex AI names them."""
    pools: list[Mapping[str, Any]] = []
    for role in ("master", "worker", "parameterServer", "evaluator"):
        kind = job.get(f"{role}Type")
        accelerator = (job.get(f"{role}Config") or {}).get("acceleratorConfig") or {}
        if not kind and not accelerator:
            continue
        spec = {
            "machine_type": kind,
            "accelerator_type": accelerator.get("type"),
            "accelerator_count": accelerator.get("count"),
        }
        pools.append({"machine_spec": spec, "replica_count": job.get(f"{role}Count")})
    return pools
