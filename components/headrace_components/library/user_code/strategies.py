"""Trains a user's function on several GPUs or machines, with `tf.distribute` strategies."""

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.contract.machines import TrainingCluster, read_cluster

# The time that one machine waits for others after it has finished, for example to export or
# evaluate.
_WAIT_SECONDS = 3600

# The beginning of messages from other machines in TensorFlow's errors.
_REASON = "headrace: "

# TensorFlow's message after another machine did not come.
_ABORTED = "Collective ops is aborted"

# Keys in the store that the machines share.
_FINISHED = "headrace/finished/"


def check_distribution(distribution: str) -> None:
    """Rejects a `distribution` that the task's machines do not allow.

    Raises:
        InputError: `distribution` trains on one machine, and there are several.
    """
    cluster = read_cluster()
    if cluster is not None and distribution == "mirrored":
        raise InputError(
            f"`distribution` is 'mirrored', which trains on the GPUs of one machine, "
            f"but {len(cluster.addresses)} machines run this task. Pass 'multi_worker' or 'auto', "
            "or take `workers` out of the task's settings."
        )


@contextlib.contextmanager
def distributed(distribution: str) -> Iterator[None]:
    """Runs the body with the strategy that `distribution` names.

    Args:
        distribution: "mirrored" and "multi_worker" enter the scope of such a strategy. "auto" and
            "none" do not enter a scope, so that a function can make its own strategy.
    """
    cluster = read_cluster()
    if cluster is not None:
        # A run_fn with its own MultiWorkerMirroredStrategy reads this variable.
        os.environ.setdefault("TF_CONFIG", cluster.tf_config())
    if distribution == "mirrored":
        strategy = tf.distribute.MirroredStrategy(_local_devices())
    elif distribution == "multi_worker":
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        yield
        return
    logging.info("Training on %d devices in step.", strategy.num_replicas_in_sync)
    with strategy.scope():
        yield


def fitting_strategy() -> tf.distribute.Strategy:
    """Returns the strategy of the current scope, else one for the task's machines.

    This is MultiWorkerMirroredStrategy on several machines, MirroredStrategy on one with several
    GPUs, and else TensorFlow's default strategy, which distributes nothing.
    """
    if tf.distribute.has_strategy():
        return tf.distribute.get_strategy()
    if read_cluster() is not None:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def spoke_to_others() -> bool:
    """Returns whether a strategy for several machines was made in this process."""
    context = _eager_context()
    # There is no public name for this. The second one belongs to a ParameterServerStrategy.
    servers = (context._collective_ops_server_def, context._server_def)
    return any(server is not None for server in servers)


def end_together(cluster: TrainingCluster) -> None:
    """Returns on the chief when the others have finished, and on the others when the chief has.

    TensorFlow's workers watch each other through a service in the chief's process, so the chief
    must not end first. This service treats a process that ends while another one trains as a crash.

    Raises:
        PlatformError: On the chief: a machine was lost, or did not finish in time.
    """
    context = _eager_context()
    try:
        if cluster.is_chief:
            for index in range(1, len(cluster.addresses)):
                context.get_config_key_value(f"{_FINISHED}{index}", _WAIT_SECONDS * 1000)
            context.set_config_key_value(f"{_FINISHED}0", "1")
        else:
            context.set_config_key_value(f"{_FINISHED}{cluster.index}", "1")
            context.get_config_key_value(f"{_FINISHED}0", _WAIT_SECONDS * 1000)
    except tf.errors.OpError as error:
        if cluster.is_chief:
            raise _lost_worker(cluster, error) from error
        # The chief may have ended before its answer arrives. If it failed, its exit code shows it.
        logging.info("trainer: the chief has ended.")


@contextlib.contextmanager
def failing_together(cluster: TrainingCluster) -> Iterator[None]:
    """Reports to the other machines why this one fails, or raises the error that another reported.

    Without it the others wait for a lost machine, and cannot report the reason.

    Raises:
        PlatformError: Another machine failed; the message has its reason if it reported one.
    """
    try:
        yield
    except ComponentError as error:
        cause = error.__cause__
        if not spoke_to_others():
            raise
        if isinstance(cause, tf.errors.UnavailableError) or _ABORTED in str(cause):
            raise _lost_worker(cluster, cause) from error
        with contextlib.suppress(tf.errors.OpError):  # they may have ended already
            message = f"{_REASON}{cluster.name}: trainer: {error}"
            _eager_context().report_error_to_cluster(tf.errors.UNAVAILABLE, message)
        raise


def _lost_worker(cluster: TrainingCluster, error: object) -> PlatformError:
    found = re.search(rf"{_REASON}(.+)", str(error))
    if found:
        return PlatformError(f"{cluster.name} stopped, since another failed. {found[1]}")
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    reason = next((line for line in lines if _ABORTED in line), lines[-1])[:300].rstrip(".")
    return PlatformError(
        f"{cluster.name} lost another machine while run_fn ran ({reason}). The log "
        "of the one that failed has the reason; where it was killed for want of memory, give the "
        "task more. Then run it again."
    )


def _local_devices() -> list[str]:
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    return [device.name for device in tf.config.list_logical_devices(kind)]


def _eager_context() -> Any:
    from tensorflow.python.eager import context

    return context.context()
