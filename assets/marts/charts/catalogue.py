"""Which charts there are: the mart that each stands on, the rows that it takes, and what draws
them.

A test compares what a chart adds up with the metrics. Days, weeks and months are those of the
space's zone. What a picture cannot show is not read: series of days are thinned here, to a number
that it can hold, counted back from the last day.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection, text

from assets.marts.charts import flow_rows, flow_specs, rows, specs
from assets.marts.charts.draw import picture
from assets.marts.charts.drawn import Drawn
from assets.marts.charts.parts import Spec
from assets.marts.charts.words import both

#: Points of a line or area at most.
_POINTS = 100


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
        FROM mart.flow_daily)
    SELECT {_namesakes_apart("project_key", "space_key")} AS project, day, stage, issues::float8 AS
        issues
    FROM (
        SELECT space_key, project_key, day, stage, sum(issues) AS issues
        FROM mart.flow_daily GROUP BY space_key, project_key, day, stage
    ) AS m
    WHERE day >= (SELECT last_day - days FROM span)
      AND ((SELECT last_day FROM span) - day) % (SELECT days / :points + 1 FROM span) = 0
"""  # noqa: S608 - made of constants
_THROUGHPUT = """
    SELECT week, sum(created)::int AS created, sum(done)::int AS done, sum(reopened)::int AS
        reopened
    FROM mart.throughput_weekly
    WHERE week > (SELECT max(week) FROM mart.throughput_weekly) - 7 * 53
    GROUP BY week
"""
#: A point is a row of the mart: nothing is added up.
_BURN = """
    SELECT m.project_key, m.space_key || '/' || m.milestone_id AS milestone_id, m.milestone, m.day,
        m.scope::float8 AS scope,
           m.done::float8 AS done, v.release_due_date AS due_date
    FROM (SELECT space_key, milestone_id, max(day) AS last_day, max(day) - min(day) AS days
          FROM mart.milestone_burn GROUP BY space_key, milestone_id) AS r
    JOIN raw.versions AS v
      ON v.space_key = r.space_key AND v.id = r.milestone_id AND v.deleted_at IS NULL
          AND v.archived IS NOT TRUE
    JOIN raw.projects AS p
      ON p.space_key = v.space_key AND p.id = v.project_id AND p.archived IS NOT TRUE
    JOIN mart.milestone_burn AS m ON m.space_key = r.space_key AND m.milestone_id = r.milestone_id
    WHERE (r.last_day - m.day) % (r.days / :points + 1) = 0
"""
_ENDS = """
    SELECT f.project_key, f.milestone, f.as_of, f.due_date, f.done_by_50, f.done_by_85, f.reason
    FROM mart.forecast AS f
    JOIN raw.versions AS v
      ON v.space_key = f.space_key AND v.id = f.milestone_id AND v.deleted_at IS NULL
          AND v.archived IS NOT TRUE
    WHERE f.is_last AND f.left_open > 0
"""
_HOURS = f"""
    SELECT month, CASE WHEN user_id IS NOT NULL THEN {_namesakes_apart("user_name", "user_id")}
        END AS person,
           hours::float8 AS hours
    FROM (
        SELECT work_month AS month, user_id, user_name, sum(hours) AS hours
        FROM mart.hours_ledger WHERE NOT is_deleted GROUP BY work_month, user_id, user_name
    ) AS m
    WHERE month > (SELECT max(work_month) FROM mart.hours_ledger) - interval '24 months'
"""  # noqa: S608
_OVERDUE = f"""
    SELECT {_namesakes_apart("assignee", "assignee_id")} AS person, days_overdue, count(*) AS issues
    FROM mart.issue_now
    WHERE is_overdue AND NOT is_archived
    GROUP BY assignee_id, assignee, days_overdue
"""  # noqa: S608
_PLAN = """
    SELECT month, sum(planned_hours)::float8 AS planned, sum(actual_hours)::float8 AS actual
    FROM mart.plan_actual_monthly
    WHERE month > (SELECT max(month) FROM mart.plan_actual_monthly
        WHERE actual_hours <> 0) - interval '12 months'
      AND month <= (SELECT max(month) FROM mart.plan_actual_monthly
          WHERE actual_hours <> 0) + interval '2 months'
    GROUP BY month
"""
_LOAD = f"""
    SELECT {_namesakes_apart("user_name", "user_id")} AS person, week, sum(hours)::float8 AS hours
    FROM mart.upcoming_load
    WHERE NOT is_archived
    GROUP BY user_id, user_name, week
"""  # noqa: S608
#: Each dot of these is an issue.
_AGEING = (
    "SELECT issue_key, stage, status, assignee, age_seconds::float8 AS age_seconds, "
    "risk FROM mart.wip_aging WHERE NOT is_archived"
)
_CYCLE = """
    SELECT i.issue_key, i.done_at AT TIME ZONE coalesce(z.timezone, 'UTC') AS done_at,
        i.cycle_seconds::float8 AS cycle_seconds
    FROM mart.issue AS i
    LEFT JOIN raw.space AS z ON z.space_key = i.space_key
    WHERE NOT i.is_deleted AND i.cycle_seconds IS NOT NULL
"""


@dataclass(frozen=True)
class Chart:
    """A chart and the mart with whose build it is shown."""

    mart: str
    word: str
    query: str
    spec: Callable[[], Spec]
    prepare: Callable[[pd.DataFrame], Drawn]
    #: What is drawn where the rows give no marks, if that is something else.
    without_marks: Callable[[], Spec] | None = None

    @property
    def title(self) -> str:
        """The title in both languages."""
        return both(self.word)

    def svg(self, connection: Connection, read: float) -> str:
        """Return the picture of all projects; `read` is the share of histories that are read."""
        found = connection.execute(
            text(self.query), {"points": _POINTS} if ":points" in self.query else {}
        )
        # As plain tuples: pandas asks each row of SQLAlchemy for names that it does not have.
        return self.draw(
            pd.DataFrame([tuple(row) for row in found], columns=list(found.keys())), read
        )

    def draw(self, frame: pd.DataFrame, read: float = 1.0) -> str:
        """Return the picture of the rows of a mart; below its title it says so while histories are
        missing.
        """
        drawn = self.prepare(frame)
        said = (
            drawn.said
            if read >= 1
            else f"{drawn.said}\n{both('note_share').format(share=int(read * 100))}"
        )
        spec = self.without_marks if self.without_marks and not drawn.marks else self.spec
        return picture(
            spec(), self.word, said, rows=drawn.rows, marks=drawn.marks, params=drawn.params
        )


#: One at most for each mart.
CHARTS = (
    Chart("issue_now", "overdue_title", _OVERDUE, specs.overdue, rows.overdue),
    Chart("wip_aging", "ageing_title", _AGEING, flow_specs.ageing, flow_rows.ageing),
    Chart("upcoming_load", "load_title", _LOAD, specs.load, rows.load),
    Chart("milestone_burn", "burn_title", _BURN, specs.burns, rows.burn),
    Chart("forecast", "milestones_title", _ENDS, specs.milestones, rows.ends),
    Chart("plan_actual_monthly", "plan_title", _PLAN, specs.plan, rows.plan),
    Chart(
        "flow_daily",
        "flow_title",
        _FLOW,
        flow_specs.flow_of_projects,
        flow_rows.flow,
        flow_specs.flow,
    ),
    Chart(
        "throughput_weekly",
        "throughput_title",
        _THROUGHPUT,
        flow_specs.throughput,
        flow_rows.throughput,
    ),
    Chart("issue", "cycle_title", _CYCLE, flow_specs.cycle, flow_rows.cycle),
    Chart("hours_ledger", "hours_title", _HOURS, specs.hours, rows.hours),
)
