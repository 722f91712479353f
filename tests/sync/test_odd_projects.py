"""A project whose record is odd: it is loaded or set aside and named, the others load, nothing of
it is taken for deleted, and all is equal again once the source is right.
"""

from typing import Any

import pytest

from tests.sync.trouble import spoil
from tests.syncs import Syncs, failures, load, load_lists_and_changes, watermarks

REPLACED = "NUL or a lone surrogate is now U+FFFD"
UNUSABLE = "projectKey cannot be the key of a partition"
TWICE = "OPS is the projectKey of another record of the answer, too"

#: What the source says of WEB, how its records are in quarantine, and which projects are not read.
CASES: dict[str, tuple[dict[str, Any], str, set[str]]] = {
    "key with NUL": ({"projectKey": "W\0B"}, UNUSABLE, {"WEB"}),
    "key with a surrogate": ({"projectKey": "W\ud800B"}, UNUSABLE, {"WEB"}),
    "key with dots": ({"projectKey": "W...B"}, UNUSABLE, {"WEB"}),
    "long key": ({"projectKey": "網" * 5_000}, UNUSABLE, {"WEB"}),
    "no key": ({"projectKey": None}, "projectKey is not text", {"WEB"}),
    "key of another": ({"projectKey": "OPS"}, TWICE, {"WEB", "OPS"}),
    "no id": ({"id": None}, "id is not a whole number", {"WEB"}),
    "name with NUL": ({"name": "W\0B"}, REPLACED, set()),
    "name with a surrogate": ({"name": "W\ud800B"}, REPLACED, set()),
    "no name": ({"name": None}, "", set()),
    "order of no number": ({"displayOrder": "x"}, "invalid input syntax for type bigint", set()),
    "odd archived": ({"archived": [1]}, "invalid input syntax for type boolean", set()),
}


@pytest.mark.parametrize("case", CASES)
def test_an_odd_project_stops_no_other_and_loses_nothing(synced: Syncs, case: str) -> None:
    fields, reason, aside = CASES[case]
    project, before = synced.space.project("WEB"), watermarks(synced)
    for key in ("OPS", "WEB", "APP"):
        issue = next(iter(synced.space.project(key).issues.values()))
        synced.space.edit_issue(issue, summary="changed")
    rows = {table: len(synced.rows(table)) for table in ("issues", "statuses")}
    heal = spoil(synced, {project.id: fields}, "/projects")
    run = synced.listing()
    assert failures(run) + failures(synced.run(mode="incremental")) == []
    entries = synced.query("SELECT * FROM ops.rejected_records WHERE resolved_at IS NULL")
    assert all(str(entry["error"]).startswith(reason) for entry in entries)
    assert len(entries) == (len(aside) or bool(reason))
    changed = {row["project_id"] for row in synced.rows("issues") if row["summary"] == "changed"}
    unread = {synced.space.project(key).id for key in aside}
    assert changed == synced.space.projects.keys() - unread
    after = watermarks(synced)
    assert {key for key in before if after[key] == before[key]} == aside
    assert not synced.query("SELECT * FROM ops.deletions")
    assert {table: len(synced.rows(table)) for table in rows} == rows
    if aside and fields.keys() != {"id"}:
        assert all(
            synced.row("projects", one)["deleted_reason"].startswith("no access: in quarantine")
            for one in unread
        )
    heal()
    load_lists_and_changes(synced)
    assert not synced.query("SELECT * FROM ops.rejected_records WHERE resolved_at IS NULL")
    assert synced.row("projects", project.id)["deleted_reason"] is None
    assert synced.compare().status == "equal"


def test_an_issue_that_may_be_in_a_project_that_is_set_aside_is_not_marked_deleted(
    synced: Syncs,
) -> None:
    moved, gone = list(synced.space.project("OPS").issues.values())[:2]
    synced.space.move_issue(moved, "WEB")
    synced.space.delete_issue(gone)
    fields = {synced.space.project("WEB").id: {"projectKey": "W\0B"}}
    heal = spoil(synced, fields, "/projects")
    synced.listing("projects")
    load(synced, "targeted")
    assert {issue for issue, _, _ in synced.deletions("issues")} == {gone.id}, "as the feed says"
    heal()
    load_lists_and_changes(synced)
    assert synced.row("issues", moved.id)["project_id"] == synced.space.project("WEB").id
    assert synced.compare().status == "equal"
