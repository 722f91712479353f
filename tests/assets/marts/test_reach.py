"""What marts say by id: the ids of the source in every mart, a row for each value of a list, teams,
and what was so in the past.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine, inspect

from assets.marts.manifest import manifest
from assets.marts.metrics import Metrics
from tests.assets.marts.building import build, checks_of, rows_of
from tests.assets.marts.reached import TEAM, begin, go_on
from tests.assets.marts.worked import STEPS
from tests.deployment import Deployment, Run

pytestmark = pytest.mark.full

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def made(marts: Deployment) -> Iterator[dict[str, int]]:
    """Make the project, and build it; take its fields away again, and with them its view."""
    found = begin(marts)
    build(marts.load())
    yield found
    for field in [*marts.sim.space.project("REACH").fields]:
        marts.sim.space.delete_field("REACH", field)
    build(marts.load())
    assert columns_of_view(marts) == {}


@pytest.fixture(scope="module")
def later(marts: Deployment, made: dict[str, int]) -> Run:
    """Return the build after people have gone on."""
    go_on(marts, made)
    marts.load()
    marts.change(
        "UPDATE raw.issues SET issue_key = 'REACH-900', loaded_at = clock_timestamp() "
        f"WHERE id = {made['parent']}"
    )
    return build(marts)


def columns_of_view(deployment: Deployment) -> dict[str, str]:
    found = deployment.query(
        "SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute "
        "WHERE attrelid = to_regclass('mart.custom_fields_reach') ORDER BY attnum"
    )
    return {row["name"]: row["type"] for row in found}


def ids(records: Rows) -> list[int]:
    return [record["id"] for record in records]


def test_an_issue_has_the_ids_of_the_source(marts: Deployment, made: dict[str, int]) -> None:
    source = {row["id"]: row["payload"] for row in marts.rows("issues")}
    keys = {issue: payload["issueKey"] for issue, payload in source.items()}
    one = {
        "issue_type_id": "issueType",
        "status_id": "status",
        "priority_id": "priority",
        "resolution_id": "resolution",
    }
    many = {"category_ids": "category", "milestone_ids": "milestone", "version_ids": "versions"}
    for row in marts.query("SELECT * FROM mart.issue WHERE NOT is_deleted"):
        payload = source[row["issue_id"]]
        assert {name: row[name] for name in one} == {
            name: (payload[field] or {}).get("id") for name, field in one.items()
        }
        assert {name: row[name] for name in many} == {
            name: ids(payload[field]) for name, field in many.items()
        }
        named = {"categories": "category", "milestones": "milestone", "versions": "versions"}
        assert {name: row[name] for name in named} == {
            name: [one["name"] for one in payload[field]] for name, field in named.items()
        }
        assert row["parent_issue_key"] == keys.get(payload["parentIssueId"])


def test_an_issue_says_since_when_it_has_its_assignee_and_its_last_comment(
    built: tuple[Deployment, int], made: dict[str, int]
) -> None:
    deployment, issue = built
    columns = "assignee_since, last_comment_at"
    assert deployment.query(f"SELECT {columns} FROM mart.issue WHERE issue_id = {issue}") == [
        {"assignee_since": STEPS["started"], "last_comment_at": STEPS["answered"]}
    ]
    odd = "assignee_since IS NULL OR assignee_since < created_at"
    assert deployment.query(f"SELECT issue_key FROM mart.issue WHERE {odd}") == []


@pytest.mark.parametrize(
    ("name", "field"),
    [("category", "category"), ("milestone", "milestone"), ("version", "versions")],
)
def test_a_bridge_has_a_row_for_each_value_in_the_order_of_the_source(
    marts: Deployment, made: dict[str, int], name: str, field: str
) -> None:
    expected = {
        (row["id"], place): (one["id"], one["name"])
        for row in marts.rows("issues")
        for place, one in enumerate(row["payload"][field], 1)
    }
    found = marts.query(f"SELECT * FROM mart.issue_{name} WHERE NOT is_deleted")
    assert {
        (row["issue_id"], row["position"]): (row[f"{name}_id"], row[name]) for row in found
    } == expected
    assert expected


def test_values_of_custom_fields_have_types_and_each_field_a_column(
    marts: Deployment, made: dict[str, int]
) -> None:
    found = marts.query(
        f"SELECT * FROM mart.issue_custom_field WHERE issue_id = {made['issue']} ORDER BY "
        "custom_field_id, position"
    )
    names = (
        "custom_field_id",
        "custom_field",
        "field_type",
        "text_value",
        "number_value",
        "date_value",
        "item_id",
    )
    assert [tuple(row[name] for name in names) for row in found] == [
        (made["number"], "工数", "number", "12.5", Decimal("12.5"), None, None),
        (made["day"], "リリース日", "date", "2026-07-31", None, date(2026, 7, 31), None),
        (made["text"], "環境", "text", "社内", None, None, None),
        (made["many"], "環境", "multiple list", "検証", None, None, 2),
        (made["many"], "環境", "multiple list", "本番", None, None, 1),
    ]
    same = (f"環境 ({made['text']})", f"環境 ({made['many']})")
    assert list(columns_of_view(marts).items())[6:] == [
        ("工数", "numeric"), ("リリース日", "date"), (same[0], "text"), (same[1], "text")
    ]  # fmt: skip
    wide = {row["issue_id"]: row for row in marts.query("SELECT * FROM mart.custom_fields_reach")}
    row = wide[made["issue"]]
    assert [row[name] for name in ("工数", "リリース日", *same)] == [
        Decimal("12.5"),
        date(2026, 7, 31),
        "社内",
        "検証, 本番",
    ]
    assert wide.keys() == {made["issue"], made["parent"], made["reported"]}, (
        "issues without values, too"
    )


def test_type_priority_start_date_and_categories_are_followed_through_time(
    marts: Deployment, made: dict[str, int]
) -> None:
    found = marts.query(
        f"SELECT * FROM mart.issue_history WHERE issue_id = {made['reported']} ORDER BY first_day"
    )
    names = ("first_day", "issue_type_id", "priority_id", "priority", "start_date", "category_ids")
    first, start = date(2026, 7, 1), date(2026, 7, 6)
    old, new = made["type"], made["other type"]
    assert [tuple(row[name] for name in names) for row in found] == [
        (first, old, 3, "中", None, []),
        (first + timedelta(days=1), old, 2, "高", None, []),
        (first + timedelta(days=2), old, 2, "高", start, []),
        (first + timedelta(days=3), old, 2, "高", start, [made["category"]]),
        (first + timedelta(days=4), new, 2, "高", start, [made["category"]]),
    ]


def test_today_has_rows_in_a_space_where_nothing_happens(
    marts: Deployment, made: dict[str, int]
) -> None:
    today = "(now() AT TIME ZONE 'Asia/Tokyo')::date"
    [found] = marts.query(f"SELECT count(*) AS n FROM mart.issue_daily WHERE day = {today}")
    [issues] = marts.query("SELECT count(*) AS n FROM mart.issue WHERE NOT is_deleted")
    [stock] = marts.query(f"SELECT sum(issues) AS n FROM mart.flow_daily WHERE day = {today}")
    assert found["n"] == stock["n"] == issues["n"] > 0
    for mart in ("issue_daily", "flow_daily"):
        last = marts.query(f"SELECT max(day) = {today} AS is_today FROM mart.{mart}")
        assert last == [{"is_today": True}]


def test_a_team_has_the_work_of_its_people(marts: Deployment, made: dict[str, int]) -> None:
    for metric, value in TEAM.items():
        [measured] = marts.query(Metrics(manifest()).sql([metric], where=["team=検証"]))
        assert measured == {metric: value}
    [row] = marts.query(f"SELECT * FROM mart.team_summary WHERE team_id = {made['team']}")
    assert [
        row[name] for name in ("people", "open_issues", "active_issues", "done_issues", "hours")
    ] == [1, 1, 1, 10, 3]
    # Everybody's work is in some team; in as many as the person has.
    members = marts.query("SELECT user_id, team_id, teams FROM mart.team_member")
    teams = Counter(row["user_id"] for row in members if row["team_id"])
    assert [row for row in members if row["teams"] != teams[row["user_id"]]] == []
    assert max(teams.values()) > 1
    people = marts.query(
        "SELECT user_id, sum(hours) AS hours FROM mart.user_workload_weekly GROUP BY user_id"
    )
    [total] = marts.query("SELECT sum(hours) AS hours FROM mart.team_project_day")
    assert sum(row["hours"] * (teams[row["user_id"]] or 1) for row in people) == total["hours"]


def test_tools_find_keys_and_relations_which_hold(reader: Engine, made: dict[str, int]) -> None:
    found = inspect(reader)
    assert found.get_pk_constraint("issue", schema="mart")["constrained_columns"] == ["issue_id"]
    relations = {
        (table, *key["constrained_columns"], key["referred_table"], *key["referred_columns"])
        for table in found.get_table_names(schema="mart")
        for key in found.get_foreign_keys(table, schema="mart")
    }
    assert {
        ("hours_ledger", "issue_id", "issue", "issue_id"),
        ("hours_ledger", "user_id", "dim_person", "user_id"),
        ("issue", "project_id", "project_summary", "project_id"),
        ("issue", "parent_issue_id", "issue", "issue_id"),
        ("issue_version", "version_id", "milestone_summary", "milestone_id"),
        ("team_project_day", "team_id", "team_summary", "team_id"),
        ("issue_custom_field", "issue_id", "issue", "issue_id"),
    } <= relations
    with reader.connect() as connection:
        orphans = {
            (table, column): connection.exec_driver_sql(
                # Milestone 0 stands for none, and has no row of its own.
                f"SELECT count(*) FROM mart.{table} AS t WHERE {column} IS NOT NULL AND "
                f"'{column}' || {column} <> 'milestone_id0' "
                f"AND NOT EXISTS (SELECT FROM mart.{target} AS o WHERE o.{key} = t.{column})"
            ).scalar_one()
            for table, column, target, key in relations
        }
    assert {place: count for place, count in orphans.items() if count} == {}


def test_an_id_is_a_number_and_a_count_is_whole(marts: Deployment, made: dict[str, int]) -> None:
    columns = marts.query(
        "SELECT table_name AS mart, column_name AS name, data_type AS type FROM "
        "information_schema.columns "
        "WHERE table_schema = 'mart' AND table_name !~ '^custom_fields_'"
    )
    assert [
        row for row in columns if re.search("_id$", row["name"]) and row["type"] != "bigint"
    ] == []
    counts = (
        "^(issues|created|done|scope|comments|people|requests|items_synced|items_failed"
        "|entered|left_stage|(?!progress_).*_issues|.*_count)$"
    )
    assert [
        row
        for row in columns
        if re.search(counts, row["name"]) and row["type"] not in ("bigint", "integer")
    ] == []


def test_what_people_change_has_a_default_and_a_warning_that_names_it(
    marts: Deployment, made: dict[str, int], later: Run
) -> None:
    checks = checks_of(later)
    named = {
        "custom_fields_mean_what_they_meant": {
            "versions": ["工数 (type 3) -> 見積り (type 3)", "環境 (type 1) -> 環境 (type 3)"]
        },
        "custom_field_values_fit_their_type": {
            "text_value": ["社内"],
            "custom_field_id": [str(made["text"])],
        },
        "custom_fields_have_names_of_their_own": {"name": ["環境"]},
        "teams_are_there": {"team": ["解散"]},
    }
    for name, expected in named.items():
        assert (checks[name].passed, checks[name].severity) == (
            False,
            dg.AssetCheckSeverity.WARN,
        ), name
        rows = rows_of(checks[name])
        assert {column: sorted(str(row[column]) for row in rows) for column in expected} == expected
    same = (f"環境 ({made['text']})", f"環境 ({made['many']})")
    assert list(columns_of_view(marts).items())[6:] == [
        ("見積り", "numeric"), ("リリース日", "date"), (same[0], "numeric"), (same[1], "text")
    ]  # fmt: skip
    [row] = marts.query(
        "SELECT * FROM mart.custom_fields_reach JOIN mart.issue USING (issue_id) "
        f"WHERE issue_id = {made['issue']}"
    )
    shown = ("見積り", same[0], "parent_issue_id", "parent_issue_key")
    assert [row[name] for name in shown] == [Decimal("12.5"), None, made["parent"], "REACH-900"]


def test_a_team_keeps_what_was_done_in_its_time(
    marts: Deployment, made: dict[str, int], later: Run
) -> None:
    teams = {row["team_id"]: row for row in marts.query("SELECT * FROM mart.team_summary")}
    of_peer = f"user_id = {made['peer']} AND NOT is_deleted"
    hours = f"SELECT sum(hours) FROM mart.hours_ledger WHERE {of_peer}"
    [peer] = marts.query(
        f"SELECT count(*) FILTER (WHERE created_user_id = {made['peer']}) AS created, "
        f"count(done_at) FILTER (WHERE assignee_id = {made['peer']}) AS done, ({hours}) AS hours "
        "FROM mart.issue WHERE NOT is_deleted"
    )
    assert peer["created"] >= 11
    assert [teams[made["team"]][name] for name in ("people", "created", "done", "hours")] == [
        1,
        *peer.values(),
    ]
    gone = teams[made["gone_team"]]
    assert (gone["is_deleted"], gone["people"], gone["open_issues"]) == (True, 0, 0)
    assert gone["created"] > 0
    members = {
        (row["team_id"], row["user_id"]) for row in marts.query("SELECT * FROM mart.team_member")
    }
    assert {(0, made["peer"]), (made["team"], made["author"])} <= members
    assert not {(made["team"], made["peer"]), (made["gone_team"], made["author"])} & members


def test_the_first_version_of_everything_reaches_back_for_ever(
    marts: Deployment, made: dict[str, int], later: Run
) -> None:
    dims = [
        row["name"]
        for row in marts.query("SELECT tablename AS name FROM pg_tables WHERE tablename ~ '^dim_'")
    ]
    for dim in sorted({*dims} - {"dim_person", "dim_membership", "dim_team_membership"}):
        first = "count(*) FILTER (WHERE valid_from = '-infinity') AS first"
        [row] = marts.query(
            f"SELECT {first}, count(DISTINCT (space_key, {key_of(dim)})) AS things FROM mart.{dim}"
        )
        assert row["first"] == row["things"], dim
    # Of memberships those that were there when the project or team was seen first.
    members = marts.query(
        "SELECT user_id, valid_from = '-infinity' AS first FROM mart.dim_team_membership "
        f"WHERE team_id = {made['team']}"
    )
    assert {(row["user_id"], row["first"]) for row in members} == {
        (made["peer"], True),
        (made["peer"], False),
        (made["author"], False),
    }
    versions = marts.query(
        "SELECT name, valid_to FROM mart.dim_custom_field WHERE custom_field_id = "
        f"{made['number']} ORDER BY valid_from"
    )
    assert [(row["name"], row["valid_to"] is None) for row in versions] == [
        ("工数", False),
        ("見積り", True),
    ]


def key_of(dim: str) -> str:
    keys = {
        "dim_membership": "project_id, user_id",
        "dim_team_membership": "team_id, user_id",
        "dim_status": "project_id, status_id",
    }
    return keys.get(dim, f"{dim.removeprefix('dim_')}_id")
