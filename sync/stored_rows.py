"""The stored rows of a table: a few of them, how many of a month, and when one was last written."""

import operator
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, func, or_, select

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from sync.month_windows import Calendar

#: Columns that say nothing to a reader of a few rows.
_NOT_SHOWN = {"space_key", "payload", "content_hash", "run_id"}


def last_written(engine: Engine, spec: TableSpec, space_key: str) -> datetime | None:
    """Return when a row of a space was last written, marks of deletion included; None while there
    is none.
    """
    rows = spec.table.c
    with engine.connect() as connection:
        written: datetime | None = connection.execute(
            select(func.max(rows.loaded_at)).where(rows.space_key == space_key)
        ).scalar_one()
    return written


def first_rows(engine: Engine, spec: TableSpec, space_key: str) -> list[dict[str, Any]]:
    """Return a few rows to be shown, without payload and without the columns that
    identify people.
    """
    return _newest_rows(engine, spec, space_key, 10, list(spec.table.primary_key))


def newest_rows(engine: Engine, spec: TableSpec, space_key: str) -> list[dict[str, Any]]:
    """Return the rows with the highest keys, only a few, since a partition is shown next to many
    others.
    """
    return _newest_rows(
        engine, spec, space_key, 5, [column.desc() for column in spec.table.primary_key]
    )


def _newest_rows(
    engine: Engine, spec: TableSpec, space_key: str, limit: int, order: Sequence[ColumnElement[Any]]
) -> list[dict[str, Any]]:
    columns = [column for column in spec.table.c if column.name not in _NOT_SHOWN | spec.of_people]
    query = (
        select(*columns).where(spec.table.c.space_key == space_key).order_by(*order).limit(limit)
    )
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def issues_by_month(
    engine: Engine,
    space_key: str,
    project_ids: Collection[int],
    months: Collection[str],
    calendar: Calendar,
) -> Mapping[tuple[int, str], int]:
    """Count the stored issues of projects, by project and month of their last change, from the
    first to the last of some months.
    """
    issues = SPECS["issues"].table.c
    month = _month(calendar)
    query = (
        select(issues.project_id, month, func.count())
        .where(
            issues.space_key == space_key,
            issues.project_id.in_(project_ids),
            issues.deleted_at.is_(None),
            *_changed_within(months, calendar),
        )
        .group_by(issues.project_id, month)
    )
    return _count_by_month(engine, query, calendar)


def rows_by_month(
    engine: Engine,
    spec: TableSpec,
    space_key: str,
    cells: Collection[tuple[int, str]],
    calendar: Calendar,
) -> Mapping[tuple[int, str], int]:
    """Count the stored rows that hang on issues, by project and month of the issue's last change,
    in these only.
    """
    issues, rows = SPECS["issues"].table.c, spec.table.c
    month = _month(calendar)
    query = (
        select(issues.project_id, month, func.count())
        .select_from(
            SPECS["issues"].table.join(
                spec.table, (rows.space_key == issues.space_key) & (rows.issue_id == issues.id)
            )
        )
        .where(
            issues.space_key == space_key,
            issues.project_id.in_(sorted({project_id for project_id, _ in cells})),
            rows.deleted_at.is_(None),
            *_changed_within([month for _, month in cells], calendar),
        )
        .group_by(issues.project_id, month)
    )
    return _count_by_month(engine, query, calendar)


def _changed_within(months: Collection[str], calendar: Calendar) -> list[ColumnElement[bool]]:
    """Choose the issues that changed last within the stretch of some months; by index where it has
    a beginning.
    """
    issues = SPECS["issues"].table.c
    since, until = calendar.span(months)
    bounds = [(operator.ge, since), (operator.lt, until)]
    return [
        or_(
            within(issues.updated_at, bound),
            and_(issues.updated_at.is_(None), within(issues.created_at, bound)),
        )
        for within, bound in bounds
        if bound is not None
    ]


def _month(calendar: Calendar) -> ColumnElement[Any]:
    issues = SPECS["issues"].table.c
    return func.to_char(
        func.timezone(calendar.timezone, func.coalesce(issues.updated_at, issues.created_at)),
        "YYYY-MM",
    )


def _count_by_month(
    engine: Engine, query: Select[Any], calendar: Calendar
) -> Mapping[tuple[int, str], int]:
    counted: dict[tuple[int, str], int] = defaultdict(int)
    with engine.connect() as connection:
        for project_id, text, count in connection.execute(query):
            counted[project_id, max(text or calendar.first, calendar.first)] += count
    return counted
