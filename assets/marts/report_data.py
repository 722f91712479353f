"""What the page of the report holds: columns with dictionaries, made from the marts, which the page
filters by itself.

An issue is a row that is not deleted; open ones come first and have more columns. Days are numbers
since 1970, in the space's zone. Histories are differences: what comes to a day and what leaves it,
by project, type and person, so that any choice can be added up.
"""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from assets.marts import report_queries as queries
from assets.marts.charts.words import clean

#: Issues in a page at most: of more, those done longest ago are left out, and the page says so.
MOST_ISSUES = 200_000
#: Open issues with their summary, the ones that need attention first; changes of the last days;
#: milestones with their history.
MOST_SUMMARIES, MOST_CHANGES, MOST_BURNS = 20_000, 3_000, 150
SUMMARY_LETTERS = 90
FLOW_WEEKS, EFFORT_MONTHS, DAYS_AHEAD, CHANGED_DAYS = 105, 24, 400, 7
_EPOCH = date(1970, 1, 1).toordinal()

#: Columns that only open issues have.
OPEN_ONLY = ("due", "first_due", "start", "age", "stay", "priority", "risk", "faster", "weeks")
#: Each table of the page besides the issues: its query, the marts that it needs, its columns.
TABLES = {
    "milestones": (queries.MILESTONES, ("milestone_summary", "forecast"),
        "name archived start due by_50 by_85 reason state"),
    "flow": (queries.FLOW, ("issue", "issue_history"), "k stage n"),
    "burn": (queries.BURN, ("issue", "issue_history", "milestone_summary"), "day scope done"),
    "effort": (queries.EFFORT, ("issue", "issue_plan", "calendar", "hours_ledger"),
        "month planned actual"),
    "reopened": (queries.REOPENED, ("issue", "reopen_event"), "day"),
    "changed": (queries.CHANGED, ("issue", "reopen_event", "due_date"), "what n"),
    "changes": (queries.CHANGES, ("issue", "issue_status_interval", "reopen_event", "due_date"),
        "n what day by summary more"),
    "capacity": (queries.CAPACITY, ("capacity",), "week hours"),
    "earned": (queries.EARNED, ("earned_value_project",), "day planned baseline earned cost"),
    "verdicts": (queries.VERDICTS, ("earned_value_project", "forecast"),
        ("verdict spi cpi baseline_spi is_cpi_reliable cost_coverage schedule_variance "
         "cost_variance expected_cost budget_hours due by_50 by_85")),
    "velocity": (queries.VELOCITY, ("velocity", "milestone_summary"),
        "due committed added removed done carried done_hours actual_hours"),
}  # fmt: skip

Table = dict[str, list[Any]]


class Numbers:
    """Numbers things in the order in which they come: 0, 1, 2."""

    def __init__(self) -> None:
        self.found: dict[Any, int] = {}

    def of(self, key: Any) -> int:
        """Return the number of a thing."""
        return self.found.setdefault(key, len(self.found))


@dataclass
class _Reader:
    """Reads queries; what they name is numbered, the same in all tables."""

    connection: Connection
    built: set[str]
    values: dict[str, Any]

    def rows(self, query: str, *marts: str) -> Sequence[Any]:
        """Return the rows of a query, none where one of its marts is not there yet."""
        if not set(marts) <= self.built:
            return []
        return self.connection.execute(
            text(query), {name: value for name, value in self.values.items() if f":{name}" in query}
        ).all()


def day_number(day: date | None) -> int | None:
    """Return a day as the page has it."""
    return None if day is None else day.toordinal() - _EPOCH


def collect(
    connection: Connection, built: set[str], project: str | None, now: datetime
) -> dict[str, Any]:
    """Return the data of all projects or of one, as of an instant of the zone of the page."""
    today = now.date()
    values = {
        "project": project, "now": now, "today": today, "weeks": FLOW_WEEKS,
        "months": EFFORT_MONTHS, "days": CHANGED_DAYS,
        "most": MOST_ISSUES, "burns": MOST_BURNS, "ahead": DAYS_AHEAD, "changes": MOST_CHANGES,
    }  # fmt: skip
    reader = _Reader(connection, built, values)
    projects, types, people, statuses, stones = (Numbers() for _ in range(5))
    listed = reader.rows(queries.PROJECTS, "project_summary")
    for row in listed:
        projects.of((row.space_key, row.project_id))
    people.of(None)  # 0: nobody
    for row in reader.rows(queries.MILESTONES, *TABLES["milestones"][1]):
        stones.of((row.space_key, row.milestone_id))
    codes = _Codes(projects, types, people, stones)
    first = reader.rows(queries.FIRST_WEEK, "calendar")
    tables = {"issues": _issues(reader, codes, statuses)} | {
        name: codes.table(reader.rows(query, *marts), *columns.split())
        for name, (query, marts, columns) in TABLES.items()
    }
    found = {
        "today": day_number(today),
        "first_week": day_number(first[0].day if first and first[0].day else today),
        "tables": tables,
        "total": sum(row.issues for row in listed),
        "limits": queries.LIMITS,
    }
    names = {
        (row.space_key, row.user_id): clean(row.user_name)
        for row in reader.rows(queries.PEOPLE, "dim_person")
    }
    named = {(row.space_key, row.project_id): row for row in listed}
    teams: list[dict[str, Any]] = [
        {
            "name": clean(row.name),
            "people": [
                people.found[(row.space_key, one)]
                for one in row.member_ids or ()
                if (row.space_key, one) in people.found
            ],
        }
        for row in reader.rows(queries.TEAMS)
    ]
    # Team 0 of the marts: everybody who is in no team, and nobody. Its name is a word of the page.
    working = {one for table in tables.values() for one in table.get("a", ())}
    teams.append(
        {"name": None, "people": sorted(working.difference(*(team["people"] for team in teams)))}
    )
    return found | {
        "projects": [_project(named.get(one)) for one in projects.found],
        "types": ["" if one is None else clean(one) for one in types.found],
        "people": [names.get(one, "?") if one else "" for one in people.found],
        "teams": [team for team in teams if team["people"]],
        "statuses": [{"name": clean(name), "stage": stage} for name, stage in statuses.found],
    }  # fmt: skip


@dataclass
class _Codes:
    projects: Numbers
    types: Numbers
    people: Numbers
    stones: Numbers

    def table(self, rows: Sequence[Any], *columns: str) -> Table:
        """Return rows as columns: `p`, `t`, `a` and `m` (project, type, person and milestone) where
        they have them, and those that are named.
        """
        numbered = (
            ("p", "project_id", self.projects), ("a", "person_id", self.people),
            ("m", "milestone_id", self.stones),
        )  # fmt: skip
        known = rows[0]._fields if rows else ()
        made: Table = {}
        for name, field, numbers in numbered:
            if field in known:
                made[name] = [
                    numbers.of(None if key is None else (row.space_key, key))
                    for row in rows
                    for key in (getattr(row, field),)
                ]
        if "issue_type" in known:
            made["t"] = [self.types.of(row.issue_type) for row in rows]
        for name in columns:
            made[name] = [_plain(getattr(row, name)) for row in rows]
        return made


def _project(row: Any) -> dict[str, Any]:
    """Return a project; one that is gone, and has issues yet, is only known by a number."""
    if row is None:
        return {"key": "?", "name": "?", "archived": False, "url": None}
    return {
        "key": clean(row.project_key),
        "name": clean(row.project_name),
        "archived": bool(row.archived),
        "url": row.url,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return day_number(value)
    if isinstance(value, str):
        return clean(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _issues(reader: _Reader, codes: _Codes, statuses: Numbers) -> Table:
    rows = reader.rows(queries.ISSUES, "issue", "issue_plan", "wip_aging", "calendar")
    made = codes.table(rows, "n", "created", "done", "lead", "cycle", "estimated", "actual")
    made["s"] = [statuses.of((row.status, row.stage)) for row in rows]
    # Most issues are in one milestone at most: a number, or none.
    made["m"] = [_stones(row, codes.stones) for row in rows]
    opened = [row for row in rows if row.stage != "done"]
    made |= {name: [_plain(getattr(row, name)) for row in opened] for name in OPEN_ONLY}
    made["summary"] = [
        clean(row.summary)[:SUMMARY_LETTERS] if row.place <= MOST_SUMMARIES else None
        for row in opened
    ]
    return made


def _stones(row: Any, stones: Numbers) -> Any:
    found = [
        stones.found[key]
        for one in row.milestone_ids or ()
        if (key := (row.space_key, one)) in stones.found
    ]
    return found[0] if len(found) == 1 else found or None


def packed(data: Mapping[str, Any]) -> str:
    """Return data as text that can stand in a page: JSON, compressed, in letters without a meaning
    in HTML.
    """
    raw = json.dumps(
        data, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=float
    ).encode()
    return base64.b64encode(gzip.compress(raw, 6, mtime=0)).decode()
