"""New names of people who are forgotten: they are learned from answers, and erased where they
stand.
"""

import json

import pytest
from sqlalchemy import Engine

from pipelines.cli.verify_command import verify_exit_code
from resources.masking import Mask, fingerprint
from resources.warehouse.people import forgetting
from resources.warehouse.state import webhook_inbox
from tests.sync.somebody import KEY, OLD_NAME, TINY, equal, found, load
from tests.syncs import StartSyncs, Syncs

NEW_NAME, NEWER_NAME = 'Ford "Ix" Prefect', "Ford 新しい"


def assigned_later(syncs: Syncs, someone: int, name: str) -> list[int]:
    """Rename somebody at the source, and let others assign issues: one stays, one goes on to
    another. Return the issues.
    """
    other = next(
        user
        for user in syncs.space.projects[next(iter(syncs.space.issues.values())).project_id].members
        if user != someone
    )
    syncs.space.rename_user(someone, name)
    stays, passes = list(syncs.space.issues)[-2:]
    for issue in (stays, passes):
        syncs.space.edit_issue(issue, assignee_id=other, by=other)
        syncs.space.edit_issue(issue, assignee_id=someone, by=other)
    syncs.space.edit_issue(passes, assignee_id=other, by=other)
    return [stays, passes]


def loaded_and_forgotten(syncs: Syncs, mask: Mask) -> int:
    """Load a space with a user who has done nothing, forget the user, and return the id."""
    someone = syncs.space.add_user(OLD_NAME, login="zaphod-login", mail="zaphod@acme.test").id
    syncs.load()
    forgetting.forget(syncs.engine, "acme", someone, mask)
    return someone


def shown_assignees(syncs: Syncs, issue: int) -> list[str]:
    query = (
        "SELECT new_value FROM raw.issue_changes WHERE field = 'assignee' AND issue_id = "
        f"{issue} ORDER BY comment_id"
    )
    return [row["new_value"] for row in syncs.query(query)]


@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.full
def test_a_new_name_of_who_is_forgotten_is_erased_whatever_is_read_first(
    start_syncs: StartSyncs, key: str
) -> None:
    syncs, mask = start_syncs(TINY).with_privacy_key(key), Mask(key)
    someone = loaded_and_forgotten(syncs, mask)
    stays, passes = assigned_later(syncs, someone, NEW_NAME)
    assert syncs.activities().success
    assert found(syncs, {mask.by_key(NEW_NAME)}) == [mask.by_key(NEW_NAME)], (
        "the feed does not tell yet whose name it is"
    )
    with syncs.engine.begin() as connection:
        event = {
            "id": 7,
            "type": 2,
            "content": {"changes": [{"field": "assigner", "new_value": NEW_NAME}]},
        }
        webhook_inbox.receive(connection, "acme", json.dumps(event), mask)
    syncs.change(
        "INSERT INTO ops.rejected_records "
        "(space_key, table_name, record_key, payload, reason, error, run_id) "
        "SELECT 'acme', 'activities', id::text, payload::text, 'rejected', 'x', 'r' "
        "FROM raw.activities"
    )
    syncs.change(
        "CREATE SCHEMA mart; CREATE TABLE mart.history AS "
        "SELECT payload #>> '{content,changes,0,new_value}' AS new FROM raw.activities"
    )
    assert syncs.run(mode="targeted").success
    assert found(syncs, {NEW_NAME, mask.by_key(NEW_NAME)}) == [], (
        "the issue tells whose it is, and what was stored is rewritten"
    )
    assert shown_assignees(syncs, stays)[-1] == f"forgotten-{someone}"
    syncs.space.rename_user(someone, NEWER_NAME)
    syncs.space.edit_issue(passes, assignee_id=someone, by=syncs.space.administrator.id)
    load(syncs, "incremental")
    load(syncs)
    assert (
        found(
            syncs, {form for name in (NEW_NAME, NEWER_NAME) for form in (name, mask.by_key(name))}
        )
        == []
    )
    assert (
        shown_assignees(syncs, passes)[-3]
        == shown_assignees(syncs, passes)[-1]
        == f"forgotten-{someone}"
    )
    ids = syncs.query(
        "SELECT new_id FROM raw.issue_changes WHERE new_value = "
        f"'forgotten-{someone}' AND issue_id = {passes}"
    )
    assert {row["new_id"] for row in ids} == {someone}
    equal(syncs)


def let_in(syncs: Syncs, someone: int, name: str) -> None:
    """Let a name stand where a version that did not learn names has stored it, and forget that it
    was ever met.
    """
    prints = syncs.query("SELECT fingerprints FROM ops.forgotten_users")[0]["fingerprints"]
    new = fingerprint("acme", name)
    assert new in prints
    syncs.change(
        f"UPDATE ops.forgotten_users SET fingerprints = array_remove(fingerprints, '{new}')"
    )
    gone = f'"forgotten-{someone}"'
    for table, place in (
        ("comments", "changeLog"),
        ("issue_changes", "changeLog"),
        ("activities", "content"),
    ):
        shown = json.dumps(name, ensure_ascii=False).replace("'", "''").replace("\\", "\\\\")
        syncs.change(
            f"UPDATE raw.{table} SET payload = jsonb_set(payload, '{{{place}}}', "
            f"CAST(replace(CAST(payload -> '{place}' AS text), '{gone}', E'{shown}') AS jsonb)) "
            f"WHERE CAST(payload -> '{place}' AS text) LIKE '%{gone}%'"
        )
    with syncs.engine.begin() as connection:
        for side in ("old", "new"):
            connection.exec_driver_sql(
                f"UPDATE raw.issue_changes SET {side}_value = %(name)s, {side}_id = NULL, "
                f"{side}_ids = NULL, payload = "
                f"jsonb_set(payload - '{side}Id' - '{side}Ids', '{{{side}Value}}', "
                "to_jsonb(%(name)s::text)) "
                f"WHERE {side}_value = %(gone)s",
                {"name": name, "gone": gone.strip('"')},
            )


@pytest.mark.full
def test_a_name_that_a_former_version_let_in_is_reported_and_erased(
    start_syncs: StartSyncs,
) -> None:
    loaded = start_syncs(TINY)
    someone = loaded_and_forgotten(loaded, Mask())
    assigned_later(loaded, someone, NEW_NAME)
    load(loaded, "incremental")
    let_in(loaded, someone, NEW_NAME)
    assert found(loaded, {NEW_NAME}) == [NEW_NAME]
    verified = loaded.compare()
    assert (verified.status != "equal", verify_exit_code(verified)) == (1, 1)
    assert {error.split(":")[0] for error in verified.errors} == {
        "raw.comments",
        "raw.issue_changes",
        "raw.activities",
    }
    assert NEW_NAME not in str(verified.errors)
    assert loaded.listing("users").success
    assert found(loaded, {NEW_NAME}) == []
    equal(loaded)
    let_in(loaded, someone, NEW_NAME)
    changed = forgetting.forget(loaded.engine, "acme", someone, Mask())
    assert {"raw.comments", "raw.issue_changes", "raw.activities"} <= changed.keys()
    assert found(loaded, {NEW_NAME}) == []
    assert forgetting.forget(loaded.engine, "acme", someone, Mask()) == {}


def test_what_was_read_before_a_name_was_known_is_masked_when_it_is_stored(
    warehouse: Engine,
) -> None:
    forgetting.forget(warehouse, "acme", 5, Mask())
    with warehouse.connect() as connection:
        began = Mask().but(forgetting.forgotten(connection, "acme"))
    log = [{"changeLog": [{"field": "assigner", "newValue": NEW_NAME}]}]
    assert (began(log), began.new_names(log)) == (log, {})
    names = began.new_names({"assignee": {"id": 5, "name": NEW_NAME}})
    assert names == {NEW_NAME: 5}
    for _ in range(2):
        assert forgetting.learn(warehouse, "acme", began, names) == {}
    with warehouse.begin() as connection:
        now = began.but(forgetting.hold(connection, "acme", began.forgotten.ids))
    assert now(log)[0]["changeLog"][0]["newValue"] == "forgotten-5"
    assert now.new_names({"assignee": {"id": 5, "name": NEW_NAME}}) == {}
