"""Which charts there are: the mart that each stands on, the rows that it takes, and what draws
them.

A test compares what a chart adds up with the metrics. Days, weeks and months are those of the
space's zone. What a picture cannot show is not read: series of days are thinned here, to a number
that it can hold, counted back from the last day.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from assets.marts.charts import specs
from assets.marts.charts.draw import picture
from assets.marts.charts.parts import Spec
from assets.marts.charts.words import both, clean

#: Points of a line or area, and dots, at most.
_POINTS, _DOTS = 100, 500


def _namesakes_apart(name: str, by: str) -> str:
    """Return SQL of a name with letters of no width after it, so that namesakes and equal keys of
    two spaces stay apart.
    """
    return (
        f"{name} || repeat(chr(8203), (dense_rank() OVER (PARTITION BY {name} "
        f"ORDER BY {by}) - 1)::int)"
    )


_FLOW = f"""
    WITH span AS MATERIALIZED (SELECT max(day) AS last_day, least(max(day) - min(day), 365) AS days
        FROM mart.flow_daily),
    sums AS (
        SELECT space_key, project_key, day, stage, sum(issues) AS issues FROM mart.flow_daily
        WHERE day >= (SELECT last_day - days FROM span)
          AND ((SELECT last_day FROM span) - day) % (SELECT days / {_POINTS} + 1 FROM span) = 0
        GROUP BY space_key, project_key, day, stage
    ),
    largest AS (
        SELECT space_key, project_key,
            row_number() OVER (ORDER BY sum(issues) DESC, project_key, space_key) AS place
        FROM sums WHERE day = (SELECT last_day FROM span) GROUP BY space_key, project_key
    )
    SELECT {_namesakes_apart("m.project_key", "m.space_key")} AS project, l.place, m.day, m.stage,
        array_position(ARRAY['done', 'review', 'active', 'waiting'], m.stage) - 1 AS "order",
        m.issues::float8 AS issues,
        CASE WHEN m.day = (SELECT last_day FROM span) THEN m.issues ELSE 0 END AS at_last
    FROM sums AS m LEFT JOIN largest AS l USING (space_key, project_key)
"""  # noqa: S608 - made of constants
#: A week that is not there is one in which nothing happened.
_THROUGHPUT = """
    WITH ends AS (SELECT greatest(min(week), max(week) - 7 * 52) AS first, max(week) AS last
        FROM mart.throughput_weekly)
    SELECT w.week::date AS week, coalesce(sum(t.created), 0)::int AS created,
        coalesce(sum(t.done), 0)::int AS done, coalesce(sum(t.reopened), 0)::int AS reopened
    FROM ends AS e
    CROSS JOIN generate_series(e.first, e.last, interval '7 days') AS w (week)
    LEFT JOIN mart.throughput_weekly AS t ON t.week = w.week::date
    GROUP BY w.week
"""
#: A point is a row of the mart: nothing is added up.
_BURN = f"""
    SELECT m.project_key, m.space_key || '/' || m.milestone_id AS milestone_id,
        {_namesakes_apart("m.project_key || ' ' || m.milestone", "m.milestone_id")} AS name,
        m.milestone, m.day, m.scope::float8 AS scope, m.done::float8 AS done,
        dense_rank() OVER (ORDER BY r.left_open DESC, m.space_key, m.milestone_id) AS place,
        m.is_last, v.release_due_date AS due_date
    FROM (
        SELECT space_key, milestone_id, max(day) AS last_day, max(day) - min(day) AS days,
            max(scope - done) FILTER (WHERE is_last) AS left_open
        FROM mart.milestone_burn GROUP BY space_key, milestone_id
    ) AS r
    JOIN raw.versions AS v
      ON v.space_key = r.space_key AND v.id = r.milestone_id AND v.deleted_at IS NULL
          AND v.archived IS NOT TRUE
    JOIN raw.projects AS p
      ON p.space_key = v.space_key AND p.id = v.project_id AND p.archived IS NOT TRUE
    JOIN mart.milestone_burn AS m ON m.space_key = r.space_key AND m.milestone_id = r.milestone_id
    WHERE (r.last_day - m.day) % (r.days / {_POINTS} + 1) = 0
"""  # noqa: S608
#: Whether a milestone will end in time, by 85 %, or after its due date by 50 %. `f`: the forecast.
STATE = """CASE
        WHEN {due} IS NULL THEN 'no_due'
        WHEN f.done_by_50 > {due} OR {due} < {today} THEN 'too_late'
        WHEN f.done_by_50 IS NULL THEN 'no_forecast'
        WHEN f.done_by_85 <= {due} THEN 'in_time'
        ELSE 'at_risk' END"""
_ENDS = f"""
    SELECT {_namesakes_apart("f.project_key || ' ' || f.milestone", "f.milestone_id")} AS milestone,
        f.as_of AS today, f.due_date AS due, f.done_by_50, f.done_by_85,
        {STATE.format(due="f.due_date", today="f.as_of")} AS state
    FROM mart.forecast AS f
    JOIN raw.versions AS v
      ON v.space_key = f.space_key AND v.id = f.milestone_id AND v.deleted_at IS NULL
          AND v.archived IS NOT TRUE
    WHERE f.is_last AND f.left_open > 0
      AND (f.done_by_50 IS NOT NULL OR abs(f.due_date - f.as_of) <= 120)
"""  # noqa: S608
_HOURS = f"""
    SELECT to_char(month, 'YYYY-MM') AS month,
        CASE WHEN user_id IS NOT NULL THEN {_namesakes_apart("user_name", "user_id")}
        END AS person, hours::float8 AS hours
    FROM (
        SELECT work_month AS month, user_id, user_name, sum(hours) AS hours
        FROM mart.hours_ledger WHERE NOT is_deleted GROUP BY work_month, user_id, user_name
    ) AS m
    WHERE month > (SELECT max(work_month) FROM mart.hours_ledger) - interval '24 months'
"""  # noqa: S608
_OVERDUE = f"""
    SELECT {_namesakes_apart("assignee", "assignee_id")} AS person, days_overdue,
        count(*) AS issues
    FROM mart.issue_now
    WHERE is_overdue AND NOT is_archived
    GROUP BY assignee_id, assignee, days_overdue
"""  # noqa: S608
_PLAN = """
    SELECT to_char(month, 'YYYY-MM') AS month, sum(planned_hours)::float8 AS planned,
        sum(actual_hours)::float8 AS actual
    FROM mart.plan_actual_monthly
    WHERE month > (SELECT max(month) FROM mart.plan_actual_monthly
        WHERE actual_hours <> 0) - interval '12 months'
      AND month <= (SELECT max(month) FROM mart.plan_actual_monthly
          WHERE actual_hours <> 0) + interval '2 months'
    GROUP BY month ORDER BY month
"""
_LOAD = f"""
    SELECT {_namesakes_apart("user_name", "user_id")} AS person, to_char(week, 'MM-DD') AS week,
        dense_rank() OVER (ORDER BY week) - 1 AS place, sum(hours)::float8 AS hours,
        max(capacity_hours)::float8 AS capacity, week AS monday
    FROM mart.upcoming_load
    WHERE NOT is_archived
    GROUP BY user_id, user_name, week
"""  # noqa: S608
#: Each dot of these is an issue.
_AGEING = """
    SELECT issue_key AS key, status, assignee AS person, risk,
        greatest(age_seconds, 60)::float8 / 86400 AS days,
        array_position(ARRAY['waiting', 'active', 'review', 'done'], stage) AS "order",
        count(*) OVER () AS issues
    FROM mart.wip_aging WHERE age_seconds IS NOT NULL AND NOT is_archived
    ORDER BY age_seconds DESC, issue_key LIMIT 400
"""
_CYCLE = f"""
    WITH took AS MATERIALIZED (
        SELECT i.issue_key, i.done_at AT TIME ZONE coalesce(z.timezone, 'UTC') AS done_at,
            greatest(i.cycle_seconds, 60)::float8 / 86400 AS days,
            row_number() OVER (ORDER BY i.done_at DESC, i.issue_id) AS n
        FROM mart.issue AS i LEFT JOIN raw.space AS z ON z.space_key = i.space_key
        WHERE NOT i.is_deleted AND i.cycle_seconds IS NOT NULL
    ),
    shares AS (
        SELECT count(*) AS issues,
            percentile_cont(ARRAY[0.5, 0.85, 0.95]) WITHIN GROUP (ORDER BY days) AS p
        FROM took
    )
    SELECT t.issue_key AS key, t.done_at AS at, t.days, s.issues, s.p[1] AS p50, s.p[2] AS p85,
        s.p[3] AS p95
    FROM took AS t CROSS JOIN shares AS s
    WHERE t.n % ((s.issues + {_DOTS - 1}) / {_DOTS})::int = 0
"""  # noqa: S608
_EARNED = f"""
    SELECT {_namesakes_apart("project_key", "space_key")} AS project, as_of AS day,
        dense_rank() OVER (ORDER BY project_key, space_key) AS place,
        planned_value::float8 AS planned, baseline_planned_value::float8 AS baseline,
        earned_value::float8 AS earned, actual_cost::float8 AS cost
    FROM mart.earned_value_project
    WHERE (is_week_end OR is_last) AND as_of > (SELECT max(as_of) FROM mart.earned_value_project
        WHERE is_last) - 7 * 52
"""  # noqa: S608
_VELOCITY = f"""
    SELECT {_namesakes_apart("project_key || ' ' || milestone", "milestone_id")} AS milestone,
        row_number() OVER (ORDER BY counted_to DESC, milestone_id) AS "order",
        committed, done, carried_over AS carried
    FROM mart.velocity
    WHERE state <> 'planned' AND committed + added > 0 AND NOT is_deleted
    ORDER BY counted_to DESC, milestone_id LIMIT 20
"""  # noqa: S608
#: From the start, or from what stands for it, to the due date that counts.
_GANTT = f"""
    SELECT {_namesakes_apart("g.issue_key || ' ' || g.summary", "g.space_key")} AS key,
        g.bar_start AS start,
        coalesce(g.first_due_date, g.bar_end) AS first_due, g.bar_end AS due,
        (now() AT TIME ZONE coalesce(z.timezone, 'UTC'))::date AS today,
        row_number() OVER (ORDER BY abs(g.days_moved) DESC NULLS LAST, g.bar_end, g.issue_id)
            AS "order",
        count(*) FILTER (WHERE g.days_moved <> 0) OVER () AS moved, count(*) OVER () AS issues
    FROM mart.gantt AS g LEFT JOIN raw.space AS z ON z.space_key = g.space_key
    WHERE g.stage <> 'done' AND NOT g.is_archived AND g.end_from IN ('issue', 'milestone')
    ORDER BY "order" LIMIT 10
"""  # noqa: S608


@dataclass(frozen=True)
class Chart:
    """A chart and the mart with whose build it is shown. `said` is the line below its title; it
    names sums of columns, or `n`, the number of rows.
    """

    mart: str
    word: str
    query: str
    spec: Callable[[], Spec]
    said: str

    @property
    def title(self) -> str:
        """The title in both languages."""
        return both(self.word)

    def svg(self, connection: Connection, read: float) -> str:
        """Return the picture of all projects; `read` is the share of histories that are read."""
        return self.draw(connection.execute(text(self.query)).mappings().all(), read)

    def draw(self, rows: Sequence[Mapping[Any, Any]], read: float = 1.0) -> str:
        """Return the picture of the rows of a mart; below its title it says so while histories are
        missing.
        """
        if not rows:
            return picture(self.spec(), self.word, "", [])
        shown = [{name: _shown(value) for name, value in row.items()} for row in rows]
        said = self.said.format(n=len(rows), **{name: _Column(rows, name) for name in rows[0]})
        if read < 1:
            said += f"\n{both('note_share').format(share=int(read * 100))}"
        return picture(self.spec(), self.word, said, shown)


class _Column:
    """A column as the line below a title names it: its sum, its first value, or from when to when
    it goes.
    """

    def __init__(self, rows: Sequence[Mapping[Any, Any]], name: str) -> None:
        self.values = [row[name] for row in rows if row[name] is not None]

    def __format__(self, form: str) -> str:
        if form == "span":
            ends = [min(self.values), max(self.values)] if self.values else []
            return " – ".join(f"{day:%Y-%m-%d}" for day in ends)
        return (
            f"{next(iter(self.values), 0):,}" if form == "first" else format(sum(self.values), form)
        )


def _shown(value: Any) -> Any:
    """Return a value as charts take it. A day or an instant of the space's zone is milliseconds, as
    if that zone were UTC.
    """
    if isinstance(value, datetime):
        return int(value.replace(tzinfo=UTC).timestamp() * 1000)
    if isinstance(value, date):
        return (value.toordinal() - date(1970, 1, 1).toordinal()) * 86_400_000
    if isinstance(value, str):
        # Letters of no width keep namesakes apart.
        return clean(value)
    return float(value) if isinstance(value, Decimal) else value


#: One at most for each mart.
CHARTS = (
    Chart("issue_now", "overdue_title", _OVERDUE, specs.overdue, "課題 / issues {issues:,}"),
    Chart("wip_aging", "ageing_title", _AGEING, specs.ageing,
          "最後の着手から / since last started · 課題 / issues {issues:first}"),
    Chart("upcoming_load", "load_title", _LOAD, specs.load,
          "残り時間 / 稼働可能時間、月曜始まりの週 / hours left / capacity, weeks from Monday · "
          "合計 / total {hours:,.1f} h"),
    Chart("milestone_burn", "burn_title", _BURN, specs.burns,
          "残りの多い順 / most left to do first · 完了 / 範囲 (done / in scope)"),
    Chart("forecast", "milestones_title", _ENDS, specs.milestones,
          "期限の早い順 / first by due date · {n:,} · 濃い色は 50 %、薄い色は 85 % の見込み / "
          "dark: with 50 %, pale: with 85 %"),
    Chart("plan_actual_monthly", "plan_title", _PLAN, specs.plan,
          "予定 / planned {planned:,.1f} h · 実績 / actual {actual:,.1f} h"),
    Chart("flow_daily", "flow_title", _FLOW, specs.flow_of_projects,
          "{day:span} · 課題 / issues {at_last:,.0f}"),
    Chart("throughput_weekly", "throughput_title", _THROUGHPUT, specs.throughput,
          "{week:span} · 完了 / done {done:,} · 登録 / created {created:,} · "
          "再オープン / reopened {reopened:,}"),
    Chart("issue", "cycle_title", _CYCLE, specs.cycle,
          "着手から完了まで / from started to done · 課題 / issues {issues:first}, "
          "点 / dots {n:,}"),
    Chart("hours_ledger", "hours_title", _HOURS, specs.hours,
          "実績時間の増減を入力した月と人で / by the month and person of entry · 合計 / total "
          "{hours:,.1f} h"),
    Chart("earned_value_project", "earned_title", _EARNED, specs.earned_of_projects,
          "時間 / hours, {day:span}"),
    Chart("velocity", "velocity_title", _VELOCITY, specs.velocity,
          "{n:,} · 完了 / done {done:,}"),
    Chart("gantt", "gantt_title", _GANTT, specs.gantt,
          "変更の大きい順 / moved furthest first · 期限のある未完了の課題 / open issues with a due "
          "date {issues:first} · 変更あり / moved {moved:first}"),
)  # fmt: skip
