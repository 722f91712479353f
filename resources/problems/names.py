"""Names of partitions and runs for people: without ids and long lists."""

import re
from collections.abc import Iterable
from typing import Final, Literal

Language = Literal["en", "ja"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ja")
#: What stands between the corners of a range of partitions.
CORNERS = " … "
#: The most partitions or projects that are listed one by one.
MOST = 3

_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {"month": "{project}, {month}", "months": "{project}, {count} months"}
    | {"to": "{first} to {last}", "projects": "{shown} and {more} more projects", "next": "; "},
    "ja": {"month": "{project}、{month}", "months": "{project}、{count} か月分"}
    | {"to": "{first} から {last}", "projects": "{shown} ほか {more} プロジェクト", "next": "、"},
}


def name_partitions(keys: Iterable[str], language: Language = "en") -> str:
    """Return a name for partitions of months, such as `OPS|2026-01`, by project: `OPS, 75
    months`.
    """
    months: dict[str, list[str]] = {}
    for key in keys:
        project, _, month = key.rpartition("|")
        months.setdefault(project, []).append(month)
    words = _WORDS[language]
    if len(months) > MOST:
        shown, more = ", ".join([*months][:MOST]), len(months) - MOST
        rest = [month for mine in months.values() for month in mine]
        months = {words["projects"].format(shown=shown, more=more): rest}
    return words["next"].join(
        _months(project, sorted({*mine}), len({*mine}), language)
        for project, mine in months.items()
    )


def name_range(partition: str, language: Language = "en") -> str:
    """Return a name for a partition, or for a range given by its corners, `OPS|2020-10 …
    OPS|2026-12`.

    A text of another form is returned unchanged.
    """
    corners = partition.split(CORNERS)
    if not all(re.fullmatch(r".+\|\d{4}-\d{2}", corner) for corner in corners):
        return partition
    projects, months = zip(*(corner.rsplit("|", 1) for corner in corners), strict=True)
    place = projects[0]
    if projects[0] != projects[-1]:
        place = _WORDS[language]["to"].format(first=projects[0], last=projects[-1])
    (first_year, first), (last_year, last) = (
        (int(part) for part in month.split("-")) for month in (months[0], months[-1])
    )
    return _months(place, months, 12 * (last_year - first_year) + last - first + 1, language)


def _months(project: str, months: Iterable[str], count: int, language: Language) -> str:
    return _WORDS[language]["month" if count == 1 else "months"].format(
        project=project, month=next(iter(months)), count=f"{count:,}"
    )


def name_job(name: str) -> str:
    """Return a name for the run of a job; Dagster has none for runs of assets that a person has
    selected.
    """
    return "backfill" if name.startswith("__") else f"job {name}"
