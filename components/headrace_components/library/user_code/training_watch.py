"""Sees what `fit` of Keras does while a user's function runs: its progress and its history.

A callback is added to every list of callbacks that Keras makes, after the user's own, so that it
changes nothing. It reads no tensor more than Keras does, except twice a second to show values.
"""

import contextlib
import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from headrace_components.contract.progress import Progress, Reporter
from headrace_components.library.user_code.training_history import History, scalars

# Keras 3 and Keras 2; a module file may use either.
_LIBRARIES = ("keras", "tf_keras")
_KERAS_BATCH_SIZE = 32
_MAX_METRICS_SHOWN = 3


class TrainingWatch:
    """Keeps the histories of the models that are trained, and reports how far they are.

    Args:
        reporter: Gets the reports.
        prefix: What stands before each report, such as the number of a trial.
    """

    def __init__(self, reporter: Reporter, prefix: Callable[[], str] = str) -> None:
        self.histories: list[History] = []
        self._reporter = reporter
        self._prefix = prefix
        self._models: list[Callable[[], Any]] = []
        self._batch_sizes: list[int | None] = []
        # Keras 3 may call callbacks of batches in threads.
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watches every `fit` while this is entered, also of a Keras that is imported meanwhile."""
        with contextlib.ExitStack() as stack:
            for name in _LIBRARIES:
                if name in sys.modules:
                    self._patch(sys.modules[name], stack)
            finder = _AfterImport(lambda module: self._patch(module, stack))
            sys.meta_path.insert(0, finder)
            stack.callback(sys.meta_path.remove, finder)
            yield

    def _patch(self, library: ModuleType, stack: contextlib.ExitStack) -> None:
        callbacks: Any = getattr(library, "callbacks", None)
        model: Any = getattr(library, "Model", None)
        if not hasattr(callbacks, "CallbackList") or not hasattr(model, "fit"):
            return  # another version of Keras: it trains as ever, and nothing is shown
        owner = next(each for each in model.__mro__ if "fit" in vars(each))
        kind = _callback_class(callbacks.Callback)
        for holder, name, wrapped in (
            (owner, "fit", self._noting_batch_size(owner.fit)),
            (callbacks.CallbackList, "__init__", self._adding(callbacks.CallbackList, kind)),
        ):
            stack.callback(setattr, holder, name, getattr(holder, name))
            setattr(holder, name, wrapped)

    def _noting_batch_size(self, fit: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(fit)

        @functools.wraps(fit)
        def noting(*args: Any, **kwargs: Any) -> Any:
            try:
                given = signature.bind_partial(*args, **kwargs).arguments
            except TypeError:  # `fit` itself refuses these arguments
                given = {}
            self._batch_sizes.append(_batch_size(given.get("x"), given.get("batch_size")))
            try:
                return fit(*args, **kwargs)
            finally:
                self._batch_sizes.pop()

        return noting

    def _adding(self, lists: Any, kind: Any) -> Callable[..., None]:
        make = lists.__init__

        @functools.wraps(make)
        def adding(self_: Any, *args: Any, **kwargs: Any) -> None:
            make(self_, *args, **kwargs)
            callback = kind(self)
            callback.set_params(getattr(self_, "params", None) or {})
            model = getattr(self_, "model", None)
            if model is not None:
                callback.set_model(model)
            self_.callbacks.append(callback)
            _call_at_steps(self_)

        return adding

    def history_of(self, model: Any) -> History:
        """Returns the history of a model, which goes on if it is trained again."""
        with self._lock:
            for known, history in zip(self._models, self.histories, strict=True):
                if model is not None and known() is model:
                    return history
            history = History(batch_size=self._batch_sizes[-1] if self._batch_sizes else None)
            self.histories.append(history)
            self._models.append(weakref.ref(model) if model is not None else _gone)
            return history

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Only one thread at a time changes a history."""
        with self._lock:
            yield

    def is_due(self) -> bool:
        """Whether a report would be shown now."""
        return self._reporter.is_due()

    def show(
        self, words: Sequence[str], logs: Mapping[str, Any] | None, share: float | None
    ) -> None:
        """Reports how far a training is.

        Args:
            words: What comes first, such as the step.
            logs: Values of losses and metrics.
            share: The part that is done; None if it is not known.
        """
        ordered = sorted(scalars(logs).items(), key=lambda pair: pair[0] != "loss")
        values = ordered[:_MAX_METRICS_SHOWN]
        shown = [f"{name} {value:.4g}" for name, value in values]
        text = ", ".join(filter(None, [self._prefix(), *words, *shown]))
        self._reporter.report(Progress(text=text, share=share))


def _gone() -> None:
    """Stands for a reference to no model."""


def _call_at_steps(callbacks: Any) -> None:
    """Lets Keras 2 call the callback at steps, which it does only if another one needs it."""
    if getattr(callbacks, "_should_call_train_batch_hooks", True):
        return
    distribute = importlib.import_module("tensorflow").distribute
    # With parameter servers, steps run ahead of their results.
    strategy = distribute.get_strategy()
    if not getattr(strategy, "_should_use_with_coordinator", False):
        callbacks._should_call_train_batch_hooks = True


def _callback_class(base: Any) -> Any:
    """Returns the class of the callback, for one of the versions of Keras."""

    class Watcher(base):  # type: ignore[misc]
        """Tells a TrainingWatch what happens."""

        async_safe = True  # Keras 3: other callbacks are called as they would be without this one
        _supports_tf_logs = True  # Keras 2: no tensor is copied for this one

        def __init__(self, watch: TrainingWatch) -> None:
            super().__init__()
            self._watch = watch
            self._history = History()
            self._before, self._epoch, self._step = 0, 0, 0
            self._mark: tuple[int, float] | None = None

        def on_train_begin(self, logs: Any = None) -> None:
            del logs
            self._history = self._watch.history_of(self.model)
            self._before = self._history.num_steps

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            del logs
            self._epoch = epoch + 1
            with self._watch.changing():
                self._step, self._mark = 0, None
                self._before = self._history.num_steps
            if self._watch.is_due():
                self._watch.show(self._words(), None, self._share())

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            history, now = self._history, time.monotonic()
            with self._watch.changing():
                self._step = max(self._step, batch + 1)
                if self._mark is None:
                    self._mark = (self._step, now)
                number = self._before + batch + 1
                history.num_steps = max(history.num_steps, number)
                if history.takes_step(number):
                    history.add_step(number, logs or {})
            if self._watch.is_due():
                self._watch.show(self._words(now), logs, self._share())

        def on_test_begin(self, logs: Any = None) -> None:
            del logs
            self._end_of_steps()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            del epoch
            self._end_of_steps()
            with self._watch.changing():
                self._history.add_epoch(logs or {})
            if self._watch.is_due():
                self._watch.show(self._words(), logs, self._share())

        def _end_of_steps(self) -> None:
            now = time.monotonic()
            with self._watch.changing():
                if self._mark is not None:
                    first, since = self._mark
                    if self._step > first:
                        self._history.timed_steps += self._step - first
                        self._history.seconds += now - since
                    self._mark = None

        def _words(self, now: float | None = None) -> list[str]:
            epochs, steps = self._number("epochs"), self._number("steps")
            words = []
            if epochs != 1:
                words.append(f"epoch {self._epoch}" + (f"/{epochs}" if epochs else ""))
            if self._step:
                words.append(f"step {self._step:,}" + (f"/{steps:,}" if steps else ""))
            mark, size = self._mark, self._history.batch_size
            if now is not None and mark is not None and self._step > mark[0] and now > mark[1]:
                rate = (self._step - mark[0]) / (now - mark[1])
                words.append(f"{rate * size:,.0f} examples/s" if size else f"{rate:,.1f} steps/s")
            return words

        def _share(self) -> float | None:
            epochs, steps = self._number("epochs"), self._number("steps")
            if not epochs or not steps:
                return None
            return (self._epoch - 1 + min(self._step / steps, 1.0)) / epochs

        def _number(self, name: str) -> int | None:
            value = (self.params or {}).get(name)
            return value if isinstance(value, int) and value > 0 else None

    return Watcher


def _batch_size(data: Any, given: Any) -> int | None:
    """Returns how many examples `fit` takes at once; None if that cannot be known."""
    if isinstance(given, int):
        return given
    if not hasattr(data, "element_spec"):
        return (
            _KERAS_BATCH_SIZE if hasattr(data, "shape") or isinstance(data, (dict, list)) else None
        )
    tensorflow = importlib.import_module("tensorflow")
    for spec in tensorflow.nest.flatten(data.element_spec):
        dimensions = getattr(getattr(spec, "shape", None), "dims", None)
        if dimensions and dimensions[0].value:
            return int(dimensions[0].value)
    while data is not None:  # TensorFlow says it nowhere else
        size = getattr(data, "_batch_size", None)
        if size is not None:
            return int(size)
        data = getattr(data, "_input_dataset", None)
    return None


class _AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function with a version of Keras as soon as it is imported."""

    def __init__(self, then: Callable[[ModuleType], None]) -> None:
        self._then = then
        self._is_looking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if name not in _LIBRARIES or self._is_looking:
            return None
        self._is_looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._is_looking = False
        loader = spec.loader if spec else None
        if spec is None or loader is None or not hasattr(loader, "exec_module"):
            return None
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._then(module)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
