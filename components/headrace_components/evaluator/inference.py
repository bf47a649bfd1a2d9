"""Runs models on batches like TFMA, and reports which model failed, and why.

TFMA's own errors name neither the model nor its inputs, and quote whole examples.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.utils import model_util

from headrace_components.contract.errors import InputError

DEFAULT_TRANSFORMS = ("transformed_features", "transformed_labels")
"""The names that TFMA's TransformedFeaturesExtractor calls, if a model has them."""

_MAX_INPUTS = 8


class Signatures(model_util.ModelSignaturesDoFn):  # type: ignore[misc]
    """TFMA's calls of signatures, which raise InputError if a model does not accept the examples.

    Args:
        baselines: Names of the models that are baselines.
        locations: Where the files of each model are, by its name.
        further: Other arguments of `model_util.ModelSignaturesDoFn`.
    """

    _loaded_models: dict[str, Any]

    def __init__(
        self, *, baselines: Sequence[str], locations: Mapping[str, str], **further: Any
    ) -> None:
        super().__init__(**further)
        self._baselines = frozenset(baselines)
        self._locations = dict(locations)

    def setup(self) -> None:
        """Loads the models.

        Raises:
            InputError: TensorFlow cannot load one.
        """
        try:
            super().setup()
        except InputError:  # from a loader, whose error names the model
            raise
        except Exception as error:  # TensorFlow has many kinds of errors for a damaged file
            for name, loader in self._model_loaders.items():
                self._check(name, loader.load, "cannot be loaded", _save_again)
            raise self._stopped("", "cannot be loaded", error, "") from error

    def process(self, extracts: Any) -> Any:
        """Returns the batch with the results of the models.

        Raises:
            InputError: A model does not take the examples.
        """
        try:
            return super().process(extracts)
        except (AssertionError, ValueError, TypeError, tf.errors.OpError) as error:
            attempt = functools.partial(super().process, extracts)
            for name, model in self._loaded_models.items():
                self._loaded_models = {name: model}
                self._check(name, attempt, "stopped on the examples", self._advice)
            raise self._stopped("", "stopped on the examples", error, "") from error

    def _check(
        self, name: str, attempt: Callable[[], Any], what: str, advice: Callable[[str], str]
    ) -> None:
        try:
            attempt()
        except InputError:
            raise
        except Exception as error:  # as above
            raise self._stopped(name, what, error, advice(name)) from error

    def _stopped(self, name: str, what: str, error: Exception, advice: str) -> InputError:
        if name in self._baselines:
            subject = f"the baseline {self._locations.get(name, name)}"
        else:
            subject = "the candidate" if self._baselines and name else "a model"
        cause = error.__cause__ or error
        # The rest of the message contains whole examples.
        words = str(cause).partition("Received args:")[0].split()
        text = " ".join(words)[:400].rstrip(".")
        return InputError(f"{subject} {what}: {type(cause).__name__}: {text}. {advice}")

    def _advice(self, name: str) -> str:
        taken, model = "", self._loaded_models[name]
        for signature in self._signature_names[name] or [""]:
            inputs = model_util.get_input_specs(model, signature, required=False) or {}
            if isinstance(inputs, Mapping) and inputs:
                listed = [f"{key} ({_type_of(spec)})" for key, spec in list(inputs.items())]
                more = ", ..." if len(listed) > _MAX_INPUTS else ""
                taken = f"It takes {', '.join(listed[:_MAX_INPUTS])}{more}. "
        other = " Or compare with another baseline, or none." if name in self._baselines else ""
        return (
            f"{taken}Give examples of the kind that the model's signature takes, raw or "
            "transformed, or set `signature_name` in `model_specs` to a signature that parses "
            f"serialized tf.Examples.{other}"
        )


def transforming(config: Any, shared: Mapping[str, Any]) -> Signatures:
    """Returns the function that TFMA's TransformedFeaturesExtractor runs.

    Args:
        config: A `tfma.EvalConfig` with its defaults.
        shared: `tfma.EvalSharedModel`s by the name that TFMA gives them.
    """
    names = {name: list(spec.preprocessing_function_names) for name, spec in _specs(config)}
    return _signatures(
        config,
        shared,
        output_keypath=[constants.TRANSFORMED_FEATURES_KEY],
        signature_names=names,
        default_signature_names=list(DEFAULT_TRANSFORMS),
        prefer_dict_outputs=True,
    )


def predicting(config: Any, shared: Mapping[str, Any]) -> Signatures:
    """Returns the function for TFMA's PredictionsExtractor; arguments as for `transforming`."""
    return _signatures(
        config,
        shared,
        output_keypath=[constants.PREDICTIONS_KEY],
        signature_names={name: [spec.signature_name] for name, spec in _specs(config)},
        prefer_dict_outputs=False,
    )


def shared_by_name(models: Sequence[Any]) -> dict[str, Any]:
    """Returns `tfma.EvalSharedModel`s by the name that TFMA gives them."""
    verified = model_util.verify_and_update_eval_shared_models(list(models)) or []
    return {model.model_name: model for model in verified}


def _signatures(config: Any, shared: Mapping[str, Any], **further: Any) -> Signatures:
    return Signatures(
        baselines=[name for name, spec in _specs(config) if spec.is_baseline],
        locations={name: str(model.model_path) for name, model in shared.items()},
        model_specs=list(config.model_specs),
        eval_shared_models=shared,
        **further,
    )


def _specs(config: Any) -> Iterator[tuple[str, Any]]:
    specs = list(config.model_specs)
    for spec in specs:
        yield "" if len(specs) == 1 else spec.name, spec


def _save_again(_: str) -> str:
    return "Save the model again, or copy all of its files."


def _type_of(spec: Any) -> str:
    kind = getattr(getattr(spec, "dtype", None), "name", type(spec).__name__)
    shape = getattr(spec, "shape", None)
    return f"{kind} of shape {tuple(shape)}" if shape is not None and shape.rank else str(kind)
