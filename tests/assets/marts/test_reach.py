"""What marts say by id: the same ids as the source in every mart, and rows for each value of a list."""

from typing import Any

import pytest

from tests.assets.marts.building import build
from tests.assets.marts.worked import STEPS
from tests.deployment import Deployment


@pytest.fixture(scope="module", autouse=True)
def current(built: tuple[Deployment, int]) -> None:
    """Build what the tests of other files have loaded."""
    build(built[0])


def ids(records: list[dict[str, Any]]) -> list[int]:
    return [record["id"] for record in records]


def test_an_issue_has_the_ids_of_the_source(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    source = {row["id"]: row["payload"] for row in deployment.rows("issues")}
    keys = {issue: payload["issueKey"] for issue, payload in source.items()}
    one = {"issue_type_id": "issueType", "status_id": "status", "priority_id": "priority", "resolution_id": "resolution"}
    many = {"category_ids": "category", "milestone_ids": "milestone", "version_ids": "versions"}
    for row in deployment.query("SELECT * FROM mart.issue WHERE NOT is_deleted"):
        payload = source[row["issue_id"]]
        assert {name: row[name] for name in one} == {name: (payload[field] or {}).get("id") for name, field in one.items()}
        assert {name: row[name] for name in many} == {name: ids(payload[field]) for name, field in many.items()}
        assert row["versions"] == [version["name"] for version in payload["versions"]]
        assert row["parent_issue_key"] == keys.get(payload["parentIssueId"])


def test_an_issue_says_since_when_it_has_its_assignee_and_its_last_comment(built: tuple[Deployment, int]) -> None:
    deployment, issue = built
    [row] = deployment.query(f"SELECT * FROM mart.issue WHERE issue_id = {issue}")
    assert (row["assignee_since"], row["last_comment_at"]) == (STEPS["started"], STEPS["answered"])
    assert deployment.query("SELECT issue_key FROM mart.issue WHERE assignee_since IS NULL OR assignee_since < created_at") == []


def test_a_child_follows_its_parent_to_another_key(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    parent, child = (deployment.sim.space.create_issue("OPS").id for _ in range(2))
    deployment.sim.space.edit_issue(child, parent_id=parent)
    build(deployment.load())
    deployment.change(f"UPDATE raw.issues SET issue_key = 'OPS-900', loaded_at = clock_timestamp() WHERE id = {parent}")
    build(deployment)
    [row] = deployment.query(f"SELECT parent_issue_id, parent_issue_key FROM mart.issue WHERE issue_id = {child}")
    assert (row["parent_issue_id"], row["parent_issue_key"]) == (parent, "OPS-900")
    space = deployment.sim.space
    space.edit_issue(child, parent_id=None)
    space.delete_issue(parent)
    space.delete_issue(child)
    build(deployment.load())
