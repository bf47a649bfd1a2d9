"""The argument of a user's `stats_options_updater_fn`. Standard library only."""

import enum


class StatsType(enum.IntEnum):
    """The statistics that the options are for; names and values are the same as in TFX."""

    UNKNOWN = 0
    PRE_TRANSFORM = 1
    POST_TRANSFORM = 2
