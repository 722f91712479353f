"""Every switch of the simulator, both ways: whatever an undocumented API does, the warehouse ends equal to the source.

One case has all defaults, and one stands for each other value: so each switch is seen with each of its values. The source is asked
over HTTP by this file itself. Add here: a change that people make, a switch's other value. Keep out: what a switch does at the
source (`tests/resources/simulator`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

import httpx
import pytest

from resources.simulator import PLANS, SpaceSpec, Switches
from tests.deployment import Deploy, Deployment, failures

SPEC = SpaceSpec(seed=5, users=6, projects=3, issues=60, history_days=240)
#: Values of the switches that are numbers, besides their default.
NUMBERS = {"limits_drop_after": 60, "activity_retention_days": 1, "late_activity_seconds": 3_600}
MASTERS = {
    "statuses": "statuses",
    "issue_types": "issueTypes",
    "categories": "categories",
    "versions": "versions",
    "custom_fields": "customFields",
}


def cases() -> list[dict[str, Any]]:
    """Return the defaults, and one case for each other value of each switch."""
    found: list[dict[str, Any]] = [{}]
    types = get_type_hints(Switches)
    for switch in fields(Switches):
        values: Iterable[Any] = get_args(types[switch.name])
        if types[switch.name] is bool:
            values = (True, False)
        elif types[switch.name] is int:
            values = (NUMBERS[switch.name],)
        found += [{switch.name: value} for value in values if value != switch.default]
    return found


def name_of(case: dict[str, Any]) -> str:
    """Return what the test report says."""
    return "-".join(f"{name}={value}" for name, value in case.items()) or "defaults"


@pytest.mark.parametrize("switches", cases(), ids=name_of)
def test_the_warehouse_ends_equal_to_the_source(deploy: Deploy, switches: dict[str, Any]) -> None:
    deployment = deploy(SPEC, switches=Switches(**switches), limits=PLANS["paid"]).load()
    before = source_issues(deployment)
    assert stored_issues(deployment) == before
    assert stored_masters(deployment) == source_masters(deployment)

    people_work(deployment)
    deployment.discover()
    for run in (deployment.run("users"), deployment.run("projects"), deployment.run_issues(mode="incremental")):
        assert run.success, failures(run)
    expected, found = source_issues(deployment), stored_issues(deployment)
    assert found.keys() == expected.keys()
    seen = {number for number, row in expected.items() if number not in before or row["updated_at"] != before[number]["updated_at"]}
    assert len(seen) > 10
    assert {number: found[number] for number in seen} == {number: expected[number] for number in seen}
    assert {row["issue_key"] for row in found.values()} == {row["issue_key"] for row in expected.values()}
    assert stored_masters(deployment) == source_masters(deployment)

    run = deployment.run_issues()
    assert run.success, failures(run)
    assert stored_issues(deployment) == expected


def people_work(deployment: Deployment) -> None:
    """Change everything that can be changed."""
    space = deployment.sim.space
    ops, web = space.project("OPS"), space.project("WEB")
    edited, commented, starred, removed, moved, parent, child, untouched, *bulk = sorted(ops.issues)
    number, choice = (next(field for field in ops.fields.values() if field.kind == kind) for kind in (3, 5))
    category = next(iter(ops.categories))
    status = space.add_status("OPS", "確認中 👀").id
    space.edit_issue(child, parent_id=parent, custom={choice.id: 1})
    space.edit_issue(
        edited, status_id=status, assignee_id=ops.members[0], resolution_id=0, start_date="2026-03-01", due_date="2026-12-31",
        estimated_hours=1.25, actual_hours=0.5, summary="直した 😀", description="a\r\nb", custom={number.id: 42},
    )  # fmt: skip
    space.comment(commented, "コメント")
    space.star(starred)
    space.edit_issue(untouched)
    space.bulk_edit(bulk[:4], priority_id=2, milestone_ids=tuple(ops.versions)[:1])
    space.create_issue("OPS", due_date="2026-01-01", category_ids=(category,), custom={number.id: 7})
    space.import_issues("WEB", 3)
    for gone in (removed, parent, min(web.issues)):
        space.delete_issue(gone)
    space.move_issue(moved, "WEB")
    space.rename_status("OPS", status, "確認済み")
    space.rename_category("OPS", category, "改名")
    space.delete_category("OPS", tuple(ops.categories)[1])
    space.delete_version("OPS", tuple(ops.versions)[-1])
    space.delete_item("OPS", choice.id, 1)
    space.rename_user(ops.members[0], "名前 変更")
    space.rename_project("WEB", key="SITE", name="サイト")
    space.archive_project("APP")


def ask(deployment: Deployment, path: str, **params: Any) -> list[dict[str, Any]]:
    """Fetch a list of the source."""
    query = {name.replace("project", "projectId[]"): value for name, value in params.items()}
    answer = httpx.get(f"{deployment.sim.url}/api/v2{path}", params={**query, "apiKey": deployment.api_key})
    rows: list[dict[str, Any]] = answer.raise_for_status().json()
    return rows


def source_issues(deployment: Deployment) -> dict[int, dict[str, Any]]:
    """Return what the source says of each issue, in the columns of the warehouse."""
    listed = deployment.sim.space.switches.archived_issues_listed
    deployment.sim.switch(archived_issues_listed=True)  # listed or not, they are there
    projects = [project["id"] for project in ask(deployment, "/projects")]
    rows = [row for project in projects for row in ask(deployment, "/issues", project=project, count=100)]
    deployment.sim.switch(archived_issues_listed=listed)
    return {row["id"]: typed(row) for row in rows}


def typed(issue: dict[str, Any]) -> dict[str, Any]:
    """Return an issue of the API in the columns of the warehouse."""
    one = {
        column: issue[name]["id"] if issue[name] else None
        for column, name in {
            "issue_type_id": "issueType", "status_id": "status", "priority_id": "priority", "resolution_id": "resolution",
            "assignee_id": "assignee", "created_user_id": "createdUser", "updated_user_id": "updatedUser",
        }.items()
    }  # fmt: skip
    many = {"category_ids": "category", "version_ids": "versions", "milestone_ids": "milestone"}
    return {
        **one,
        **{column: sorted(entry["id"] for entry in issue[name]) for column, name in many.items()},
        "id": issue["id"],
        "project_id": issue["projectId"],
        "issue_key": issue["issueKey"],
        "summary": issue["summary"],
        "description": issue["description"],
        "parent_issue_id": issue["parentIssueId"],
        "start_date": day(issue["startDate"]),
        "due_date": day(issue["dueDate"]),
        "estimated_hours": hours(issue["estimatedHours"]),
        "actual_hours": hours(issue["actualHours"]),
        "created_at": datetime.fromisoformat(issue["created"]),
        "updated_at": datetime.fromisoformat(issue["updated"]),
        **content(issue),
    }


def content(issue: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has no column: custom fields by id, a chosen item by its id, and the stars."""
    values = {}
    for field in issue["customFields"]:
        value = field["value"]
        chosen = value if isinstance(value, list) else [value]
        ids = sorted(str(item["id"] if isinstance(item, dict) else item) for item in chosen if item is not None)
        if ids or field.get("otherValue"):
            values[field["id"]] = (ids, field.get("otherValue"))
    return {"custom": values, "stars": sorted(star["id"] for star in issue["stars"])}


def day(value: str | None) -> date | None:
    """Return a day, which is written as midnight of UTC or of the space's zone."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    return moment.date() if moment.hour == 0 else moment.astimezone(ZoneInfo(SPEC.timezone)).date()


def hours(value: float | None) -> Decimal | None:
    """Return hours as the warehouse keeps them."""
    return None if value is None else Decimal(str(value))


def stored_issues(deployment: Deployment) -> dict[int, dict[str, Any]]:
    """Return the issues of the warehouse, deleted ones left out, in the columns that are compared."""
    dropped = {"space_key", "key_id", "payload", "content_hash", "loaded_at", "run_id", "deleted_at", "deleted_reason"}
    return {
        row["id"]: {name: value for name, value in row.items() if name not in dropped} | content(row["payload"])
        for row in deployment.rows("issues")
    }


def source_masters(deployment: Deployment) -> dict[str, set[tuple[Any, ...]]]:
    """Return project, id and name of all master data, projects, members and users at the source."""
    projects = ask(deployment, "/projects")
    found = {
        table: {
            (project["id"], row["id"], row["name"])
            for project in projects
            for row in ask(deployment, f"/projects/{project['id']}/{path}")
        }
        for table, path in MASTERS.items()
    }
    return found | {
        "projects": {(project["id"], project["projectKey"], project["name"], project["archived"]) for project in projects},
        "users": {(user["id"], user["name"]) for user in ask(deployment, "/users")},
        "project_members": {
            (project["id"], user["id"]) for project in projects for user in ask(deployment, f"/projects/{project['id']}/users")
        },
    }


def stored_masters(deployment: Deployment) -> dict[str, set[tuple[Any, ...]]]:
    """Return the same of the warehouse."""
    columns = dict.fromkeys(MASTERS, ("project_id", "id", "name")) | {
        "projects": ("id", "project_key", "name", "archived"),
        "users": ("id", "name"),
        "project_members": ("project_id", "user_id"),
    }
    return {table: {tuple(row[name] for name in names) for row in deployment.rows(table)} for table, names in columns.items()}
