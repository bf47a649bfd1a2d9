"""What a user's `stats_options_updater_fn` is told. Standard library only."""

import enum


class StatsType(enum.IntEnum):
    """Which statistics the options are for; names and values are TFX's."""

    UNKNOWN = 0
    PRE_TRANSFORM = 1
    POST_TRANSFORM = 2
