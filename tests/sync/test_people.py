"""People who are masked or forgotten: every column of every table is searched, after loads of every
kind.
"""

import json
import re

import pytest

from resources.masking import Mask
from resources.warehouse.people import forgetting
from resources.warehouse.people.mask_stored_rows import PSEUDONYM
from resources.warehouse.state import webhook_inbox
from resources.warehouse.warehouse_errors import WarehouseBusyError
from simulator.model import User
from sync.webhook_effects import drain
from tests.sync.somebody import (
    KEY,
    NAME,
    OTHER_KEY,
    TINY,
    WHO,
    equal,
    found,
    live,
    load,
    names_and_addresses,
)
from tests.syncs import StartSyncs, Syncs


def ways_of_naming(syncs: Syncs) -> set[str]:
    """Return how people stand in the tables that the check `people_alike` of comments looks at:
    `plain`, or the tag of a key.
    """
    shown = ("payload #>> '{createdUser,name}' AS name FROM raw.comments", "name FROM raw.users")
    names = [
        row["name"]
        for one in shown
        for row in syncs.query(f"SELECT DISTINCT {one} WHERE deleted_at IS NULL")
    ]
    return {name[:9] if re.fullmatch(PSEUDONYM, name) else "plain" for name in names if name}


def copies(syncs: Syncs, someone: User) -> None:
    """Put what names the person where loads put it only in trouble, and marts as dbt makes them."""
    shown = {"id": someone.id, "userId": someone.login, "name": NAME, "mailAddress": someone.mail}
    with syncs.engine.begin() as connection:
        webhook_inbox.receive(
            connection, "acme", json.dumps({"id": 7, "type": 3, "createdUser": shown})
        )
        webhook_inbox.receive(connection, "acme", f"no JSON of {NAME}")
    entry = "space_key, table_name, record_key, payload, reason, error, run_id"
    of_person = f"FROM raw.users WHERE id = {someone.id}"
    for statement in (
        (
            "INSERT INTO ops.unexpected_fields SELECT 'acme', 'users', 'x', now(), "
            f"to_jsonb(name)::text {of_person}"
        ),
        (
            f"INSERT INTO ops.rejected_records ({entry}) SELECT 'acme', "
            "'users', '5', payload::text, "
            f"'rejected', name, 'r' {of_person}"
        ),
        "CREATE SCHEMA staging",
        "CREATE SCHEMA mart",
        (
            "CREATE TABLE staging.stg_issue AS SELECT id, payload #>> '{assignee,name}' AS "
            "assignee FROM raw.issues"
        ),
        (
            'CREATE TABLE mart."Odd table" AS SELECT name AS "user name", ARRAY[name, '
            "user_id] AS names FROM raw.users"
        ),
        "CREATE TABLE mart.history AS SELECT old_value, new_value FROM raw.issue_changes",
    ):
        syncs.change(statement)


def test_who_is_forgotten_is_nowhere_and_does_not_come_back(loaded: Syncs) -> None:
    someone = live(loaded)
    copies(loaded, someone)
    assert set(found(loaded, WHO)) == WHO
    others = [user.name for user in loaded.space.users.values() if user.id != someone.id]
    known = found(loaded, others)

    changed = forgetting.forget(loaded.engine, "acme", someone.id, Mask())
    assert changed.keys() >= {
        *(f"raw.{name}" for name in ("users", "issues", "comments", "teams", "project_members")),
        *("raw.activities", "raw.issue_changes", "ops.names", "ops.rejected_records"),
        *("ops.webhook_events", "ops.unexpected_fields", "staging.stg_issue"),
        *('mart."Odd table"', "mart.history"),
    }
    assert found(loaded, WHO) == []
    assert found(loaded, others) == known
    equal(loaded)

    load(loaded)
    load(loaded, "incremental")
    first, second, third = list(loaded.space.issues)[:3]
    loaded.space.comment(first, "I am back", by=someone.id)
    loaded.space.edit_issue(third, assignee_id=someone.id, by=someone.id)
    loaded.space.edit_issue(second, assignee_id=someone.id)
    load(loaded, "incremental")
    load(loaded, "refresh")
    assert found(loaded, WHO) == []
    [row] = loaded.query(
        "SELECT name, user_id, mail_address, nulab_account_id FROM "
        f"raw.users WHERE id = {someone.id}"
    )
    assert set(row.values()) == {f"forgotten-{someone.id}"}
    assigned = loaded.query(
        "SELECT DISTINCT new_value FROM raw.issue_changes WHERE field = 'assignee' "
        f"AND new_id = {someone.id}"
    )
    assert [one["new_value"] for one in assigned] == [f"forgotten-{someone.id}"], (
        "still known by id, also under the old name"
    )
    equal(loaded)
    loaded.space.delete_user(someone.id)
    load(loaded)
    assert found(loaded, WHO) == []
    assert forgetting.forget(loaded.engine, "acme", someone.id, Mask()) == {}, "once is enough"


def test_a_load_that_read_before_somebody_was_forgotten_writes_nothing_more(loaded: Syncs) -> None:
    with loaded.engine.begin() as connection:
        before = forgetting.forgotten(connection, "acme").ids
        forgetting.hold(connection, "acme", before)
    someone = next(iter(loaded.space.users))
    forgetting.forget(loaded.engine, "acme", someone, Mask())
    with (
        loaded.engine.begin() as connection,
        pytest.raises(WarehouseBusyError, match="the next load continues") as caught,
    ):
        forgetting.hold(connection, "acme", before)
    assert caught.value.cause == "forgotten_meanwhile"


@pytest.mark.full
def test_with_a_key_nobody_is_named_and_all_is_equal_and_joins_as_before(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(TINY).with_privacy_key(KEY).load()
    someone = live(syncs)
    assert found(syncs, names_and_addresses(syncs) | WHO) == []
    equal(syncs)
    joined = syncs.query(
        "SELECT count(*) AS n, bool_and(c.new_value = u.name OR n.name IS NOT NULL) AS named "
        "FROM raw.issue_changes c "
        "JOIN raw.users u ON u.id = c.new_id LEFT JOIN ops.names n ON n.kind = 'users' AND n.id "
        "= u.id AND n.name = c.new_value "
        "WHERE c.field = 'assignee'"
    )
    assert joined[0]["n"] > 2
    assert joined[0]["named"] is True
    forgetting.forget(syncs.engine, "acme", someone.id, Mask(KEY))
    load(syncs)
    [row] = syncs.query(f"SELECT name FROM raw.users WHERE id = {someone.id}")
    assert row["name"] == f"forgotten-{someone.id}"
    log = syncs.query(
        "SELECT DISTINCT new_value FROM raw.issue_changes WHERE field = 'assignee' "
        f"AND new_id = {someone.id}"
    )
    assert [one["new_value"] for one in log] == [f"forgotten-{someone.id}"]
    equal(syncs)


@pytest.mark.full
def test_a_key_that_is_changed_later_is_in_all_rows_after_a_full_load(loaded: Syncs) -> None:
    plain = names_and_addresses(loaded)
    shown = set(found(loaded, plain))
    assert len(shown) > 6
    before = "plain"
    for key in (KEY, OTHER_KEY, ""):
        syncs = loaded.with_privacy_key(key)
        now = f"user-{Mask(key).tag}" if key else "plain"
        assert syncs.listing("users").success
        assert syncs.run(mode="incremental").success
        assert ways_of_naming(syncs) == {before, now}
        forgetting.remask(syncs.engine, "acme", syncs.mask)
        # What another key has masked is not known: it has to be read again.
        assert ways_of_naming(syncs) == ({now} if before == "plain" else {before, now})
        load(syncs)
        assert ways_of_naming(syncs) == {now}
        assert set(found(syncs, plain)) == (set() if key else shown)
        equal(syncs)
        before = now


def test_webhooks_are_masked_whoever_has_put_them_there(loaded: Syncs) -> None:
    event = json.dumps(
        {
            "id": 8,
            "type": 3,
            "createdUser": {"id": 5, "userId": "x", "name": NAME},
            "content": {"id": 1},
        }
    )
    with loaded.engine.begin() as connection:
        webhook_inbox.receive(connection, "acme", event, Mask(KEY))
        webhook_inbox.receive(connection, "acme", f"no JSON of {NAME}", Mask(KEY))
    assert found(loaded, {NAME}) == []
    with loaded.engine.begin() as connection:
        webhook_inbox.receive(connection, "acme", event.replace("8", "9"))
        webhook_inbox.receive(connection, "acme", f"no JSON of {NAME}")
    drain(loaded.engine, "acme", Mask(KEY))
    assert found(loaded, {NAME}) == []
    assert [
        row["activity_id"]
        for row in loaded.query("SELECT activity_id FROM ops.webhook_events ORDER BY id")
    ][::2] == [8, 9]
