"""Which charts there are: the mart that each stands on, the rows that it takes, and what draws them.

Days, weeks and months are those of the space's zone. What a chart cannot show is not read: series of days are thinned here, to a
number that a picture can hold, counted back from the last day.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection, text

from assets.marts.charts.durations import AGEING_TITLE, CYCLE_TITLE, ageing, cycle_times
from assets.marts.charts.effort import BURN_TITLE, HOURS_TITLE, burn_up, hours
from assets.marts.charts.flow import FLOW_TITLE, THROUGHPUT_TITLE, cumulative_flow, throughput

#: Points of a line or area at most.
_POINTS = 100

_FLOW = """
    SELECT f.project_key AS project, f.day, f.stage, sum(f.issues)::float8 AS issues
    FROM mart.flow_daily AS f
    CROSS JOIN (SELECT max(day) AS last_day, max(day) - min(day) AS days FROM mart.flow_daily
                WHERE CAST(:project AS text) IS NULL OR project_key = :project) AS r
    WHERE (CAST(:project AS text) IS NULL OR f.project_key = :project)
      AND (r.last_day - f.day) % (r.days / :points + 1) = 0
    GROUP BY f.project_key, f.day, f.stage
"""
_THROUGHPUT = """
    SELECT week, sum(created)::int AS created, sum(done)::int AS done, sum(reopened)::int AS reopened
    FROM mart.throughput_weekly
    WHERE (CAST(:project AS text) IS NULL OR project_key = :project)
      AND week > (SELECT max(week) FROM mart.throughput_weekly) - 7 * 104
    GROUP BY week
"""
_CYCLE = """
    SELECT i.done_at AT TIME ZONE coalesce(z.timezone, 'UTC') AS done_at, i.cycle_seconds::float8 AS cycle_seconds
    FROM mart.issue AS i
    LEFT JOIN raw.space AS z ON z.space_key = i.space_key
    WHERE NOT i.is_deleted AND i.cycle_seconds IS NOT NULL AND (CAST(:project AS text) IS NULL OR i.project_key = :project)
"""
_BURN = """
    SELECT b.project_key, b.milestone_id, b.milestone, b.day, b.scope::float8 AS scope, b.done::float8 AS done, b.due_date
    FROM mart.milestone_burn AS b
    JOIN (SELECT space_key, milestone_id, max(day) AS last_day, max(day) - min(day) AS days
          FROM mart.milestone_burn GROUP BY space_key, milestone_id) AS r
      ON r.space_key = b.space_key AND r.milestone_id = b.milestone_id
    WHERE (CAST(:project AS text) IS NULL OR b.project_key = :project) AND (r.last_day - b.day) % (r.days / :points + 1) = 0
"""
_AGEING = """
    SELECT issue_key, stage, status, age_seconds::float8 AS age_seconds, risk
    FROM mart.wip_aging
    WHERE CAST(:project AS text) IS NULL OR project_key = :project
"""
_HOURS = """
    SELECT h.work_month AS month, CASE WHEN h.user_id IS NOT NULL THEN h.user_name END AS person, sum(h.hours)::float8 AS hours
    FROM mart.hours_ledger AS h
    LEFT JOIN raw.projects AS p ON p.space_key = h.space_key AND p.id = h.project_id
    WHERE NOT h.is_deleted AND (CAST(:project AS text) IS NULL OR p.project_key = :project)
      AND h.work_month > (SELECT max(work_month) FROM mart.hours_ledger) - interval '24 months'
    GROUP BY h.work_month, h.user_id, h.user_name
"""


@dataclass(frozen=True)
class Chart:
    """A chart and the mart with whose build it is shown."""

    mart: str
    title: str
    rows: str
    draw: Callable[[pd.DataFrame], str]

    def svg(self, connection: Connection, project: str | None = None) -> str:
        """Return the picture of all projects or of one, by its key."""
        values = {"project": project, **({"points": _POINTS} if ":points" in self.rows else {})}
        found = connection.execute(text(self.rows), values)
        return self.draw(pd.DataFrame(found.all(), columns=list(found.keys())))


#: In the order of a report.
CHARTS = (
    Chart("flow_daily", FLOW_TITLE, _FLOW, cumulative_flow),
    Chart("throughput_weekly", THROUGHPUT_TITLE, _THROUGHPUT, throughput),
    Chart("issue", CYCLE_TITLE, _CYCLE, cycle_times),
    Chart("wip_aging", AGEING_TITLE, _AGEING, ageing),
    Chart("milestone_burn", BURN_TITLE, _BURN, burn_up),
    Chart("hours_ledger", HOURS_TITLE, _HOURS, hours),
)
