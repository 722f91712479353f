"""Each metric against the example that was worked out by hand (`docs/metrics.md`), and against the
tables that sum it up.
"""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from assets.marts.charts.catalogue import CHARTS
from assets.marts.manifest import manifest
from assets.marts.metrics import MetricError, Metrics
from pipelines.cli.metrics_command import metrics_command as command
from pipelines.hosting.environment import PROJECT_ROOT
from tests.assets.marts.reached import TEAM
from tests.assets.marts.test_bi import QUERIES
from tests.assets.marts.worked import work_a_day_of_syncs
from tests.assets.marts.worked_metrics import (
    BY_TIME,
    CAPACITY,
    ISSUE,
    MILESTONE,
    MILESTONE_SINCE,
    OVERDUE,
    PEERS,
    PLAN,
    REVIEW,
    SINCE,
    SPRINT,
    STUCK,
    SYNCS,
    UPCOMING,
)
from tests.assets.marts.worked_plan import july
from tests.deployment import Deployment

DEFINED = Metrics(manifest())
TOKYO = ZoneInfo("Asia/Tokyo")
#: Above a query: the command that asks for the same metrics.
COMMAND = re.compile(r"^### \d+\. ([^\n]+)\n\n[^\n`]*`backlog-elt metrics ([^`]+)`$", re.MULTILINE)


#: Heading -> arguments of the command above the query.
COMMANDS: dict[str, str] = dict(COMMAND.findall((PROJECT_ROOT / "docs" / "bi.md").read_text()))


def rows(
    reader: Engine, metrics: Sequence[str], by: Sequence[str] = (), where: Sequence[str] = ()
) -> list[dict[str, Any]]:
    return selected(reader, DEFINED.sql(metrics, by, where, by))


def selected(reader: Engine, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a query; MetricFlow cuts dates to instants, which become dates again."""
    with reader.connect() as connection:
        found = connection.exec_driver_sql(
            sql, execution_options={"no_parameters": True}
        ).mappings()
        return [
            {
                name: value.date() if isinstance(value, datetime) else value
                for name, value in row.items()
            }
            for row in found
        ]


def measured(reader: Engine, metrics: Iterable[str], *where: str) -> dict[str, float]:
    """Return metrics, each asked for by itself, which is one number for `where`."""
    found = {}
    for metric in metrics:
        [row] = rows(reader, [metric], where=where)
        found[metric] = float(row[metric])
    return found


def comparable(value: Any) -> Any:
    """Return a number as a float of twelve digits: both queries may add up in another order."""
    return float(f"{value:.12g}") if isinstance(value, int | float | Decimal) else value


@pytest.mark.parametrize("heading", COMMANDS)
def test_a_query_of_the_page_says_what_its_metrics_say(reader: Engine, heading: str) -> None:
    given = command.make_context("metrics", shlex.split(COMMANDS[heading])).params
    order = given["order"]
    defined = DEFINED.sql(
        given["names"], given["by"], given["where"], order, given["limit"], given["unit"]
    )
    by_hand, by_metric = selected(reader, QUERIES[heading]), selected(reader, defined)
    assert by_hand
    assert [*by_hand[0]] == [*by_metric[0]], "the same columns in the same order"

    def told(found: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
        return Counter(tuple(comparable(value) for value in row.values()) for row in found)

    assert told(by_hand) == told(by_metric)
    # The page puts empty values last; the rest is in the same order.
    columns = [name.lstrip("-") for name in order]
    full = [
        [comparable(row[name]) for name in columns]
        for row in by_hand
        if None not in map(row.get, columns)
    ]
    assert full == [
        [comparable(row[name]) for name in columns]
        for row in by_metric
        if None not in map(row.get, columns)
    ]


def test_each_metric_is_worked_out_by_hand() -> None:
    assert {
        *ISSUE,
        *PEERS,
        *PLAN,
        *OVERDUE,
        *STUCK,
        *SINCE,
        *SPRINT,
        *MILESTONE,
        *MILESTONE_SINCE,
        *REVIEW,
        *SYNCS,
        *TEAM,
        *BY_TIME,
        *CAPACITY,
        *UPCOMING,
    } == {*DEFINED.all}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("project=PEER", PEERS),
        ("project=PLAN", PLAN | OVERDUE),
        ("project=TREE", STUCK),
        ("milestone_name=計", SPRINT),
        ("milestone_name=夏", MILESTONE),
    ],
)
def test_the_metrics_of_a_group_have_the_numbers_that_were_worked_out_by_hand(
    reader: Engine, where: str, expected: dict[str, float]
) -> None:
    assert measured(reader, expected, where) == pytest.approx(expected)


def test_the_metrics_of_the_issue_have_the_numbers_that_were_worked_out_by_hand(
    reader: Engine, built: tuple[Deployment, int]
) -> None:
    deployment, issue = built
    [found] = deployment.query(f"SELECT issue_key FROM mart.issue WHERE issue_id = {issue}")
    of = [f"issue_key={found['issue_key']}"]
    assert measured(reader, ISSUE, *of) == pytest.approx(ISSUE)
    july, august = date(2026, 7, 1), date(2026, 8, 1)
    assert rows(reader, ["hours"], ["month"], of) == [
        {"month": july, "hours": 6},
        {"month": august, "hours": Decimal("-0.5")},
    ]
    # Half past midnight in Tokyo.
    for metric, time in (("issues_done", "day"), ("issues_with_estimate", "month")):
        assert rows(reader, [metric], [time], of) == [{time: august, metric: 1}]


def test_metrics_by_time_have_the_numbers_that_were_worked_out_by_hand(reader: Engine) -> None:
    second = "{{ TimeDimension('metric_time', 'day') }} = date '2026-07-02'"
    assert measured(reader, REVIEW, "project=OPS", "stage=review", second) == REVIEW
    stages = rows(reader, ["issues_in_stage"], by=["stage"], where=["project=PEER"])
    assert {row["stage"]: row["issues_in_stage"] for row in stages if row["issues_in_stage"]} == {
        "active": 1,
        "done": 10,
    }
    # Of the peers, made half an hour after midnight of 12 July, the first is done a day later.
    days = (
        "{{ TimeDimension('metric_time', 'day') }} between date '2026-07-12' and date '2026-07-13'"
    )
    stages = rows(reader, ["issues_in_stage"], by=["day", "stage"], where=["project=PEER", days])
    assert [(row["day"].day, row["stage"],
        row["issues_in_stage"]) for row in stages if row["issues_in_stage"]] == [
        (12, "active", 10), (12, "waiting", 1), (13, "active", 9), (13, "done", 1), (13, "waiting",
            1),
    ]  # fmt: skip
    weeks = rows(reader, ["reopenings"], by=["week"], where=["project=NUM"])
    assert [row["week"] for row in weeks if row["reopenings"]] == [
        date(2026, 7, 6),
        date(2026, 7, 20),
    ]


def test_metrics_of_what_is_open_go_up_to_the_moment_of_reading(reader: Engine) -> None:
    begin = datetime.now(UTC)
    [row] = rows(reader, [*SINCE], where=["project=TREE"])
    [of_plan] = rows(reader, [*MILESTONE_SINCE], where=["project=PLAN"])
    end, row = datetime.now(UTC), row | of_plan
    for metric, day in (SINCE | MILESTONE_SINCE).items():
        earliest, latest = (
            (at.astimezone(TOKYO).date() - date(2026, 7, day)).days
            if "days" in metric
            else (at - july(day)).total_seconds()
            for at in (begin, end)
        )
        assert earliest - 1 < row[metric] < latest + 1, metric


def test_syncs_have_the_numbers_that_were_worked_out_by_hand(
    marts: Deployment,
) -> None:
    with marts.engine.connect() as connection:
        work_a_day_of_syncs(connection)
        names = "syncs, syncs_failed, mean_seconds, items_synced, round(items_per_hour, 2)"
        query = f"SELECT {names} FROM mart.sync_stats WHERE space_key = 'HAND'"
        day = connection.exec_driver_sql(query).one()
        assert tuple(day) == (4, 1, 70, 310, Decimal("5314.29"))
        for metric, value in SYNCS.items():
            found = connection.exec_driver_sql(
                DEFINED.sql([metric], where=["space=HAND"])
            ).scalar_one()
            assert float(found) == pytest.approx(value), metric
        connection.rollback()


def test_what_the_tables_sum_up_is_the_same_as_the_metric(reader: Engine) -> None:
    """The tables are made for speed; what they say is what the definition says."""

    def table(sql: str) -> list[tuple[Any, ...]]:
        with reader.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def metric(names: Sequence[str], by: Sequence[str]) -> list[tuple[Any, ...]]:
        return [tuple(row[one] for one in (*by, *names)) for row in rows(reader, names, by)]

    assert metric(["issues", "open_issues"], ["project"]) == table(
        "SELECT project_key, issues, issues - done FROM mart.project_summary "
        "WHERE issues > 0 ORDER BY 1"
    )
    # By the project in which they were done: an issue may have moved on.
    assert metric(["issues_done"], ["done_project_id", "week"]) == table(
        "SELECT project_id, week, done FROM mart.throughput_weekly WHERE done > 0 ORDER BY 1, 2"
    )
    percentiles = ["cycle_seconds_median", "cycle_seconds_p85"]
    assert metric(percentiles, ["done_project_id", "month"]) == table(
        "SELECT project_id, done_month, cycle_seconds_median, cycle_seconds_p85 FROM "
        "mart.cycle_time ORDER BY 1, 2"
    )
    assert metric(["hours"], ["person"]) == table(
        "SELECT user_name, sum(hours) FROM mart.user_workload_weekly GROUP BY 1 HAVING "
        "bool_or(hours <> 0) ORDER BY 1"
    )
    assert metric(["person_hours", "person_issues_done"], ["person"]) == table(
        "SELECT user_name, sum(hours), sum(done) FROM "
        "mart.user_workload_weekly GROUP BY 1 ORDER BY 1"
    )


@pytest.mark.parametrize(
    ("mart", "metrics", "by", "columns"),
    [
        ("issue_now", ["overdue_issues"], ["assignee"], ["person", "issues"]),
        ("upcoming_load", ["upcoming_hours"], ["person", "week"], ["person", "monday", "hours"]),
        (
            "plan_actual_monthly",
            ["planned_hours", "worked_hours"],
            ["month"],
            ["month", "planned", "actual"],
        ),
        (
            "flow_daily",
            ["issues_in_stage"],
            ["project", "day", "stage"],
            ["project", "day", "stage", "issues"],
        ),
        (
            "throughput_weekly",
            ["issues", "issues_done", "reopenings"],
            ["week"],
            ["week", "created", "done", "reopened"],
        ),
        ("hours_ledger", ["hours"], ["month", "person"], ["month", "person", "hours"]),
        (
            "milestone_burn",
            ["milestone_scope", "milestone_done"],
            ["project", "milestone_name", "day"],
            ["project_key", "milestone", "day", "scope", "done"],
        ),
    ],
)
def test_a_chart_says_what_its_metrics_say(
    reader: Engine,
    marts: Deployment,
    mart: str,
    metrics: list[str],
    by: list[str],
    columns: list[str],
) -> None:
    [chart] = [one for one in CHARTS if one.mart == mart]
    drawn: dict[tuple[Any, ...], list[float]] = {}
    for row in marts.query(chart.query):
        of = drawn.setdefault(tuple(row[name] for name in columns[: len(by)]), [0.0] * len(metrics))
        for place, name in enumerate(columns[len(by) :]):
            of[place] += float(row[name])
    # Months are written on the axis as they are.
    defined = {
        tuple(f"{row[name]:%Y-%m}" if name == "month" else row[name] for name in by): [
            float(row[name] or 0) for name in metrics
        ]
        for row in rows(reader, metrics, by)
    }
    assert drawn
    assert {key: defined.get(key, [0.0] * len(metrics)) for key in drawn} == {
        key: pytest.approx(of) for key, of in drawn.items()
    }
    if mart in ("issue_now", "upcoming_load"):  # of the others a chart has not all days or months
        assert {key for key, of in defined.items() if any(of)} <= drawn.keys()


def test_hours_can_be_cut_by_what_their_issue_is(reader: Engine) -> None:
    by_type = rows(reader, ["hours"], by=["issue__issue_type"])
    [total] = rows(reader, ["hours"])
    assert len(by_type) > 1
    assert sum(row["hours"] for row in by_type) == total["hours"]


@pytest.mark.parametrize(
    ("metrics", "by", "said"),
    [
        (
            ["velocity_of_light"],
            [],
            "no metric 'velocity_of_light'; there are actual_by_estimate, ",
        ),
        (["hours"], ["moon"], "'moon' is no dimension; there are booking__"),
        (["sync_runs"], ["person"], "'person' is no dimension; there are sync_day__"),
        (
            ["sync_runs", "hours"],
            ["space"],
            "these metrics have only time in common, not 'space': ask for them one by one",
        ),
    ],
)
def test_what_is_not_defined_is_one_line_that_says_what_is(
    metrics: list[str], by: list[str], said: str
) -> None:
    with pytest.raises(MetricError, match="^" + said.replace("(", r"\(")) as caught:
        DEFINED.sql(metrics, by)
    assert "\n" not in str(caught.value)


def test_a_value_is_quoted_and_a_column_is_one_that_is_there() -> None:
    with pytest.raises(MetricError, match="no column 'drop' to sort by; there are month, hours"):
        DEFINED.sql(["hours"], ["month"], order=["-drop"])
    assert "= 'O''Brien; --'" in DEFINED.sql(["hours"], where=["person=O'Brien; --"])
    with pytest.raises(MetricError, match="neither name=value nor"):
        DEFINED.sql(["hours"], where=["true"])


@pytest.mark.parametrize(("page", "language"), [("metrics.md", 0), ("metrics.ja.md", 1)])
def test_the_page_lists_each_metric_as_it_is_defined(page: str, language: int) -> None:
    lines = (PROJECT_ROOT / "docs" / page).read_text().splitlines()
    for name, metric in DEFINED.all.items():
        assert f"| `{name}` | {metric.description.split(' / ')[language]} |" in lines
