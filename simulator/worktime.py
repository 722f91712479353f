"""When people work in a space: office hours on working days of its zone, and the long holidays of
Japan.
"""

from datetime import date, datetime
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from simulator.clock import DAY

OPENS, CLOSES = 9 * 3_600, 19 * 3_600
#: (month, day) of the first and of the last day: turn of the year, Golden Week, Obon.
HOLIDAYS = (((1, 1), (1, 3)), ((4, 29), (5, 5)), ((8, 11), (8, 15)), ((12, 29), (12, 31)))


class WorkTime:
    """Office hours by the offset that the zone had at one moment: none of the zones in question
    changes its clocks.
    """

    def __init__(self, zone: str, at: int) -> None:
        offset = datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset()
        self._offset = int(offset.total_seconds()) if offset else 0

    def is_open(self, at: int) -> bool:
        """Return whether people are at work at a moment."""
        day, second = divmod(at + self._offset, DAY)
        return _is_working_day(day) and OPENS <= second < CLOSES

    def from_then(self, at: int, rng: Random) -> int:
        """Return the moment itself, or one in the first hours of the next working day when nobody
        is at work then.
        """
        day, second = divmod(at + self._offset, DAY)
        if _is_working_day(day) and second < CLOSES:
            return at if second >= OPENS else self._morning(day, rng)
        day += 1
        while not _is_working_day(day):
            day += 1
        return self._morning(day, rng)

    def _morning(self, day: int, rng: Random) -> int:
        return day * DAY + OPENS - self._offset + rng.randrange(3 * 3_600)


@lru_cache(maxsize=20_000)
def _is_working_day(day: int) -> bool:
    if (day + 3) % 7 >= 5:  # 1970-01-01 was a Thursday
        return False
    there = date.fromordinal(date(1970, 1, 1).toordinal() + day)
    return not any(first <= (there.month, there.day) <= last for first, last in HOLIDAYS)
