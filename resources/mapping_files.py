"""The mapping files that people edit (`docs/mappings.md`): their columns, and the rules for cells
and lines.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import partial

#: Converts a cell to the value to store, or raises ValueError with what was expected.
Read = Callable[[str], str]
_DAY = re.compile(r"(?:([0-9]{4})[-/])?([0-9]{1,2})[-/]([0-9]{1,2})")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::00)?")
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Column:
    """A column of a file; an empty cell is an error when `required`."""

    read: Read
    required: bool = False


@dataclass(frozen=True)
class File:
    """A mapping file.

    `columns`: name -> column. `key`: a later line with the same cells in these columns replaces an
    earlier one. `wrong`: returns what is wrong with a line, or None.
    """

    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    wrong: Callable[[Mapping[str, str]], str | None] = lambda _cells: None


def _text(cell: str) -> str:
    if _CONTROL.search(cell):
        raise ValueError("text without control characters")
    return cell


def _choice(*words: str) -> Read:
    def read(cell: str) -> str:
        if cell.lower() not in words:
            raise ValueError(" or ".join(words))
        return cell.lower()

    return read


def _number(lowest: float, highest: float, *, whole: bool = False) -> Read:
    def read(cell: str) -> str:
        fits = _NUMBER.fullmatch(cell) and not (whole and "." in cell)
        if not fits or not lowest <= float(cell) <= highest:
            kind = "a whole number" if whole else "a number"
            raise ValueError(f"{kind} from {lowest:g} to {highest:g}")
        return cell

    return read


def _time(cell: str) -> str:
    found = _TIME.fullmatch(cell)
    try:
        if found:
            return time(int(found[1]), int(found[2])).isoformat("minutes")
    except ValueError:
        pass
    raise ValueError("a time as 09:00")


def _day(cell: str, *, every_year: bool = False) -> str:
    """Read 2026-08-13, or 08-13 for every year, also with slashes, as spreadsheets write them."""
    found = _DAY.fullmatch(cell)
    try:
        if found and (found[1] or every_year):
            # 2000 is a leap year, so 29 February is accepted.
            day = date(int(found[1] or 2000), int(found[2]), int(found[3])).isoformat()
            return day if found[1] else day.removeprefix("2000-")
    except ValueError:
        pass
    raise ValueError("a day as 2026-08-13" + (" or 08-13" if every_year else ""))


def _working_hours(cells: Mapping[str, str]) -> str | None:
    begins, ends = cells.get("break_begins"), cells.get("break_ends")
    if cells["opens"] >= cells["closes"]:
        return "opens is not before closes"
    if (begins is None) != (ends is None):
        return "a break needs break_begins and break_ends"
    if begins and ends and not cells["opens"] <= begins <= ends <= cells["closes"]:
        return "the break is not between opens and closes"
    return None


def _days(cells: Mapping[str, str]) -> str | None:
    begins, ends = cells.get("from_day"), cells.get("to_day")
    if begins and ends and len(begins) != len(ends):
        return "from_day and to_day are not both with a year, or both without"
    if begins and ends and len(begins) == len("2026-08-13") and begins > ends:
        return "from_day is after to_day"
    return None


def _capacity(cells: Mapping[str, str]) -> str | None:
    if ("hours_per_day" in cells) == ("share" in cells):
        return "a line has either hours_per_day or share"
    return _days(cells)


_NAME, _NEEDED = Column(_text), Column(_text, required=True)
_YEARLY = partial(_day, every_year=True)
FILES: Mapping[str, File] = {
    "status_map": File(
        {
            "project_key": _NAME,
            "status": _NEEDED,
            "stage": Column(_choice("waiting", "active", "review", "done"), required=True),
        },
        key=("project_key", "status"),
    ),
    "working_hours": File(
        {
            "space_key": _NAME,
            "weekday": Column(_number(1, 7, whole=True), required=True),
            "opens": Column(_time, required=True),
            "closes": Column(_time, required=True),
            "break_begins": Column(_time),
            "break_ends": Column(_time),
        },
        key=("space_key", "weekday"),
        wrong=_working_hours,
    ),
    "calendar_settings": File(
        {
            "space_key": _NAME,
            "country": _NEEDED,
            "fiscal_year_begins": Column(_number(1, 12, whole=True), required=True),
        },
        key=("space_key",),
    ),
    "days_off": File(
        {
            "space_key": _NAME,
            "from_day": Column(_YEARLY, required=True),
            "to_day": Column(_YEARLY),
            "is_working": Column(_choice("true", "false")),
            "name": _NAME,
        },
        wrong=_days,
    ),
    "capacity": File(
        {
            "space_key": _NAME,
            "person": _NEEDED,
            "project_key": _NAME,
            "from_day": Column(_day),
            "to_day": Column(_day),
            "hours_per_day": Column(_number(0, 24)),
            "share": Column(_number(0, 1)),
        },
        wrong=_capacity,
    ),
    "baselines": File(
        {
            "space_key": _NAME,
            "project_key": _NEEDED,
            "baseline_day": Column(_day, required=True),
        },
        key=("space_key", "project_key"),
    ),
    "units": File(
        {
            "space_key": _NAME,
            "hours_per_day": Column(_number(0.25, 24), required=True),
            "days_per_month": Column(_number(1, 31), required=True),
        },
        key=("space_key",),
    ),
}
