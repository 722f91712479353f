"""A key that comes later, and forgetting, where marts keep versions and errors quote people; and
what is left is told.
"""

from collections import Counter

import pytest

from resources.masking import Mask
from resources.replacements import Replacements
from resources.warehouse.people import forgetting
from resources.warehouse.people.forgetting import Copies
from resources.warehouse.people.people_columns import PeopleColumn
from resources.warehouse.people.people_left import Left, people_left
from simulator.model import User
from sync.people_at_source import texts_of_people
from tests.sync.somebody import KEY, NAME, OLD_NAME, WHO, found, live, names_and_addresses
from tests.syncs import Syncs

#: An address that only the history of users has.
OLD_MAIL = "zaphod@heart.test"
KEPT = tuple(
    PeopleColumn("mart", "dim_user", column, field, is_kept=True)
    for column, field in (("login", "userId"), ("name", "name"), ("mail_address", "mailAddress"))
)


def left(syncs: Syncs) -> Left:
    """Look for people as `privacy status` does."""
    with syncs.client() as client:
        mask = forgetting.mask_of(syncs.engine, "acme", syncs.mask)
        texts = texts_of_people(client, mask)
        return people_left(syncs.engine, "acme", mask, KEPT, {"mart.dim_user"}, texts)


def remembered(syncs: Syncs, someone: User) -> None:
    """Let marts keep an old version of somebody, and let errors and a table of somebody else's show
    the person.
    """
    name, of_person = NAME.replace("'", "''"), f"FROM raw.users WHERE id = {someone.id}"
    mine = (
        "SELECT ARRAY[name] AS names, jsonb_build_array(jsonb_build_object('who', "
        f"name)) AS document {of_person}"
    )
    for statement in (
        "CREATE SCHEMA mart",
        (
            "CREATE TABLE mart.dim_user AS SELECT space_key, id AS user_id, "
            "user_id AS login, name, "
            "mail_address FROM raw.users"
        ),
        (
            f"INSERT INTO mart.dim_user VALUES ('acme', {someone.id}, '{someone.login}', "
            f"'{OLD_NAME}', '{OLD_MAIL}')"
        ),
        f"UPDATE ops.sync_state SET last_error = 'GET /x: 400: no user {name}'",
        (
            "INSERT INTO ops.heartbeats SELECT 'alerts', now(), jsonb_build_object('said', "
            f"'of ' || name) {of_person}"
        ),
        "CREATE SCHEMA bi",
        f"CREATE TABLE bi.mine AS {mine}",
    ):
        syncs.change(statement)


def test_a_key_that_comes_later_reaches_errors_and_versions_that_marts_keep(
    loaded: Syncs,
) -> None:
    someone = live(loaded)
    remembered(loaded, someone)
    masked = loaded.with_privacy_key(KEY)
    assert left(loaded) == Left(Counter(), Counter(), Counter()), (
        "without a key nobody is to be masked"
    )
    before = left(masked)
    assert {
        "raw.users",
        "raw.issues",
        "ops.names",
        "ops.sync_state",
        "ops.heartbeats",
        "mart.dim_user",
    } <= before.stored.keys()
    assert before.others == Counter({"bi.mine": 2}), "a column with a list, and one with a document"
    replaced: list[Replacements] = []
    forgetting.remask(masked.engine, "acme", masked.mask, Copies(KEPT, replaced.append))
    assert left(masked) == Left(Counter(), Counter(), before.others)
    masked.change("DROP TABLE bi.mine")
    assert found(masked, WHO | {OLD_MAIL} | names_and_addresses(masked)) == []
    assert {OLD_MAIL, OLD_NAME, NAME} <= {*replaced[0].texts}, "for what is stored elsewhere"
    [version] = masked.query(
        f"SELECT * FROM mart.dim_user WHERE user_id = {someone.id} ORDER BY "
        "name DESC LIMIT 1 OFFSET 1"
    )
    assert {str(version[name])[:5] for name in ("login", "name", "mail_address")} == {
        "login",
        "user-",
        "mail-",
    }
    forgetting.remask(masked.engine, "acme", masked.mask, Copies(KEPT, replaced.append))
    assert replaced[1].texts == [], "once is enough"


def test_who_is_forgotten_is_erased_from_versions_that_marts_keep_by_id(loaded: Syncs) -> None:
    someone = live(loaded)
    remembered(loaded, someone)
    replaced: list[Replacements] = []
    assert "mart.dim_user" in forgetting.forget(
        loaded.engine, "acme", someone.id, Mask(), Copies(KEPT, replaced.append)
    )
    assert left(loaded).others == Counter({"bi.mine": 2})
    loaded.change("DROP TABLE bi.mine")
    assert found(loaded, WHO | {OLD_MAIL}) == []
    assert WHO | {OLD_MAIL} <= {*replaced[0].texts}
    assert left(loaded) == Left(Counter(), Counter(), Counter())
    others = loaded.query(
        "SELECT count(*) AS n FROM mart.dim_user WHERE name LIKE 'forgotten-%' "
        f"AND user_id <> {someone.id}"
    )
    assert others[0]["n"] == 0


def test_a_broken_off_attempt_changes_nothing_and_is_made_again(
    loaded: Syncs,
) -> None:
    live(loaded)
    masked = loaded.with_privacy_key(KEY)

    def lost(_replacements: Replacements) -> None:
        raise ConnectionError("Dagster's storage")

    with pytest.raises(ConnectionError):
        forgetting.remask(masked.engine, "acme", masked.mask, Copies(KEPT, lost))
    assert NAME in found(masked, WHO)
    forgetting.remask(masked.engine, "acme", masked.mask, Copies(KEPT))
    assert found(masked, WHO) == []
