"""The report: one page that opens anywhere, made from the marts as they are: charts and tables.

The page is `report.html.j2`, which escapes everything that it is given. Only charts go in as they are: they are escaped already.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Connection, Engine, text

from assets.marts.charts.words import clean, duration
from resources.variables import SettingsError
from resources.warehouse.locks import Locks
from resources.warehouse.sync_log import last_day

#: Rows of the tables that could be long.
OLDEST_SHOWN, MILESTONES_SHOWN, MONTHS_SHOWN, PEOPLE_SHOWN = 30, 40, 6, 30
_MINE = "(CAST(:project AS text) IS NULL OR project_key = :project)"
_PROJECTS = f"""
    SELECT project_key, project_name, archived, issues, waiting, active, review, done, estimated_hours, actual_hours,
           lead_seconds_median::float8, lead_seconds_p85::float8, cycle_seconds_median::float8, cycle_seconds_p85::float8
    FROM mart.project_summary WHERE NOT is_deleted AND {_MINE}
    ORDER BY archived, issues DESC, project_key
"""  # noqa: S608 - made of constants
_MILESTONES = f"""
    SELECT project_key, milestone, start_date, due_date, issues, in_progress, done, estimated_hours, actual_hours
    FROM mart.milestone_summary WHERE NOT is_deleted AND NOT coalesce(archived, false) AND {_MINE}
    ORDER BY (issues > done) DESC, due_date NULLS LAST, project_key, milestone LIMIT {MILESTONES_SHOWN}
"""  # noqa: S608
_OLDEST = f"""
    SELECT issue_key, summary, status, assignee, age_seconds::float8, risk, share_of_peers_faster::float8
    FROM mart.wip_aging WHERE {_MINE} ORDER BY age_seconds DESC NULLS LAST, issue_key LIMIT {OLDEST_SHOWN}
"""  # noqa: S608
_HOURS = """
    SELECT h.work_month, coalesce(h.user_name, '–') AS person, sum(h.hours) AS hours
    FROM mart.hours_ledger AS h
    LEFT JOIN raw.projects AS p ON p.space_key = h.space_key AND p.id = h.project_id
    WHERE NOT h.is_deleted AND (CAST(:project AS text) IS NULL OR p.project_key = :project)
    GROUP BY h.work_month, h.user_id, h.user_name ORDER BY h.work_month DESC, person
"""
_FRESHNESS = f"""
    SELECT project_key, last_success_at, last_error, newest_event_at AS newest_change_at, verified_at, is_equal, differences
    FROM mart.sync_freshness WHERE table_name = 'issues' AND {_MINE} ORDER BY last_success_at NULLS FIRST, project_key
"""  # noqa: S608
_TABLES = {
    "projects": ("project_summary", _PROJECTS),
    "milestones": ("milestone_summary", _MILESTONES),
    "oldest": ("wip_aging", _OLDEST),
    "hours": ("hours_ledger", _HOURS),
    "freshness": ("sync_freshness", _FRESHNESS),
}


class NoMartsError(RuntimeError):
    """The marts have not been built."""


@dataclass(frozen=True)
class Hours:
    """Hours by person and month: the newest months, the people with most hours in them first."""

    months: Sequence[date]
    people: Sequence[tuple[str, Sequence[Any], Any]]
    totals: Sequence[Any]


def report(
    engine: Engine,
    zone: ZoneInfo,
    project: str | None = None,
    *,
    turn_seconds: float = 120.0,
    waiting: Callable[[str], None] = lambda _holder: None,
) -> str:
    """Return the page of all projects or of one; everything in it is of one build.

    Args:
        engine: the warehouse.
        zone: the zone of the times in the page.
        project: the key of the only project.
        turn_seconds: how long to wait for a build that is at work, which puts new marts in the place of the old ones one by one.
        waiting: called with the build it waits for, when there is one.

    Raises:
        NoMartsError: there is nothing to report.
        SettingsError: there is no project with this key.
        WarehouseError: the warehouse cannot be used.
    """
    with Locks(engine, "all spaces", "report") as locks, engine.connect() as connection:
        locks.acquire("marts", turn_seconds, waiting)
        built = set(connection.execute(text("SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('mart')")).scalars())
        if "project_summary" not in built:
            raise NoMartsError("There are no marts to report on: build them (backlog-elt marts; automatic under `up`).")
        known = connection.execute(text("SELECT project_key FROM mart.project_summary ORDER BY project_key")).scalars().all()
        if project is not None and project not in known:
            listed = ", ".join(str(key) for key in known[:10]) or "none"
            raise SettingsError("--project", project, f"the key of a project in the marts ({listed})")
        tables = {name: _rows(connection, query, project) if mart in built else None for name, (mart, query) in _TABLES.items()}
        spaces = {
            row.space_key: row.name for row in connection.execute(text("SELECT space_key, name FROM raw.space ORDER BY name"))
        }
        page: dict[str, Any] = {
            **tables,
            "hours": None if tables["hours"] is None else _by_person(tables["hours"]),
            "spaces": [f"{name} ({space})" for space, name in spaces.items()],
            "charts": _charts(connection, project, built),
            "project": project,
            "last_day": [(space, last_day(engine, space)[0]) for space in spaces],
            "made_at": datetime.now(UTC),
        }
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": lambda at: at.astimezone(zone).strftime("%Y-%m-%d %H:%M") if at else "–",
        "duration": lambda seconds: "–" if seconds is None else duration(seconds),
        "number": lambda value: "–" if value is None else f"{value:,.1f}".removesuffix(".0"),
        "percent": lambda value: "–" if value is None else f"{100 * value:.1f} %",
        "text": lambda value: "–" if value is None else clean(value),
    }
    return environment.get_template("report.html.j2").render(page, zone=zone.key)


def _charts(connection: Connection, project: str | None, built: set[str]) -> list[tuple[str, Markup]]:
    from assets.marts.charts.catalogue import CHARTS  # matplotlib takes half a second to import

    # Markup: matplotlib has escaped the texts of the source.
    return [(chart.mart, Markup(chart.svg(connection, project))) for chart in CHARTS if chart.mart in built]  # noqa: S704


def _rows(connection: Connection, query: str, project: str | None) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(text(query), {"project": project}).mappings()]


def _by_person(rows: Sequence[Mapping[str, Any]]) -> Hours:
    months = sorted({row["work_month"] for row in rows}, reverse=True)[:MONTHS_SHOWN]
    booked: dict[str, dict[date, Any]] = {}
    for row in rows:
        if row["work_month"] in months:
            of_person = booked.setdefault(row["person"], {})
            of_person[row["work_month"]] = of_person.get(row["work_month"], 0) + row["hours"]
    people = sorted(booked, key=lambda person: (-sum(booked[person].values()), person))
    return Hours(
        months,
        [(one, [booked[one].get(month) for month in months], sum(booked[one].values())) for one in people[:PEOPLE_SHOWN]],
        [sum(booked[one].get(month, 0) for one in people) for month in months],
    )
