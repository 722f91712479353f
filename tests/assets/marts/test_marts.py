"""The marts, built by dbt from a warehouse that was loaded from a space: a history with numbers
that were worked out by hand.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from assets.marts.charts.catalogue import CHARTS
from resources.warehouse.issue_sync_state import history_share
from resources.warehouse.reconciliations import Level, Reconciled, latest, record
from tests.assets.marts.worked import GONE, PEER, STEPS, work_a_day_of_syncs
from tests.deployment import Deployment


def seconds(since: str, until: str) -> int:
    return int((STEPS[until] - STEPS[since]).total_seconds())


def mart(deployment: Deployment, table: str, issue: int) -> list[dict[str, Any]]:
    order = "issue_id" if table in ("issue", "estimate_accuracy") else "position"
    found = deployment.query(
        f"SELECT * FROM mart.{table} WHERE issue_id = {issue} ORDER BY {order}"
    )
    return [dict(row) for row in found]


def test_an_issue_that_is_reopened_has_the_numbers_that_were_worked_out_by_hand(
    built: tuple[Deployment, int],
) -> None:
    deployment, issue = built
    intervals = mart(deployment, "issue_status_interval", issue)
    assert [(row["stage"], row["seconds"]) for row in intervals] == [
        ("waiting", seconds("made", "started")),
        ("active", seconds("started", "reviewed")),
        ("review", seconds("reviewed", "closed")),
        ("done", seconds("closed", "reopened")),
        ("active", seconds("reopened", "closed again")),
        ("done", None),
    ]
    assert [row["status"] for row in intervals] == [
        "未対応",
        "処理中",
        "処理済み",
        "完了",
        "処理中",
        "完了",
    ]
    [reopened] = mart(deployment, "reopen_event", issue)
    assert (reopened["reopened_at"], reopened["seconds_done"]) == (STEPS["reopened"], 86_400)
    [row] = mart(deployment, "issue", issue)
    assert row["first_started_at"] == STEPS["started"]
    assert row["last_started_at"] == STEPS["reopened"]
    assert row["first_done_at"] == STEPS["closed"]
    assert row["done_at"] == row["status_since"] == STEPS["closed again"]
    assert row["lead_seconds"] == seconds("made", "closed again") == 2_676_600
    assert row["cycle_seconds"] == seconds("started", "closed again") == 2_644_200
    assert (row["seconds_waiting"], row["seconds_active"], row["seconds_review"]) == (
        32_400,
        2_547_030,
        10_770,
    )
    assert [row["working_seconds"] for row in intervals] == [
        3_600,
        28_830,
        7_170,
        28_800,
        565_200,
        None,
    ]
    assert row["lead_working_seconds"] == 22 * 8 * 3_600 == 633_600
    assert row["cycle_working_seconds"] == 630_000
    assert row["url"] == f"{deployment.sim.url}/view/{row['issue_key']}"
    assert row["overdue_from"] is None
    assert row["first_response_seconds"] == seconds("made", "answered") == 37_800
    assert (
        row["reopen_count"],
        row["status_changes"],
        row["assignee_changes"],
        row["due_date_changes"],
    ) == (1, 5, 1, 1)
    assert (row["comment_count"], row["participants"]) == (1, 2)
    assert row["hours_variance"] == Decimal("-2.5")
    assert row["was_late"] is True, "half past midnight of August in Tokyo"
    who = mart(deployment, "issue_assignee_interval", issue)
    assert [row["seconds"] for row in who] == [seconds("made", "started"), None]
    due = mart(deployment, "due_date", issue)
    assert [(row["due_date"], row["days_moved"]) for row in due] == [
        (None, None),
        (date(2026, 7, 31), None),
    ]
    [said] = mart(deployment, "conversation", issue)
    assert (said["seconds_since_created"], said["is_author"], said["characters"]) == (
        37_800,
        False,
        5,
    )
    assert mart(deployment, "estimate_accuracy", issue)[0]["ratio"] == Decimal("0.6875")
    flow = deployment.query(
        "SELECT stage, sum(entered) AS entered, sum(left_stage) AS left_stage FROM mart.flow_daily "
        "WHERE project_key = 'OPS' AND day = '2026-07-02' GROUP BY stage"
    )
    by_stage = {row["stage"]: row for row in flow}
    assert set(by_stage) == {"waiting", "active", "review", "done"}
    assert (by_stage["review"]["entered"], by_stage["review"]["left_stage"]) == (1, 1)
    july = deployment.query(
        "SELECT issues FROM mart.cycle_time WHERE project_key = 'OPS' AND done_month = '2026-08-01'"
    )
    assert [row["issues"] for row in july] == [1]
    ledger = mart(deployment, "hours_ledger", issue)
    assert [(row["kind"], str(row["work_month"]), row["hours"]) for row in ledger] == [
        ("opening", "2026-07-01", Decimal("1.5")),
        ("change", "2026-07-01", Decimal("0.75")),
        ("change", "2026-07-01", Decimal("3.75")),
        ("change", "2026-08-01", Decimal("-0.5")),
    ]


def test_a_day_of_the_past_is_as_it_was(built: tuple[Deployment, int]) -> None:
    deployment, issue = built
    july = date(2026, 7, 1)

    def day(number: int) -> date:
        return july + timedelta(days=number - 1)

    states = deployment.query(
        f"SELECT * FROM mart.issue_history WHERE issue_id = {issue} ORDER BY first_day"
    )
    assert [
        (row["first_day"], row["last_day"], row["stage"], row["actual_hours"], row["due_date"])
        for row in states
    ] == [
        (day(1), day(1), "active", Decimal("2.25"), None),
        (day(2), day(2), "done", Decimal(6), None),
        (day(3), day(31), "active", Decimal(6), day(31)),
        (day(32), None, "done", Decimal("5.5"), day(31)),
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
        (day(number), 1, done, 8, 8 * done)
        for number, done in zip(range(1, 33), [0, 1, *[0] * 29, 1], strict=True)
    ]


def test_work_in_progress_is_compared_with_its_peers(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    [row] = deployment.query("SELECT * FROM mart.wip_aging WHERE project_key = 'PEER'")
    assert (row["as_of"], row["age_seconds"], row["peers"]) == (STEPS["closed again"], 475_200, 10)
    assert (row["share_of_peers_faster"], row["risk"]) == (Decimal("0.5"), "medium")
    # From Sunday 12:30 to Saturday 00:30 in Tokyo: five working days.
    assert row["age_working_seconds"] == 5 * 8 * 3_600


def test_summaries_have_the_numbers_that_were_worked_out_by_hand(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    week, month = date(2026, 7, 27), date(2026, 7, 1)
    [row] = deployment.query(
        f"SELECT * FROM mart.throughput_weekly WHERE project_key = 'OPS' AND week = '{week}'"
    )
    assert (row["created"], row["done"], row["reopened"]) == (0, 1, 0)
    author, assignee = sorted(deployment.sim.space.users)[:2]
    work = {
        row["user_id"]: row
        for row in deployment.query(
            f"SELECT * FROM mart.user_workload_weekly WHERE week = '{week}'"
        )
    }
    assert (work[author]["done"], work[author]["hours"]) == (0, Decimal("-0.5"))
    assert (work[assignee]["done"], work[assignee]["hours"]) == (1, 0)
    [row] = deployment.query(
        f"SELECT * FROM mart.cycle_time WHERE project_key = 'PEER' AND done_month = '{month}'"
    )
    assert (row["issues"], row["started_issues"]) == (10, 10)
    assert [round(row[f"cycle_seconds_{name}"]) for name in ("median", "p85", "p95")] == [
        475_200,
        747_360,
        825_120,
    ]
    [row] = deployment.query("SELECT * FROM mart.project_summary WHERE project_key = 'PEER'")
    assert [row[name] for name in ("issues", "waiting", "active", "review", "done")] == [
        11,
        0,
        1,
        0,
        10,
    ]
    assert (round(row["cycle_seconds_median"]), round(row["cycle_seconds_p85"])) == (
        475_200,
        747_360,
    )
    [row] = deployment.query("SELECT * FROM mart.milestone_summary WHERE milestone = '夏'")
    assert [row[name] for name in ("issues", "in_progress", "done")] == [1, 0, 1]
    assert (row["estimated_hours"], row["actual_hours"]) == (8, Decimal("5.5"))


def test_a_user_has_the_numbers_that_were_worked_out_by_hand(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    [row] = deployment.query(f"SELECT * FROM mart.user_summary WHERE user_name = '{PEER}'")
    assert [row[name] for name in ("open_issues", "active_issues", "done_issues")] == [1, 1, 10]
    assert [row[name] for name in ("created", "comments", "hours")] == [11, 1, 3]
    assert round(row["cycle_seconds_median"]) == 475_200


def test_who_left_before_the_first_load_has_a_name_and_is_in_the_totals(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    [person] = deployment.query(f"SELECT * FROM mart.dim_person WHERE user_name = '{GONE}'")
    assert (person["is_listed"], person["is_deleted"]) == (False, True)
    assert deployment.query(f"SELECT * FROM raw.users WHERE id = {person['user_id']}") == []
    [row] = deployment.query(f"SELECT * FROM mart.user_summary WHERE user_id = {person['user_id']}")
    assert [row[name] for name in ("user_name", "open_issues", "created", "comments", "hours")] == [
        GONE,
        1,
        1,
        1,
        Decimal("4.5"),
    ]
    for mart in ("hours_ledger", "conversation", "user_workload_weekly"):
        names = deployment.query(
            f"SELECT user_name FROM mart.{mart} WHERE user_id = {person['user_id']}"
        )
        assert {one["user_name"] for one in names} == {GONE}, mart
    by_person = (
        "SELECT user_id, sum(hours) AS hours FROM {} GROUP BY user_id HAVING "
        "sum(hours) <> 0 ORDER BY user_id"
    )
    ledger = deployment.query(
        by_person.format(
            "(SELECT coalesce(user_id, 0) AS user_id, hours FROM "
            "mart.hours_ledger WHERE NOT is_deleted) l"
        )
    )
    for mart in ("user_summary", "user_workload_weekly"):
        assert deployment.query(by_person.format(f"mart.{mart}")) == ledger, mart


def test_freshness_has_the_moments_that_were_worked_out_by_hand(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    rows = deployment.query(
        "SELECT *, now() AS now FROM mart.sync_freshness WHERE project_key = 'OPS'"
    )
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


def test_the_marts_call_a_project_equal_when_the_check_does(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    [ops] = deployment.query("SELECT space_key, id FROM raw.projects WHERE project_key = 'OPS'")
    with deployment.engine.connect() as connection:
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
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    with deployment.engine.connect() as connection:

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


def test_syncs_have_the_figures_that_were_worked_out_by_hand(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    with deployment.engine.connect() as connection:
        work_a_day_of_syncs(connection)
        [row] = connection.execute(
            text("SELECT * FROM mart.sync_stats WHERE space_key = 'HAND'")
        ).mappings()
        connection.rollback()
    assert [
        row[name] for name in ("runs", "completed", "failed", "syncs", "syncs_failed", "requests")
    ] == [3, 2, 1, 4, 1, 8]
    assert (round(row["success_rate"], 4), row["mean_seconds"], row["items_synced"]) == (
        Decimal("0.6667"),
        70,
        310,
    )
    assert round(row["items_per_hour"], 2) == Decimal("5314.29")


def test_totals_agree_with_the_source(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    issues = list(deployment.sim.space.issues.values())

    def total(sql: str) -> Any:
        [row] = deployment.query(f"SELECT {sql}")
        return next(iter(row.values()))

    hours = sum(
        (Decimal(str(issue.actual_hours)) for issue in issues if issue.actual_hours is not None),
        Decimal(0),
    )
    assert total("sum(hours) FROM mart.hours_ledger") == hours
    assert total("sum(issues) FROM mart.project_summary") == len(issues)
    today = "(SELECT max(day) FROM mart.flow_daily)"
    assert total(f"sum(issues) FROM mart.flow_daily WHERE day = {today}") == len(issues)
    done = total("count(*) FROM mart.issue WHERE stage = 'done'")
    assert total(f"sum(issues) FROM mart.flow_daily WHERE day = {today} AND stage = 'done'") == done
    assert (
        total("sum(done) FROM mart.throughput_weekly")
        == total("sum(issues) FROM mart.cycle_time")
        == done
    )
    assert total("sum(created) FROM mart.user_workload_weekly") == len(issues)
    assert total("sum(hours) FROM mart.user_summary") == hours
    assert total("bool_and(is_equal) FROM mart.sync_freshness") is True
    said = sum(bool(comment.content) for issue in issues for comment in issue.comments)
    assert total("count(*) FROM mart.conversation") == said
