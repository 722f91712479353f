"""The queries of the report. Each takes the key of a project or null; `person_id` is whose a row
is.
"""

from assets.marts.charts.catalogue import STATE

_MINE = "(CAST(:project AS text) IS NULL OR {}.project_key = :project)"
_ISSUE = f"NOT i.is_deleted AND {_MINE.format('i')}"
#: Of the project in which the issue was then.
_THEN = f"NOT i.is_deleted AND {_MINE.format('h')}"
_ZONE = "JOIN staging.space_today AS z ON z.space_key = i.space_key"

PROJECTS = f"""
    SELECT p.space_key, p.project_id, p.project_key, p.project_name, p.is_archived AS archived,
        p.issues, s.url
    FROM mart.project_summary AS p LEFT JOIN ops.spaces AS s ON s.space_key = p.space_key
    WHERE NOT p.is_deleted AND {_MINE.format("p")} ORDER BY p.is_archived,
        p.issues DESC, p.project_key
"""  # noqa: S608 - made of constants
PEOPLE = "SELECT space_key, user_id, user_name FROM mart.dim_person"
TEAMS = (
    "SELECT space_key, name, member_ids FROM raw.teams WHERE deleted_at IS NULL ORDER BY name, id"
)
#: The working days to come, numbered, with the week that they are in from the first one's on.
_DAYS = """
    SELECT space_key, day, working_seconds / 3600.0 AS hours,
        row_number() OVER (PARTITION BY space_key ORDER BY day)::int AS n,
        date_trunc('week', day)::date AS monday, least(6, (day - min(date_trunc('week', day)::date)
            OVER (PARTITION BY space_key)) / 7) AS week
    FROM mart.calendar
    WHERE is_working_day AND working_seconds > 0 AND day >= CAST(:today AS date)
        AND day < CAST(:today AS date) + :ahead
"""
FIRST_WEEK = f"SELECT min(monday) AS day FROM ({_DAYS}) AS d"  # noqa: S608
#: What is left of an issue in each week, laid as mart.upcoming_load does.
_LAID = f"""
    days AS MATERIALIZED ({_DAYS}),
    weeks AS (SELECT space_key, week, min(n) AS first, max(n) AS last FROM days GROUP BY 1, 2),
    spans AS (
        SELECT l.space_key, l.issue_id, l.remaining_hours AS hours, a.n AS first,
            least(z.n, CASE WHEN l.planned_due >= CAST(:today AS date) THEN greatest(a.n, b.n)
                ELSE a.n + greatest(ceil(l.remaining_hours / a.hours)::int, 1) - 1 END) AS last
        FROM mart.issue_plan AS l
        JOIN (SELECT space_key, max(n) AS n FROM days GROUP BY space_key) AS z
            ON z.space_key = l.space_key
        JOIN LATERAL (
            SELECT d.n, d.hours FROM days AS d WHERE d.space_key = l.space_key
                AND (d.day >= coalesce(l.planned_start, CAST(:today AS date)) OR d.n = z.n)
            ORDER BY d.n LIMIT 1
        ) AS a ON true
        LEFT JOIN LATERAL (
            SELECT max(d.n) AS n FROM days AS d
            WHERE d.space_key = l.space_key AND d.day <= l.planned_due
        ) AS b ON true
        WHERE l.remaining_hours > 0 AND coalesce(l.planned_due, l.planned_start) IS NOT NULL
    ),
    laid AS (
        SELECT s.space_key, s.issue_id, array_agg(round(s.hours * greatest(0, least(s.last, w.last)
            - greatest(s.first, w.first) + 1) / (s.last - s.first + 1), 4)::float8
            ORDER BY w.week) AS weeks
        FROM spans AS s JOIN weeks AS w ON w.space_key = s.space_key GROUP BY 1, 2
    )
"""  # noqa: S608
#: Hours that people with open issues have, from today on, in the coming weeks.
CAPACITY = f"""
    SELECT c.space_key, c.user_id AS person_id, c.week, sum(c.hours)::float8 AS hours
    FROM mart.capacity AS c
    JOIN (SELECT DISTINCT i.space_key, i.assignee_id FROM mart.issue AS i
        WHERE {_ISSUE} AND i.stage <> 'done') AS a
        ON a.space_key = c.space_key AND a.assignee_id = c.user_id
    WHERE c.day >= CAST(:today AS date) AND c.day < CAST(:today AS date) + 45
    GROUP BY 1, 2, 3
"""  # noqa: S608
_FORECAST = "LEFT JOIN mart.forecast AS f ON f.space_key = m.space_key AND f.is_last"
MILESTONES = f"""
    SELECT m.space_key, m.milestone_id, m.project_id, m.milestone AS name, m.archived,
        m.start_date AS start, m.due_date AS due, f.done_by_50 AS by_50, f.done_by_85 AS by_85,
        f.reason,
        {STATE.format(due="m.due_date", today="CAST(:today AS date)")} AS state
    FROM mart.milestone_summary AS m {_FORECAST} AND f.milestone_id = m.milestone_id
    WHERE NOT m.is_deleted AND {_MINE.format("m")}
    ORDER BY m.due_date NULLS LAST, m.milestone, m.milestone_id
"""  # noqa: S608
_EARNED = f"FROM mart.earned_value_project AS m {{}} WHERE {_MINE.format('m')}"
EARNED = f"""
    SELECT m.space_key, m.project_id, m.as_of AS day, m.planned_value::float8 AS planned,
        m.baseline_planned_value::float8 AS baseline, m.earned_value::float8 AS earned,
        m.actual_cost::float8 AS cost
    {_EARNED.format("")} AND (m.is_week_end OR m.is_last)
        AND m.as_of > CAST(:today AS date) - 7 * :weeks
    ORDER BY m.as_of
"""
#: From this SPI on a project is well, and below that one it is late.
LIMITS = {"well": 0.95, "late": 0.85}
#: Late: far behind, or after the due date by 50 %. Well: in the plan, and by 85 % in time.
_VERDICT = f"""'verdict_' || CASE
        WHEN m.spi IS NULL AND f.done_by_85 IS NULL THEN 'none'
        WHEN m.spi < {LIMITS["late"]} OR f.done_by_50 > f.due_date
            OR f.left_open > 0 AND f.due_date < CAST(:today AS date) THEN 'late'
        WHEN m.spi < {LIMITS["well"]} OR f.done_by_85 > f.due_date THEN 'watch'
        ELSE 'well' END"""
#: The newest row of each project, and when what is open will be done.
VERDICTS = f"""
    SELECT {_VERDICT} AS verdict,
        m.space_key, m.project_id, round(m.spi, 4)::float8 AS spi, round(m.cpi, 4)::float8 AS
        cpi, round(m.baseline_spi, 4)::float8 AS baseline_spi, m.is_cpi_reliable,
        round(m.cost_coverage, 4)::float8 AS cost_coverage, m.schedule_variance::float8 AS
        schedule_variance, m.cost_variance::float8 AS cost_variance,
        m.expected_cost::float8 AS expected_cost, m.budget_hours::float8 AS budget_hours,
        f.due_date AS due, f.done_by_50 AS by_50, f.done_by_85 AS by_85
    {_EARNED.format(_FORECAST + " AND f.project_id = m.project_id AND f.milestone_id = 0")}
        AND m.is_last ORDER BY m.project_key
"""
VELOCITY = f"""
    SELECT m.space_key, m.project_id, m.milestone_id, m.due_date AS due, m.committed, m.added,
        m.removed, m.done, m.carried_over AS carried, m.done_hours::float8 AS done_hours,
        m.actual_hours::float8 AS actual_hours
    FROM mart.velocity AS m
    WHERE m.state <> 'planned' AND m.committed + m.added > 0 AND NOT m.is_deleted
        AND {_MINE.format("m")}
    ORDER BY m.counted_to DESC, m.milestone_id
"""  # noqa: S608
#: Minutes and hundredths of hours are exact enough for what a page shows. `place`: what comes
#: first.
ISSUES = f"""
    WITH {_LAID}
    SELECT i.space_key, i.project_id, i.issue_type, i.assignee_id AS person_id, i.status, i.stage,
        s.milestone_ids,
           CAST(substring(i.issue_key FROM '[0-9]+$') AS int) AS n,
           (i.created_at AT TIME ZONE z.timezone)::date AS created, (i.done_at AT TIME ZONE
               z.timezone)::date AS done,
           i.lead_seconds / 60 AS lead, i.cycle_seconds / 60 AS cycle,
           round(i.estimated_hours, 2)::float8 AS estimated, round(i.actual_hours, 2)::float8 AS
               actual,
           i.due_date AS due, l.first_due_date AS first_due, l.planned_start AS start,
               i.priority, i.summary, d.weeks,
           CASE WHEN i.stage IN ('active', 'review')
                THEN floor(extract(epoch FROM :now - i.last_started_at) / 3600)::int END AS age,
           floor(extract(epoch FROM :now - i.status_since) / 3600)::int AS stay,
           w.risk, round(w.share_of_peers_faster, 2)::float8 AS faster,
           row_number() OVER (
               ORDER BY i.stage = 'done', i.stage = 'waiting'
                   AND i.due_date IS NULL, i.due_date NULLS LAST, i.issue_id
           ) AS place
    FROM mart.issue AS i {_ZONE}
    JOIN staging.stg_issue AS s ON s.space_key = i.space_key AND s.issue_id = i.issue_id
    JOIN mart.issue_plan AS l ON l.space_key = i.space_key AND l.issue_id = i.issue_id
    LEFT JOIN laid AS d ON d.space_key = i.space_key AND d.issue_id = i.issue_id
    LEFT JOIN mart.wip_aging AS w ON w.space_key = i.space_key AND w.issue_id = i.issue_id
    WHERE {_ISSUE} ORDER BY i.stage = 'done', i.done_at DESC, i.issue_id LIMIT :most
"""  # noqa: S608
#: What comes to a stage (n > 0) and leaves it in a week; the last week ends today, and week 0 has
#: all that was before.
FLOW = f"""
    SELECT space_key, project_id, issue_type, person_id, k, sum(n)::int AS n,
           CASE stage WHEN 'done' THEN 0 WHEN 'review' THEN 1 WHEN 'active' THEN 2 ELSE 3
               END AS stage
    FROM (
        SELECT h.space_key, h.project_id, i.issue_type, h.assignee_id AS person_id, h.stage, s.k,
            s.n
        FROM mart.issue_history AS h
        JOIN mart.issue AS i ON i.space_key = h.space_key AND i.issue_id = h.issue_id
        CROSS JOIN LATERAL (SELECT
            greatest(0, :weeks - 1 + ceil((h.first_day - CAST(:today AS date)) / 7.0)::int) AS k1,
            CASE WHEN h.last_day IS NOT NULL
                 THEN greatest(0, :weeks + floor((h.last_day - CAST(:today AS date)) / 7.0)::int)
                     END AS k2
        ) AS e
        CROSS JOIN LATERAL (VALUES (e.k1, 1), (e.k2, -1)) AS s (k, n)
        WHERE {_THEN} AND s.k < :weeks AND (e.k2 IS NULL OR e.k2 > e.k1)
    ) AS steps
    GROUP BY space_key, project_id, issue_type, person_id, k, steps.stage HAVING sum(n) <> 0
"""  # noqa: S608
#: The same of milestones, by day: of those that are neither done nor long over, and after them of
#: archived ones.
BURN = f"""
    WITH chosen AS (
        SELECT space_key, milestone_id FROM mart.milestone_summary AS m
        WHERE NOT is_deleted AND {_MINE.format("m")} AND issues > 0
          AND (archived OR issues > done OR due_date > CAST(:today AS date) - 90)
        ORDER BY coalesce(archived, false), issues > done DESC, due_date DESC NULLS LAST,
            milestone_id LIMIT :burns
    )
    SELECT h.space_key, h.project_id, i.issue_type, h.assignee_id AS person_id, c.milestone_id,
        s.day,
           sum(s.n)::int AS scope, sum(CASE WHEN h.stage = 'done' THEN s.n ELSE 0 END)::int AS done
    FROM chosen AS c
    JOIN mart.issue_history AS h ON h.space_key = c.space_key
        AND c.milestone_id = ANY(h.milestone_ids)
    LEFT JOIN mart.issue AS i ON i.space_key = h.space_key AND i.issue_id = h.issue_id
    CROSS JOIN LATERAL (VALUES (h.first_day, 1), (h.last_day + 1, -1)) AS s (day, n)
    WHERE s.day IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6
    HAVING (sum(s.n), sum(CASE WHEN h.stage = 'done' THEN s.n ELSE 0 END)) <> (0, 0)
"""  # noqa: S608
#: Hours of a month as in mart.plan_actual_monthly, and by type: planned by assignee, spread over
#: the working days from start to due date; actual as they were entered, by who entered them.
EFFORT = f"""
    WITH spread AS (
        SELECT p.space_key, p.issue_id, date_trunc('month', c.day)::date AS month, count(*) AS days,
               sum(count(*)) OVER (PARTITION BY p.space_key, p.issue_id) AS all_days
        FROM mart.issue_plan AS p JOIN mart.calendar AS c
          ON c.space_key = p.space_key AND c.is_working_day AND c.working_seconds > 0
          AND c.day BETWEEN p.planned_start AND p.planned_due
        WHERE NOT p.is_deleted AND p.estimated_hours > 0
        GROUP BY 1, 2, 3
    )
    SELECT space_key, project_id, issue_type, person_id, month,
           round(sum(planned), 2)::float8 AS planned, round(sum(actual), 2)::float8 AS actual
    FROM (
        SELECT i.space_key, i.project_id, i.issue_type, i.assignee_id AS person_id,
               coalesce(s.month, date_trunc('month', coalesce(p.planned_due, p.planned_start,
                   p.created_on))::date) AS month,
               p.estimated_hours * coalesce(s.days / s.all_days, 1) AS planned, 0 AS actual
        FROM mart.issue AS i
        JOIN mart.issue_plan AS p ON p.space_key = i.space_key AND p.issue_id = i.issue_id
            AND p.estimated_hours > 0
        LEFT JOIN spread AS s ON s.space_key = i.space_key AND s.issue_id = i.issue_id
        WHERE {_ISSUE}
        UNION ALL
        SELECT h.space_key, h.project_id, i.issue_type, h.user_id, h.work_month, 0, h.hours
        FROM mart.hours_ledger AS h JOIN mart.issue AS i ON i.space_key = h.space_key
            AND i.issue_id = h.issue_id WHERE {_THEN}
    ) AS both_kinds
    WHERE month > date_trunc('month', CAST(:today AS date)) - make_interval(months => :months)
      AND month < date_trunc('month', CAST(:today AS date)) + interval '3 months'
    GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608
REOPENED = f"""
    SELECT i.space_key, i.project_id, i.issue_type, i.assignee_id AS person_id, (r.reopened_at AT
        TIME ZONE z.timezone)::date AS day
    FROM mart.reopen_event AS r
    JOIN mart.issue AS i ON i.space_key = r.space_key AND i.issue_id = r.issue_id {_ZONE}
    WHERE {_ISSUE} AND r.reopened_at > :now - make_interval(weeks => :weeks)
"""  # noqa: S608
#: What happened: kinds are created, done, reopened, moved (of a due date). `more`: days by which it
#: was moved.
_EVENTS = """
        SELECT space_key, project_id, issue_id, 'created' AS what, created_at AS at,
            created_user_id AS by_id, NULL::int AS more
        FROM mart.issue
        UNION ALL SELECT space_key, project_id, issue_id, 'done', done_at, NULL, NULL
            FROM mart.issue
        UNION ALL SELECT space_key, project_id, issue_id, 'reopened', reopened_at, reopened_by_id,
            NULL FROM mart.reopen_event
        UNION ALL SELECT space_key, project_id, issue_id, 'moved', valid_from, changed_by_id,
            days_moved
        FROM mart.due_date WHERE days_moved <> 0
"""
_LATELY = "(e.at AT TIME ZONE z.timezone)::date > CAST(:today AS date) - :days"
#: How many changes there were in the last days; those to an earlier due date are of the kind
#: earlier.
CHANGED = f"""
    SELECT e.space_key, e.project_id, i.issue_type, i.assignee_id AS person_id,
           CASE WHEN e.more < 0 THEN 'earlier' ELSE e.what END AS what, count(*)::int AS n
    FROM ({_EVENTS}) AS e
    JOIN mart.issue AS i ON i.space_key = e.space_key AND i.issue_id = e.issue_id {_ZONE}
    WHERE {_ISSUE} AND {_LATELY}
    GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608
#: The newest of them. An issue was done by who gave it its status.
CHANGES = f"""
    SELECT e.space_key, e.project_id, i.issue_type, i.assignee_id AS person_id,
           CAST(substring(i.issue_key FROM '[0-9]+$') AS int) AS n,
           e.what, (e.at AT TIME ZONE z.timezone)::date AS day, p.user_name AS by, left(i.summary,
               90) AS summary, e.more
    FROM ({_EVENTS}) AS e
    JOIN mart.issue AS i ON i.space_key = e.space_key AND i.issue_id = e.issue_id {_ZONE}
    LEFT JOIN LATERAL (
        SELECT s.changed_by_id FROM mart.issue_status_interval AS s
        WHERE e.what = 'done' AND s.space_key = e.space_key AND s.issue_id = e.issue_id
            AND s.valid_from = e.at
        ORDER BY s.position DESC LIMIT 1
    ) AS s ON true
    LEFT JOIN mart.dim_person AS p ON p.space_key = e.space_key
        AND p.user_id = coalesce(e.by_id, s.changed_by_id)
    WHERE {_ISSUE} AND {_LATELY}
    ORDER BY e.at DESC, i.issue_id LIMIT :changes
"""  # noqa: S608
FRESHNESS = f"""
    SELECT project_key, last_success_at, last_error, newest_event_at AS newest_change_at,
        verified_at, is_equal, differences,
           history_share::float8 AS history_share
    FROM mart.sync_freshness AS f WHERE table_name = 'issues' AND {_MINE.format("f")}
    ORDER BY last_success_at NULLS FIRST, project_key
"""  # noqa: S608
