"""`Resolver`: finds artifacts of earlier runs, by a strategy."""

import abc
import inspect
from collections.abc import Mapping
from typing import Any

from headrace_tfx.authoring.channels import BaseChannel, OutputChannel
from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.authoring.specs import Outputs

RESOLVER_STRATEGY_CLASS = "resolver_class"
RESOLVER_CONFIG = "source_uri"


class ResolverStrategy(abc.ABC):
    """How artifacts are chosen. Headrace carries the three strategies below, no others."""

    @abc.abstractmethod
    def resolve_artifacts(
        self, store: Any, input_dict: dict[str, list[Any]]
    ) -> dict[str, list[Any]] | None:
        """Chooses artifacts.

        Args:
            store: A store of ML Metadata.
            input_dict: All artifacts of each channel.

        Returns:
            The chosen ones of each channel; None if there are not enough.
        """


class _Recorded(ResolverStrategy):
    """A strategy that a component of Headrace carries out."""

    def resolve_artifacts(
        self, store: Any, input_dict: dict[str, list[Any]]
    ) -> dict[str, list[Any]] | None:
        """Raises an error: the component does it, on what earlier runs left."""
        del store, input_dict
        raise NotImplementedError(
            f"{type(self).__name__} is carried out by a task of the pipeline, expected it in "
            f"Resolver(strategy_class={type(self).__name__})."
        )


class LatestArtifactStrategy(_Recorded):
    """The newest artifacts of each channel.

    Attributes:
        desired_num_of_artifacts: How many.
    """

    def __init__(self, desired_num_of_artifacts: int | None = 1) -> None:
        self.desired_num_of_artifacts = desired_num_of_artifacts


class LatestBlessedModelStrategy(_Recorded):
    """The newest model that an Evaluator found good, and its blessing."""


class SpanRangeStrategy(_Recorded):
    """The artifacts of a range of spans.

    Attributes:
        range_config: The range, as RangeConfig.
    """

    def __init__(self, range_config: Any) -> None:
        self.range_config = range_config


class Resolver(BaseNode):
    """Finds artifacts that earlier runs of this pipeline made.

    Attributes:
        strategy_class: The class of the strategy; None for all artifacts of each channel.
        config: The arguments of the strategy.

    Raises:
        TypeError: `strategy_class` is no strategy, or does not take `config`.
        ValueError: There is a `config` without a strategy, or an argument is no channel.
    """

    def __init__(
        self,
        strategy_class: type[ResolverStrategy] | None = None,
        config: Mapping[str, Any] | None = None,
        **channels: BaseChannel,
    ) -> None:
        _check_strategy(strategy_class, config)
        for key, channel in channels.items():
            if not isinstance(channel, BaseChannel):
                raise ValueError(
                    f"Resolver: the argument `{key}` is {channel!r} ({type(channel).__name__}), "
                    "expected a channel, such as Channel(type=standard_artifacts.Model)."
                )
        super().__init__()
        self.strategy_class = strategy_class
        self.config = dict(config or {})
        self._inputs = dict(channels)
        self._outputs = Outputs(
            {key: OutputChannel(channel.type, self, key) for key, channel in channels.items()}
        )
        self._outputs.producer = self

    @property
    def inputs(self) -> dict[str, Any]:
        """The channels to choose from."""
        return self._inputs

    @property
    def raw_inputs(self) -> dict[str, Any]:
        """`inputs`, under another of TFX's names."""
        return self._inputs

    @property
    def outputs(self) -> dict[str, Any]:
        """The artifacts found, under the names of the channels."""
        return self._outputs

    @property
    def exec_properties(self) -> dict[str, Any]:
        """The strategy and its arguments, under TFX's names."""
        if self.strategy_class is None:
            return {}
        return {RESOLVER_STRATEGY_CLASS: self.strategy_class, RESOLVER_CONFIG: self.config}


def _check_strategy(strategy: Any, config: Any) -> None:
    if strategy is None:
        if config is not None:
            raise ValueError(
                f"Resolver: got config={config!r} without `strategy_class`, expected both."
            )
        return
    if not (isinstance(strategy, type) and issubclass(strategy, ResolverStrategy)):
        raise TypeError(
            f"Resolver: `strategy_class` is {strategy!r}, expected a strategy, such as "
            "LatestArtifactStrategy. Pass the class, and its arguments as `config`."
        )
    try:
        inspect.signature(strategy).bind(**(config or {}))
    except TypeError as error:
        raise TypeError(
            f"Resolver: {strategy.__name__} does not take config={config!r}: {error}."
        ) from None
