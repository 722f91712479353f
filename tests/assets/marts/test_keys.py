"""The tests `is_key`: each is answered by a build, and a row without a key of its own is found."""

import json

import dagster as dg

from assets.marts.keys import IS_KEY, answered
from assets.marts.project import manifest
from tests.assets.marts.building import last_checks, rows_of
from tests.deployment import Deployment

CHECK = dg.AssetCheckKey(
    dg.AssetKey(["mart", "team_member"]), "is_key_team_member_space_key__team_id__user_id"
)


def test_a_build_answers_each_of_them(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    tests = json.loads(manifest().read_bytes())["nodes"].values()
    names = {
        test["name"] for test in tests if (test.get("test_metadata") or {}).get("name") == IS_KEY
    }
    found = {
        name: check.passed
        for name, check in last_checks(deployment).items()
        if name.startswith(IS_KEY)
    }
    assert found == dict.fromkeys(names, True)


def test_rows_of_one_key_and_an_empty_key_are_found_and_shown_where_the_server_allows_them(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    read = json.loads(manifest().read_bytes())
    assert [result.passed for result in answered({CHECK}, read, deployment.engine)] == [True]
    [key] = deployment.query(
        "SELECT conname FROM pg_constraint WHERE conrelid = "
        "'mart.team_member'::regclass AND contype = 'p'"
    )
    deployment.change(
        f'ALTER TABLE mart.team_member DROP CONSTRAINT "{key["conname"]}", ALTER '
        "COLUMN user_id DROP NOT NULL"
    )
    deployment.change("CREATE TABLE ops.kept AS SELECT * FROM mart.team_member")
    deployment.change(
        "INSERT INTO mart.team_member SELECT * FROM mart.team_member ORDER BY user_id DESC LIMIT 1"
    )
    deployment.change("UPDATE mart.team_member SET user_id = NULL WHERE user_id = 0")
    [result] = answered({CHECK}, read, deployment.engine)
    deployment.change(
        "DELETE FROM mart.team_member; INSERT INTO mart.team_member SELECT * FROM "
        "ops.kept; DROP TABLE ops.kept"
    )
    deployment.change("ALTER TABLE mart.team_member ADD PRIMARY KEY (space_key, team_id, user_id)")
    assert not result.passed
    shown = rows_of(result)
    assert sorted((row["user_id"] == "None", row["rows"]) for row in shown) == [
        (False, "2"),
        (True, "1"),
    ]
    assert [result.passed for result in answered({CHECK}, read, deployment.engine)] == [True]
