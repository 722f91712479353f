"""Which charts there are: the mart that each stands on, the rows that it takes, and what draws them.

Days, weeks and months are those of the space's zone. What a picture cannot show is not read: series of days are thinned here, to a
number that it can hold, counted back from the last day.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection, text

from assets.marts.charts import rows, specs
from assets.marts.charts.draw import picture
from assets.marts.charts.parts import Spec
from assets.marts.charts.rows import Drawn
from assets.marts.charts.words import both

#: Points of a line or area at most.
_POINTS = 100

_FLOW = """
    SELECT f.project_key AS project, f.day, f.stage, sum(f.issues)::float8 AS issues
    FROM mart.flow_daily AS f
    CROSS JOIN (SELECT max(day) AS last_day, least(max(day) - min(day), 365) AS days FROM mart.flow_daily) AS r
    WHERE f.day >= r.last_day - r.days AND (r.last_day - f.day) % (r.days / :points + 1) = 0
    GROUP BY f.project_key, f.day, f.stage
"""
_THROUGHPUT = """
    SELECT week, sum(created)::int AS created, sum(done)::int AS done, sum(reopened)::int AS reopened
    FROM mart.throughput_weekly
    WHERE week > (SELECT max(week) FROM mart.throughput_weekly) - 7 * 53
    GROUP BY week
"""
_CYCLE = """
    SELECT i.issue_key, i.done_at AT TIME ZONE coalesce(z.timezone, 'UTC') AS done_at, i.cycle_seconds::float8 AS cycle_seconds
    FROM mart.issue AS i
    LEFT JOIN raw.space AS z ON z.space_key = i.space_key
    WHERE NOT i.is_deleted AND i.cycle_seconds IS NOT NULL
"""
_BURN = """
    SELECT b.project_key, b.milestone_id, b.milestone, b.day, b.scope::float8 AS scope, b.done::float8 AS done, b.due_date
    FROM mart.milestone_burn AS b
    JOIN (SELECT space_key, milestone_id, max(day) AS last_day, max(day) - min(day) AS days
          FROM mart.milestone_burn GROUP BY space_key, milestone_id) AS r
      ON r.space_key = b.space_key AND r.milestone_id = b.milestone_id
    JOIN raw.versions AS v
      ON v.space_key = b.space_key AND v.id = b.milestone_id AND v.deleted_at IS NULL AND v.archived IS NOT TRUE
    WHERE (r.last_day - b.day) % (r.days / :points + 1) = 0
"""
_AGEING = "SELECT issue_key, stage, status, assignee, age_seconds::float8 AS age_seconds, risk FROM mart.wip_aging"
_HOURS = """
    SELECT work_month AS month, CASE WHEN user_id IS NOT NULL THEN user_name END AS person, sum(hours)::float8 AS hours
    FROM mart.hours_ledger
    WHERE NOT is_deleted AND work_month > (SELECT max(work_month) FROM mart.hours_ledger) - interval '24 months'
    GROUP BY work_month, user_id, user_name
"""
_OVERDUE = "SELECT assignee AS person, days_overdue AS days_late FROM mart.issue_now WHERE is_overdue"
_PLAN = """
    SELECT month, sum(planned_hours)::float8 AS planned, sum(actual_hours)::float8 AS actual FROM mart.plan_actual_monthly
    WHERE month > (SELECT max(month) FROM mart.plan_actual_monthly WHERE actual_hours <> 0) - interval '12 months'
      AND month <= (SELECT max(month) FROM mart.plan_actual_monthly WHERE actual_hours <> 0) + interval '2 months'
    GROUP BY month
"""
_LOAD = "SELECT user_name AS person, week, sum(hours)::float8 AS hours FROM mart.upcoming_load GROUP BY user_name, week"


@dataclass(frozen=True)
class Chart:
    """A chart and the mart with whose build it is shown."""

    mart: str
    word: str
    query: str
    spec: Callable[[], Spec]
    prepare: Callable[[pd.DataFrame], Drawn]

    @property
    def title(self) -> str:
        """The title in both languages."""
        return both(self.word)

    def svg(self, connection: Connection) -> str:
        """Return the picture of all projects."""
        found = connection.execute(text(self.query), {"points": _POINTS} if ":points" in self.query else {})
        # As plain tuples: pandas asks each row of SQLAlchemy for names that it does not have.
        return self.draw(pd.DataFrame([tuple(row) for row in found], columns=list(found.keys())))

    def draw(self, frame: pd.DataFrame) -> str:
        """Return the picture of the rows of a mart."""
        drawn = self.prepare(frame)
        spec = specs.flow() if self.spec is specs.flow_of_projects and not drawn.marks else self.spec()
        return picture(spec, self.word, drawn.said, rows=drawn.rows, marks=drawn.marks, params=drawn.params)


#: One at most for each mart.
CHARTS = (
    Chart("issue_now", "overdue_title", _OVERDUE, specs.overdue, rows.overdue),
    Chart("wip_aging", "ageing_title", _AGEING, specs.ageing, rows.ageing),
    Chart("upcoming_load", "load_title", _LOAD, specs.load, rows.load),
    Chart("milestone_burn", "burn_title", _BURN, specs.burns, rows.burn),
    Chart("plan_actual_monthly", "plan_title", _PLAN, specs.plan, rows.plan),
    Chart("flow_daily", "flow_title", _FLOW, specs.flow_of_projects, rows.flow),
    Chart("throughput_weekly", "throughput_title", _THROUGHPUT, specs.throughput, rows.throughput),
    Chart("issue", "cycle_title", _CYCLE, specs.cycle, rows.cycle),
    Chart("hours_ledger", "hours_title", _HOURS, specs.hours, rows.hours),
)
