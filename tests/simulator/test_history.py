"""Comments and activities: paging by id, and that both tell the same story as the issues."""

from typing import Any

import pytest

from tests.simulator.conftest import Api

UPDATE = {
    "id", "key_id", "summary", "description", "comment", "changes", "attachments", "shared_files",
    "external_file_links",
}  # fmt: skip


def feed(api: Api) -> list[dict[str, Any]]:
    """Return the whole feed, oldest first, by `minId` with the boundary row dropped."""
    rows: list[dict[str, Any]] = api.get("/space/activities", order="asc", count=100)
    while (
        len(page := api.get("/space/activities", order="asc", count=100, minId=rows[-1]["id"])) > 1
    ):
        rows += page[1:]
    return rows


def test_activity_ids_ascend_with_time_over_the_whole_space(still: Api) -> None:
    rows = feed(still)
    assert len(rows) == len(still.simulator.space.activities)
    assert [row["id"] for row in rows] == sorted({row["id"] for row in rows})
    assert [row["created"] for row in rows] == sorted(row["created"] for row in rows)
    assert {1, 2, 3, 4, 14, 15, 22, 25, 47} <= {row["type"] for row in rows}
    assert all(row["notifications"] == [] for row in rows)


def test_every_issue_was_created_in_the_feed_and_every_deleted_one_is_gone(still: Api) -> None:
    rows = feed(still)
    made = {row["content"]["id"] for row in rows if row["type"] == 1}
    made |= {link["id"] for row in rows if row["type"] == 47 for link in row["content"]["link"]}
    gone = {row["content"]["id"] for row in rows if row["type"] == 4}
    assert made - gone == set(still.simulator.space.issues)
    assert still.error(f"/issues/{min(gone)}") == (404, 6)


@pytest.mark.parametrize("inclusive", [True, False])
def test_id_bounds_follow_their_switch_for_comments_and_feeds(api: Api, inclusive: bool) -> None:
    api.simulator.switch(inclusive_ids=inclusive)
    space = api.simulator.space
    issue = space.create_issue("OPS")
    comments = [space.comment(issue, f"c{n}").id for n in range(5)]
    for path, known in (
        (f"/issues/{issue.id}/comments", comments),
        ("/projects/OPS/activities", [activity.id for activity in space.activities[-5:]]),
    ):
        got, newest, past = (
            [row["id"] for row in api.get(path, **bounds)]
            for bounds in (
                {"minId": known[1], "maxId": known[3], "order": "asc"},
                {"minId": known[0], "count": 2},
                {"minId": known[-1]},
            )
        )
        assert newest == known[:-3:-1]
        assert (got, past) == ((known[1:4], known[-1:]) if inclusive else (known[2:3], []))


def test_a_users_feed_and_a_single_activity_can_be_read(api: Api) -> None:
    space = api.simulator.space
    space.comment(space.create_issue("OPS"), "hi", notify=[space.administrator.id])
    [mine] = api.get(f"/users/{space.administrator.id}/activities", count=1)
    assert mine["type"] == 3
    assert len(api.get(f"/activities/{mine['id']}")["notifications"]) == 1


@pytest.mark.parametrize(
    ("act", "kind", "keys"),
    [
        ("rename_version", 23, {"id", "name", "changes"}),
        ("delete_version", 24, {"id", "name", "start_date", "reference_date", "description"}),
        ("delete_status", 34, {"deletedStatus", "link", "change"}),
        ("remove_member", 16, {"users", "group_project_activities", "comment"}),
        ("remove_project_team", 26, {"parties"}),
        ("notify", 17, UPDATE),
        ("link_file", 2, UPDATE),
    ],
)  # fmt: skip
def test_rarer_events_have_the_content_of_their_type(
    api: Api, act: str, kind: int, keys: set[str]
) -> None:
    space = api.simulator.space
    project = space.project("OPS")
    issue = next(iter(project.issues.values()))
    version, team = next(iter(project.versions)), project.teams[0]
    {
        "rename_version": lambda: space.rename_version("OPS", version, "v9"),
        "delete_version": lambda: space.delete_version("OPS", version),
        "delete_status": lambda: space.delete_status("OPS", max(project.statuses), 1),
        "remove_member": lambda: space.remove_member("OPS", project.members[-1]),
        "remove_project_team": lambda: space.remove_project_team("OPS", team),
        "notify": lambda: space.notify(space.comment(issue, "x"), [space.administrator.id]),
        "link_file": lambda: space.link_file(issue),
    }[act]()
    [activity] = api.get("/space/activities", count=1)
    assert (activity["type"], set(activity["content"])) == (kind, keys)
