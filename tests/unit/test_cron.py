"""When a schedule starts runs: only the forms that every service reads in the same way."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from headrace.targets.remote.cron import checked_cron, next_time
from headrace_components.contract.errors import InputError


@pytest.mark.parametrize(
    "text",
    [
        "0 3 * * *",
        "*/15 0-6,22 1,15 * MON-FRI",
        "5/10 0-23/2 * jan-Mar sun",
        "0 0 29 2 *",
        "0 0 31 2 1",  # also Mondays in February
        "59 23 31 12 6",
    ],
)
def test_five_fields_of_cron_are_taken(text: str) -> None:
    assert checked_cron(f"  {text.replace(' ', '   ')} ") == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b c d e", r"minute has 'a': 'a' is not a number\. Expected \*, numbers from 0 to 59"),
        ("0 0 3 * * *", r"expected five fields: minute, hour"),
        ("@daily", r"expected five fields"),
        ("60 * * * *", r"minute has '60': 60 is out of range"),
        ("0 24 * * *", r"hour has '24'"),
        ("0 0 0 * *", r"day of the month has '0'"),
        ("0 0 * 13 *", r"month has '13'"),
        ("0 0 * JANU *", r"month has 'JANU': did you mean JAN\?"),
        ("0 0 * * 7", r"day of the week has '7': Sunday is 0"),
        ("0 0 * * MONDAY", r"did you mean MON\?"),
        ("0 0 L * *", r"day of the month has 'L'"),
        ("0 0 ? * *", r"day of the month has '\?'"),
        ("0 5-2 * * *", r"hour has '5-2': 5 is after 2"),
        ("*/0 * * * *", r"the step '0' is not a number above 0"),
        ("1,,2 * * * *", r"minute has ''"),
        ("-1 * * * *", r"minute has '-1'"),
        ("0 0 31 2,4 *", r"no such month has a day 31"),
    ],
)
def test_what_no_service_reads_is_named_with_its_field(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        checked_cron(text)

    assert re.search(words, str(caught.value)), str(caught.value)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("0 3 * * *", "2026-11-29 02:59:59", "2026-11-29 03:00"),
        ("0 3 * * *", "2026-11-29 03:00:00", "2026-11-30 03:00"),
        ("* * * * *", "2026-12-31 23:59:30", "2027-01-01 00:00"),
        ("*/15 8-17 * * MON-FRI", "2026-11-27 17:45:00", "2026-11-30 08:00"),
        ("0 0 29 2 *", "2096-03-01 00:00:00", "2104-02-29 00:00"),
        ("30 6 1 * 1", "2026-11-30 06:30:00", "2026-12-01 06:30"),  # the 1st, or a Monday
        ("30 6 1 * 1", "2026-12-01 06:30:00", "2026-12-07 06:30"),
        ("0 0 */2 * 0", "2026-11-29 00:00:00", "2026-12-13 00:00"),  # odd days that are Sundays
        ("0 12 * jan,JUL sun", "2026-11-29 00:00:00", "2027-01-03 12:00"),
    ],
)
def test_the_next_time_is_what_cron_says(text: str, after: str, expected: str) -> None:
    found = next_time(text, datetime.fromisoformat(after).replace(tzinfo=UTC))

    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_the_next_time_is_told_in_utc() -> None:
    here = datetime(2026, 11, 29, 4, 30, tzinfo=timezone(timedelta(hours=2)))

    assert next_time("0 3 * * *", here) == datetime(2026, 11, 29, 3, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "@daily", "0 0 0 3 * * *", "0 0 ? * *", "0 0 31 2 *"])
def test_what_only_a_service_reads_has_no_next_time(text: str) -> None:
    assert next_time(text, datetime(2026, 11, 29, tzinfo=UTC)) is None
