"""The marts, built by dbt from a warehouse that was loaded from a space: a history with numbers
that were worked out by hand.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from assets.marts.charts.catalogue import CHARTS
from resources.warehouse.state.issue_sync_state import history_share
from resources.warehouse.state.reconciliations import Level, Reconciled, latest, record
from tests.assets.marts.worked import GONE, PEER, STEPS
from tests.deployment import Deployment


def seconds(since: str, until: str) -> int:
    return int((STEPS[until] - STEPS[since]).total_seconds())


def mart(deployment: Deployment, table: str, issue: int, *names: str) -> list[tuple[Any, ...]]:
    """Return columns of the rows of an issue."""
    order = "issue_id" if table in ("issue", "estimate_accuracy") else "position"
    found = deployment.query(
        f"SELECT * FROM mart.{table} WHERE issue_id = {issue} ORDER BY {order}"
    )
    return [tuple(row[name] for name in names) for row in found]


def test_an_issue_that_is_reopened_has_the_numbers_that_were_worked_out_by_hand(
    built: tuple[Deployment, int],
) -> None:
    """Moves and reopenings are in `test_recomputed`."""
    deployment, issue = built
    names = ("status", "stage", "seconds", "working_seconds")
    assert mart(deployment, "issue_status_interval", issue, *names) == [
        ("未対応", "waiting", seconds("made", "started"), 3_600),
        ("処理中", "active", seconds("started", "reviewed"), 28_830),
        ("処理済み", "review", seconds("reviewed", "closed"), 7_170),
        ("完了", "done", seconds("closed", "reopened"), 28_800),
        ("処理中", "active", seconds("reopened", "closed again"), 565_200),
        ("完了", "done", None, None),
    ]
    expected = {
        "first_started_at": STEPS["started"],
        "last_started_at": STEPS["reopened"],
        "first_done_at": STEPS["closed"],
        "done_at": STEPS["closed again"],
        "status_since": STEPS["closed again"],
        "lead_seconds": 2_676_600,
        "cycle_seconds": 2_644_200,
        "seconds_waiting": 32_400,
        "seconds_active": 2_547_030,
        "seconds_review": 10_770,
        "lead_working_seconds": 22 * 8 * 3_600,
        "cycle_working_seconds": 630_000,
        "overdue_from": None,
        "first_response_seconds": 37_800,
        "reopen_count": 1,
        "status_changes": 5,
        "assignee_changes": 1,
        "due_date_changes": 1,
        "comment_count": 1,
        "participants": 2,
        "hours_variance": Decimal("-2.5"),
        # Half past midnight of August in Tokyo.
        "was_late": True,
    }
    [(url, key, *found)] = mart(deployment, "issue", issue, "url", "issue_key", *expected)
    assert dict(zip(expected, found, strict=True)) == expected
    assert url == f"{deployment.sim.url}/view/{key}"
    columns: dict[str, list[tuple[Any, ...]]] = {
        "issue_assignee_interval seconds": [(seconds("made", "started"),), (None,)],
        "due_date due_date days_moved": [(None, None), (date(2026, 7, 31), None)],
        "conversation seconds_since_created is_author characters": [(37_800, False, 5)],
        "estimate_accuracy ratio": [(Decimal("0.6875"),)],
        "hours_ledger kind work_month hours": [
            ("opening", date(2026, 7, 1), Decimal("1.5")),
            ("change", date(2026, 7, 1), Decimal("0.75")),
            ("change", date(2026, 7, 1), Decimal("3.75")),
            ("change", date(2026, 8, 1), Decimal("-0.5")),
        ],
    }
    for what, rows in columns.items():
        table, *names_of_it = what.split()
        assert mart(deployment, table, issue, *names_of_it) == rows, table


def test_a_day_of_the_past_is_as_it_was(built: tuple[Deployment, int]) -> None:
    deployment, issue = built
    day = [date(2026, 6, 30) + timedelta(days=number) for number in range(33)]
    states = deployment.query(
        f"SELECT * FROM mart.issue_history WHERE issue_id = {issue} ORDER BY first_day"
    )
    assert [
        (row["first_day"], row["last_day"], row["stage"], row["actual_hours"], row["due_date"])
        for row in states
    ] == [
        (day[1], day[1], "active", Decimal("2.25"), None),
        (day[2], day[2], "done", Decimal(6), None),
        (day[3], day[31], "active", Decimal(6), day[31]),
        (day[32], None, "done", Decimal("5.5"), day[31]),
    ]
    days = deployment.query(
        f"SELECT day, stage, is_overdue FROM mart.issue_daily WHERE issue_id = {issue} ORDER BY day"
    )
    assert [row["stage"] for row in days[:32]] == ["active", "done", *["active"] * 29, "done"]
    assert {row["stage"] for row in days[32:]} <= {"done"}, (
        "up to today, whatever happens in the space"
    )
    assert not any(row["is_overdue"] for row in days)
    burn = deployment.query("SELECT * FROM mart.milestone_burn WHERE milestone = '夏' ORDER BY day")
    assert [
        (row["day"], row["scope"], row["done"], row["scope_hours"], row["done_hours"])
        for row in burn
    ] == [
        (day[number], 1, done, 8, 8 * done)
        for number, done in zip(range(1, 33), [0, 1, *[0] * 29, 1], strict=True)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            "wip_aging WHERE project_key = 'PEER'",
            {
                "as_of": STEPS["closed again"],
                "age_seconds": 475_200,
                "peers": 10,
                "share_of_peers_faster": Decimal("0.5"),
                "risk": "medium",
                # From Sunday 12:30 to Saturday 00:30 in Tokyo: five working days.
                "age_working_seconds": 5 * 8 * 3_600,
            },
        ),
        (
            "throughput_weekly WHERE project_key = 'OPS' AND week = '2026-07-27'",
            {"created": 0, "done": 1, "reopened": 0},
        ),
        (
            "cycle_time WHERE project_key = 'PEER' AND done_month = '2026-07-01'",
            {"issues": 10, "started_issues": 10, "cycle_seconds_p95": pytest.approx(825_120)},
        ),
        (
            "project_summary WHERE project_key = 'PEER'",
            {
                "issues": 11,
                "waiting": 0,
                "active": 1,
                "review": 0,
                "done": 10,
                "cycle_seconds_median": pytest.approx(475_200),
                "cycle_seconds_p85": pytest.approx(747_360),
            },
        ),
        (
            "milestone_summary WHERE milestone = '夏'",
            {
                "issues": 1,
                "in_progress": 0,
                "done": 1,
                "estimated_hours": 8,
                "actual_hours": Decimal("5.5"),
            },
        ),
        (
            f"user_summary WHERE user_name = '{PEER}'",
            {
                "open_issues": 1,
                "active_issues": 1,
                "done_issues": 10,
                "created": 11,
                "comments": 1,
                "hours": 3,
                "cycle_seconds_median": pytest.approx(475_200),
            },
        ),
    ],
    ids=lambda rows: rows.split()[0] if isinstance(rows, str) else "",
)
def test_a_summary_has_the_numbers_that_were_worked_out_by_hand(
    marts: Deployment, rows: str, expected: dict[str, Any]
) -> None:
    [row] = marts.query(f"SELECT * FROM mart.{rows}")
    assert {name: row[name] for name in expected} == expected


def test_the_week_of_a_person_has_the_issues_done_and_the_hours_entered(
    marts: Deployment,
) -> None:
    author, assignee = sorted(marts.sim.space.users)[:2]
    work = {
        row["user_id"]: (row["done"], row["hours"])
        for row in marts.query("SELECT * FROM mart.user_workload_weekly WHERE week = '2026-07-27'")
    }
    assert (work[author], work[assignee]) == ((0, Decimal("-0.5")), (1, 0))


def test_who_left_before_the_first_load_has_a_name_and_is_in_the_totals(
    marts: Deployment,
) -> None:
    [person] = marts.query(f"SELECT * FROM mart.dim_person WHERE user_name = '{GONE}'")
    assert (person["is_listed"], person["is_deleted"]) == (False, True)
    assert marts.query(f"SELECT * FROM raw.users WHERE id = {person['user_id']}") == []
    [row] = marts.query(f"SELECT * FROM mart.user_summary WHERE user_id = {person['user_id']}")
    assert [row[name] for name in ("user_name", "open_issues", "created", "comments", "hours")] == [
        GONE,
        1,
        1,
        1,
        Decimal("4.5"),
    ]
    for mart in ("hours_ledger", "conversation", "user_workload_weekly"):
        names = marts.query(
            f"SELECT user_name FROM mart.{mart} WHERE user_id = {person['user_id']}"
        )
        assert {one["user_name"] for one in names} == {GONE}, mart
    by_person = (
        "SELECT user_id, sum(hours) AS hours FROM {} GROUP BY user_id HAVING "
        "sum(hours) <> 0 ORDER BY user_id"
    )
    ledger = marts.query(
        by_person.format(
            "(SELECT coalesce(user_id, 0) AS user_id, hours FROM "
            "mart.hours_ledger WHERE NOT is_deleted) l"
        )
    )
    for mart in ("user_summary", "user_workload_weekly"):
        assert marts.query(by_person.format(f"mart.{mart}")) == ledger, mart


def test_freshness_has_the_moments_that_were_worked_out_by_hand(
    marts: Deployment,
) -> None:
    rows = marts.query("SELECT *, now() AS now FROM mart.sync_freshness WHERE project_key = 'OPS'")
    tables = {row["table_name"]: row for row in rows}
    for table in ("issues", "comments", "issue_changes"):
        row = tables[table]
        assert row["newest_event_at"] == STEPS["closed again"], table
        assert row["newest_event_at"] < row["watermark"] <= row["last_success_at"] < row["now"]
        assert row["lag_seconds"] == round((row["now"] - row["watermark"]).total_seconds())
        assert row["watermark"] < row["newest_row_at"] < row["now"]
    assert tables["statuses"]["newest_event_at"] is None
    assert (tables["issues"]["is_equal"], tables["issues"]["differences"]) == (True, 0)
    shares = {
        name: row["history_share"]
        for name, row in tables.items()
        if row["history_share"] is not None
    }
    assert shares == {"issues": 1, "comments": 1, "issue_changes": 1}


def test_the_marts_call_a_project_equal_when_the_check_does(marts: Deployment) -> None:
    [ops] = marts.query("SELECT space_key, id FROM raw.projects WHERE project_key = 'OPS'")
    with marts.engine.connect() as connection:
        comparisons: tuple[tuple[Level, int], ...] = (("rows", 3), ("count", 0), ("rows", 0))
        for level, differences in comparisons:
            record(
                connection, ops["space_key"], level, [Reconciled(ops["id"], 40, 40, differences)]
            )
            status = latest(connection, ops["space_key"])[ops["id"]]
            shown = connection.exec_driver_sql(
                "SELECT is_equal, differences FROM mart.sync_freshness WHERE project_key = 'OPS' "
                "AND table_name = 'issues'"
            ).one()
            assert tuple(shown) == (
                status.equal,
                max(status.differences, status.row_differences or 0),
            ), level
        connection.rollback()


def test_marts_say_of_which_issues_the_comments_were_not_read_yet(
    marts: Deployment,
) -> None:
    with marts.engine.connect() as connection:

        def one(sql: str) -> Any:
            return connection.execute(text(sql)).scalar_one()

        issue = one(
            "SELECT min(issue_id) FROM mart.issue_now WHERE project_key = "
            "'OPS' AND history_complete"
        )
        connection.execute(
            text(f"UPDATE ops.issue_sync_state SET updated_at = NULL WHERE issue_id = {issue}")
        )
        assert one("SELECT array_agg(issue_id) FROM mart.issue_now WHERE NOT history_complete") == [
            issue
        ]
        issues = one("SELECT count(*) FROM mart.issue WHERE project_key = 'OPS' AND NOT is_deleted")
        share = one(
            "SELECT history_share FROM mart.sync_freshness WHERE project_key = 'OPS' "
            "AND table_name = 'comments'"
        )
        assert share == Decimal((issues - 1) * 10_000 // issues) / 10_000
        [chart] = [one for one in CHARTS if one.mart == "flow_daily"]
        assert "of the histories are read" not in chart.svg(connection, 1.0)
        read = history_share(connection)
        assert 0.9 < read < 1
        assert f"{int(read * 100)} % of the histories are read" in chart.svg(connection, read)
        connection.rollback()


def test_totals_agree_with_the_source(marts: Deployment) -> None:
    issues = list(marts.sim.space.issues.values())
    hours = sum((Decimal(str(issue.actual_hours or 0)) for issue in issues), Decimal(0))
    [found] = marts.query("SELECT count(*) AS n FROM mart.issue WHERE stage = 'done'")
    today = "mart.flow_daily WHERE day = (SELECT max(day) FROM mart.flow_daily)"
    expected = {
        "sum(hours) FROM mart.hours_ledger": hours,
        "sum(hours) FROM mart.user_summary": hours,
        "sum(issues) FROM mart.project_summary": len(issues),
        f"sum(issues) FROM {today}": len(issues),
        "sum(created) FROM mart.user_workload_weekly": len(issues),
        f"sum(issues) FROM {today} AND stage = 'done'": found["n"],
        "sum(done) FROM mart.throughput_weekly": found["n"],
        "sum(issues) FROM mart.cycle_time": found["n"],
        "bool_and(is_equal) FROM mart.sync_freshness": True,
        "count(*) FROM mart.conversation": sum(
            bool(comment.content) for issue in issues for comment in issue.comments
        ),
    }
    for sql, value in expected.items():
        [row] = marts.query(f"SELECT {sql}")
        assert [*row.values()] == [value], sql
