"""The times of schedules: checks them before a service is called, and describes them.

Vertex AI reads unix-cron. Kubeflow reads the syntax of robfig/cron, with seconds in front. The
texts that pass here mean the same to both.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headrace_components.contract.errors import InputError

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_DAYS_OF_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\w+))?")

# The 29th of February comes round in eight years at the latest: 2100 is not a leap year.
_MAX_DAYS = 8 * 366 + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    words: Mapping[str, int]


_FIELDS = (
    _Field(name="the minute", first=0, last=59, words={}),
    _Field(name="the hour", first=0, last=23, words={}),
    _Field(name="the day of the month", first=1, last=31, words={}),
    _Field(name="the month", first=1, last=12, words={n: i for i, n in enumerate(_MONTHS, 1)}),
    _Field(name="the day of the week", first=0, last=6, words={n: i for i, n in enumerate(_DAYS)}),
)


def checked_cron(text: str) -> str:
    """Returns a schedule's five fields, one space between them.

    Raises:
        InputError: It is not cron, or no day is ever meant.
    """
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise InputError(
            f"headrace submit: --schedule is {text!r}, expected five fields: minute, hour, day of "
            "the month, month, day of the week. Write '0 3 * * *' for 3 o'clock every day."
        )
    values = [_values(text, field, part) for field, part in zip(_FIELDS, parts, strict=True)]
    _check_date(text, values[2], values[3], any_weekday=parts[4] == "*")
    return " ".join(parts)


def next_time(text: str, after: datetime) -> datetime | None:
    """Returns when a schedule starts its next run.

    If both the day of the month and the day of the week are given, either one is enough.

    Args:
        text: Five fields of cron, in UTC.
        after: The time is later than this.

    Returns:
        The time in UTC; None for a text that `checked_cron` refuses, as services take more.
    """
    try:
        parts = checked_cron(text).split()
    except InputError:
        return None
    minutes, hours, days, months, weekdays = (
        _values(text, field, part) for field, part in zip(_FIELDS, parts, strict=True)
    )
    # As in unix-cron and robfig/cron: a field that begins with * does not restrict anything alone.
    either = not parts[2].startswith("*") and not parts[4].startswith("*")
    first = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    for offset in range(_MAX_DAYS):
        day = first.replace(hour=0, minute=0) + timedelta(days=offset)
        is_day, is_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        if day.month not in months or not (
            is_day or is_weekday if either else is_day and is_weekday
        ):
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                found = day.replace(hour=hour, minute=minute)
                if found >= first:
                    return found
    return None


def _values(text: str, field: _Field, part: str) -> set[int]:
    found = set[int]()
    for item in part.split(","):
        match = _ITEM.fullmatch(item)
        if match is None or (match["first"] == "*" and match["last"]):
            raise _unreadable(text, field, item, "")
        first, last = field.first, field.last
        if match["first"] != "*":
            first = _number(text, field, match["first"])
            last = first if not match["step"] else field.last
        if match["last"]:
            last = _number(text, field, match["last"])
        if first > last:
            raise _unreadable(text, field, item, f"{match['first']} is after {match['last']}")
        step = match["step"] or "1"
        if not step.isdecimal() or int(step) < 1:
            raise _unreadable(text, field, item, f"the step {step!r} is not a number above 0")
        found.update(range(first, last + 1, int(step)))
    return found


def _number(text: str, field: _Field, word: str) -> int:
    value = field.words.get(word.upper(), int(word) if word.isdecimal() else None)
    if value is None:
        near = difflib.get_close_matches(word.upper(), [*field.words], n=1)
        hint = f"did you mean {near[0]}?" if near else f"{word!r} is not a number"
        raise _unreadable(text, field, word, hint)
    if not field.first <= value <= field.last:
        is_sunday = field.words.get("SUN") == 0 and value == 7
        hint = "Sunday is 0" if is_sunday else f"{value} is out of range"
        raise _unreadable(text, field, word, hint)
    return value


def _unreadable(text: str, field: _Field, item: str, why: str) -> InputError:
    names: Sequence[str] = [*field.words]
    words = f", or {names[0]} to {names[-1]}" if names else ""
    return InputError(
        f"headrace submit: --schedule is {text!r}, whose {field.name.removeprefix('the ')} has "
        f"{item!r}{f': {why}' if why else ''}. Expected *, numbers from {field.first} to "
        f"{field.last}{words}, ranges such as {field.first}-{field.last}, steps such as */2, or "
        "several of these with commas."
    )


def _check_date(text: str, days: set[int], months: set[int], *, any_weekday: bool) -> None:
    longest = max(_DAYS_OF_MONTH.get(month, 31) for month in months)
    if any_weekday and min(days) > longest:
        raise InputError(
            f"headrace submit: --schedule is {text!r}, but no such month has a day {min(days)}, so "
            "it would never start a run. Correct the day of the month or the month."
        )
