"""What a chart draws, and what all charts do with days, names and texts."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from assets.marts.charts.words import clean

Rows = list[dict[str, Any]]
DAY = 86_400
_FIRST = date(1970, 1, 1)


@dataclass(frozen=True)
class Drawn:
    """What a chart draws, and the numbers below its title."""

    said: str
    rows: Rows
    marks: Rows = field(default_factory=list)
    params: Rows = field(default_factory=list)


NOTHING = Drawn("", [])


def ms(day: Any) -> int | None:
    """Return a day or an instant of the space's zone as milliseconds, as if that zone were UTC."""
    if pd.isna(day):
        return None
    # A timestamp of pandas takes ten times as long, and some charts have thousands of days.
    return (
        (day - _FIRST).days * DAY * 1000
        if type(day) is date
        else int(pd.Timestamp(day).timestamp() * 1000)
    )


def cut_text(text: object, most: int = 26) -> str:
    """Return a text of the source as one line of so many letters at most; a full-width one counts
    for two.
    """
    line = clean(text)
    if _letters(line) <= most:
        return line
    while _letters(line) >= most:
        line = line[:-1]
    return line.rstrip() + "…"


def _letters(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WFA" else 1 for one in line)


def distinct_names(names: Iterable[Any], most: int) -> dict[Any, str]:
    """Return names cut short, and still different: those that look the same have letters at their
    end that nobody sees.
    """
    made: dict[Any, str] = {}
    for name in names:
        if name not in made:
            short = cut_text(name, most)
            made[name] = short + "\u200b" * sum(
                one.rstrip("\u200b") == short for one in made.values()
            )
    return made
