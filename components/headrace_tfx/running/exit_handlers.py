"""Exit handlers: a component that runs last, whatever happened, with the run's outcome."""


class FinalStatusStr(str):
    """Stands for the outcome of a run, as JSON text: an argument of an exit handler."""

    __slots__ = ()
