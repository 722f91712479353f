"""Working hours in a space: office hours on working days in its time zone, except public holidays
of Japan and the days off around them.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from simulator.clock import DAY

OPENS, CLOSES = 9 * 3_600, 19 * 3_600
#: (month, day) of the first and of the last day: turn of the year, Golden Week, Obon.
CLOSED_DAYS = (((1, 1), (1, 3)), ((4, 29), (5, 5)), ((8, 11), (8, 15)), ((12, 29), (12, 31)))
#: (month, day) of the public holidays on a fixed date.
_FIXED = ((2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (8, 11), (11, 3), (11, 23))
#: (month, number of the Monday) of the public holidays on Mondays.
_MONDAYS = ((1, 2), (7, 3), (9, 3), (10, 2))
_EPOCH = date(1970, 1, 1).toordinal()


class WorkTime:
    """Office hours, by the offset of the zone at one time; zones with daylight saving time are not
    supported.
    """

    def __init__(self, zone: str, at: int) -> None:
        offset = datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset()
        self._offset = int(offset.total_seconds()) if offset else 0

    def is_open(self, at: int) -> bool:
        """Return whether people are at work at a time."""
        number, second = divmod(at + self._offset, DAY)
        return is_working_day(number) and OPENS <= second < CLOSES

    def number(self, at: int) -> int:
        """Return the number of the day of a time."""
        return (at + self._offset) // DAY

    def opening(self, number: int) -> int:
        """Return the time at which work begins on a day."""
        return number * DAY + OPENS - self._offset

    def later(self, at: int, hours: float, rng: Random) -> int:
        """Return the time some hours later, or one on the next working morning if it is outside
        office hours.
        """
        at += max(60, int(hours * 3_600))
        number, second = divmod(at + self._offset, DAY)
        if is_working_day(number) and OPENS <= second < CLOSES:
            return at
        number += second >= OPENS
        while not is_working_day(number):
            number += 1
        return self.opening(number) + rng.randrange(2 * 3_600)


def iso(number: int) -> str:
    """Return a day, given by number, in ISO format."""
    return date.fromordinal(_EPOCH + number).isoformat()


@lru_cache(maxsize=20_000)
def is_working_day(number: int) -> bool:
    """Return whether people work on a day, given as days since 1970."""
    there = date.fromordinal(_EPOCH + number)
    if there.weekday() >= 5 or is_public_holiday(there):
        return False
    return not any(first <= (there.month, there.day) <= last for first, last in CLOSED_DAYS)


def is_public_holiday(there: date) -> bool:
    """Return whether a day is a public holiday of Japan, by the law since 2022: named ones, the day
    after one on a Sunday, and a day between two.
    """
    if _is_named(there):
        return True
    before = there - timedelta(1)
    if _is_named(before) and _is_named(there + timedelta(1)):
        return True
    while _is_named(before) and before.weekday() != 6:
        before -= timedelta(1)
    return _is_named(before)


def _is_named(there: date) -> bool:
    month_day = there.month, there.day
    if month_day in _FIXED or month_day == (1, 1):
        return True
    if there.weekday() == 0 and (there.month, (there.day + 6) // 7) in _MONDAYS:
        return True
    since = there.year - 1980
    spring = int(20.8431 + 0.242194 * since - since // 4)
    autumn = int(23.2488 + 0.242194 * since - since // 4)
    return month_day in ((3, spring), (9, autumn))
