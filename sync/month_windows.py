"""How month partitions become windows of source time.

A partition of `raw/issues` holds the issues of one project whose last change falls in one month, in
the zone of the deployment. The first month also holds everything older, so that the union of all
partitions is the whole project.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Slice:
    """Adjacent months of one project, read as one window.

    `since` is None when the first month of all is in it (everything older belongs to it), `until`
    when the newest month is (the live edge has no upper bound). Both are instants with a zone; the
    window is half open.
    """

    project_key: str
    months: tuple[str, ...]
    since: datetime | None
    until: datetime | None

    @property
    def whole(self) -> bool:
        """Whether the slice is the whole project."""
        return self.since is None and self.until is None


@dataclass(frozen=True)
class Calendar:
    """The months of a deployment, as `YYYY-MM`: from the first one up to and including the current
    one, in a time zone.
    """

    first: str
    timezone: str

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone in which months begin."""
        return ZoneInfo(self.timezone)

    def months(self) -> list[str]:
        """Return all months, oldest first."""
        first, last = (_number(month) for month in (self.first, self._current()))
        return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(first, last + 1)]

    def month_of(self, moment: datetime) -> str:
        """Return the month that holds an instant.

        What lies before the first month belongs to the first, what a fast clock puts after the
        current month to the current one.
        """
        return month_in((self.first, self._current()), moment, self.zone)

    def slices(self, partitions: Iterable[tuple[str, str]]) -> list[Slice]:
        """Group partitions (project key, month) into slices: one for each project and unbroken
        stretch of months.
        """
        months = self.months()
        position = {month: i for i, month in enumerate(months)}
        by_project: dict[str, set[int]] = {}
        for project, month in partitions:
            by_project.setdefault(project, set()).add(position[month])
        return [
            self._slice(project, months, first, last)
            for project, positions in by_project.items()
            for first, last in stretches(sorted(positions))
        ]

    def whole_project(self, project_key: str) -> Slice:
        """Return all months of a project as one slice."""
        return Slice(project_key, tuple(self.months()), None, None)

    def span(self, months: Iterable[str]) -> tuple[datetime | None, datetime | None]:
        """Return the bounds of the stretch from the first to the last of these months, as those of
        a slice.
        """
        known = self.months()
        positions = [known.index(month) for month in months]
        part = self._slice("", known, min(positions), max(positions))
        return part.since, part.until

    def _slice(self, project: str, months: Sequence[str], first: int, last: int) -> Slice:
        since = None if first == 0 else self._start_of(months[first])
        until = None if last == len(months) - 1 else self._start_of(months[last + 1])
        return Slice(project, tuple(months[first : last + 1]), since, until)

    def _start_of(self, month: str) -> datetime:
        return datetime.strptime(month, "%Y-%m").replace(tzinfo=self.zone)

    def _current(self) -> str:
        return datetime.now(self.zone).strftime("%Y-%m")


def month_in(months: Sequence[str], moment: datetime, zone: tzinfo) -> str:
    """Return the month that holds an instant: the first or last of `months` if it is outside."""
    return min(max(moment.astimezone(zone).strftime("%Y-%m"), months[0]), months[-1])


def stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last number of each unbroken stretch of ascending numbers."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _number(month: str) -> int:
    year, number = month.split("-")
    return int(year) * 12 + int(number) - 1
