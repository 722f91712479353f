"""The mask: what it replaces in records and what it leaves, for any key and any text."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.masking import Forgotten, Mask, fingerprint, identity_of

KEY = "a key that nobody knows"
USER = {
    "id": 5,
    "userId": "mori",
    "name": "森 明日香",
    "roleType": 2,
    "lang": "ja",
    "nulabAccount": {
        "nulabId": "n-5",
        "name": "森 明日香",
        "uniqueId": "mori",
        "iconUrl": "https://x.test/n-5",
    },
    "mailAddress": "mori@acme.test",
    "lastLoginTime": "2026-05-06T07:08:09Z",
    "keyword": "森 明日香 mori",
    "phone": ["090-0000"],
}
ISSUE = {
    "id": 5,
    "summary": "森 明日香",
    "createdUser": USER,
    "assignee": {"id": 6, "name": "Emma"},
    "stars": [{"id": 9, "presenter": USER}],
    "status": {"id": 5, "name": "未対応"},
    "attachments": [{"id": 5, "name": "mori.txt", "createdUser": USER}],
}
COMMENT = {
    "content": "mori@acme.test",
    "changeLog": [
        {
            "field": "assigner",
            "originalValue": None,
            "newValue": "森 明日香",
            "attributeInfo": None,
        },
        {
            "field": "assigner",
            "originalValue": "森 明日香",
            "newValue": "",
            "attributeInfo": {"id": 3, "typeId": 1},
        },
        {
            "field": "status",
            "originalValue": "森 明日香",
            "newValue": "完了",
            "attributeInfo": None,
        },
    ],
    "notifications": [{"id": 5, "user": USER}],
}
KEPT = {"id": 5, "roleType": 2, "lang": "ja", "lastLoginTime": "2026-05-06T07:08:09Z"}
PERSON = Forgotten("acme", frozenset({5}), {fingerprint("acme", "森 明日香"): 5})

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "name", "userId", "user", "createdUser", "field", "newValue", "content", "x"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    return (
        [text for item in value for text in texts(item)]
        if isinstance(value, list)
        else [value]
        if isinstance(value, str)
        else []
    )


def test_every_text_of_a_user_is_replaced_and_nothing_else_of_a_record() -> None:
    mask = Mask(KEY)
    before = copy.deepcopy(ISSUE)
    masked = mask(ISSUE)
    assert before == ISSUE, "the record itself is left alone"
    user = masked["createdUser"]
    assert {name: user[name] for name in KEPT} == KEPT
    assert set(user) == set(USER)
    assert not {*texts({name: item for name, item in user.items() if name not in KEPT})} & {
        *texts(USER)
    }
    assert user["name"].startswith(f"user-{mask.tag}")
    assert user["mailAddress"].startswith("mail-")
    assert masked["stars"][0]["presenter"] == masked["attachments"][0]["createdUser"] == user
    assert user["nulabAccount"]["name"] == user["name"], "what could be joined still can"
    assert (masked["assignee"]["id"], masked["assignee"]["name"][:5]) == (6, "user-")
    assert (masked["summary"], masked["status"], masked["attachments"][0]["name"]) == (
        "森 明日香",
        ISSUE["status"],
        "mori.txt",
    )


def test_assignees_in_change_logs_are_replaced_as_in_users_and_other_values_are_not() -> None:
    masked = Mask(KEY)(COMMENT)
    name = Mask(KEY)(USER)["name"]
    assigned, custom, status = masked["changeLog"]
    assert (assigned["originalValue"], assigned["newValue"]) == (None, name)
    assert [custom, status] == COMMENT["changeLog"][1:]
    assert masked["content"] == COMMENT["content"]
    activity = {
        "content": {
            "changes": [
                {
                    "field": "assigner",
                    "old_value": "5",
                    "new_value": "森 明日香",
                    "type": "standard",
                }
            ]
        }
    }
    assert Mask(KEY)(activity)["content"]["changes"][0] == {
        "field": "assigner", "old_value": "5", "new_value": name, "type": "standard",
    }  # fmt: skip


@pytest.mark.parametrize("key", ["", KEY])
def test_who_is_forgotten_is_known_again_by_id_and_by_name_with_and_without_a_key(key: str) -> None:
    mask = Mask(key).but(PERSON)
    issue, comment = mask(ISSUE), mask(COMMENT)
    for user in (
        issue["createdUser"],
        issue["stars"][0]["presenter"],
        comment["notifications"][0]["user"],
    ):
        assert {*texts({name: item for name, item in user.items() if name not in KEPT})} == {
            "forgotten-5"
        }
        assert {name: user[name] for name in KEPT} == KEPT
    assert comment["changeLog"][0]["newValue"] == "forgotten-5"
    assert issue["assignee"]["name"] == (Mask(key)(ISSUE)["assignee"]["name"])


def test_a_person_who_was_forgotten_under_a_key_is_known_by_the_pseudonym() -> None:
    pseudonym = Mask(KEY)(USER)["name"]
    known = Forgotten("acme", frozenset({5}), {fingerprint("acme", pseudonym): 5})
    assert Mask(KEY).but(known)(COMMENT)["changeLog"][0]["newValue"] == "forgotten-5"
    assert Mask(KEY).but(known)(Mask(KEY)(COMMENT))["changeLog"][0]["newValue"] == "forgotten-5"


@pytest.mark.parametrize("key", ["", KEY])
def test_a_new_name_of_a_forgotten_person_is_masked_from_the_answer_that_shows_it(key: str) -> None:
    mask = Mask(key).but(PERSON)
    renamed = {**USER, "name": "Ford", "nulabAccount": {"name": "Prefect"}}
    logged = {
        "changeLog": [{"field": "assigner", "originalValue": "Ford", "newValue": "Prefect"}],
        "content": "Ford",
    }
    before = mask(logged)
    assert mask.new_names(logged) == {}
    assert before["changeLog"][0]["originalValue"] == Mask(key).by_key("Ford")
    names = mask.new_names([logged, {"createdUser": renamed}])
    assert names == {"Ford": 5, "Prefect": 5}
    taught = mask.knowing(names)
    first = taught(logged)
    assert (first["changeLog"][0]["originalValue"], first["changeLog"][0]["newValue"]) == (
        "forgotten-5",
        "forgotten-5",
    )
    assert first["content"] == "Ford", "what people write stays"
    assert taught(logged) == first == taught(before)
    assert taught.forgotten.names.keys() - mask.forgotten.names.keys() == {
        fingerprint("acme", Mask(key).by_key(name)) for name in ("Ford", "Prefect")
    }
    assert "Ford" not in repr(taught)
    assert taught.new_names([logged, {"createdUser": renamed}]) == {}, "it is new once"
    gone = {"createdUser": {**USER, "name": "forgotten-5", "nulabAccount": None}}
    assert mask.new_names(gone) == {}


@given(JSON, st.sampled_from(["", KEY]))
@settings(deadline=None)  # fingerprints are slow on purpose
def test_what_a_mask_has_learnt_changes_nothing_that_it_has_masked(value: Any, key: str) -> None:
    mask = Mask(key).but(PERSON)
    taught = mask.knowing(mask.new_names(value))
    masked = taught(value)
    assert taught.new_names(value) == {}
    assert taught(mask(value)) == masked == taught(masked)


@given(JSON, st.sampled_from(["", KEY]), st.booleans())
@settings(deadline=None)
def test_the_mask_is_the_same_each_time_and_again_changes_nothing(
    value: Any, key: str, forgets: bool
) -> None:
    mask = Mask(key).but(PERSON) if forgets else Mask(key)
    masked = mask(value)
    assert mask(value) == masked
    assert mask(masked) == masked
    assert shape(masked) == shape(value)
    if mask.idle:
        assert masked == value


def shape(value: Any) -> Any:
    """Return a value with nothing left of its texts but whether they are empty."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return (
        [shape(item) for item in value]
        if isinstance(value, list)
        else bool(value)
        if isinstance(value, str)
        else value
    )


@given(st.text(min_size=1), st.text(min_size=1))
def test_the_same_name_has_the_same_pseudonym_and_another_one_has_not(one: str, other: str) -> None:
    def masked(name: str) -> str:
        return str(Mask(KEY)({"id": 1, "userId": None, "name": name})["name"])

    assert (masked(one) == masked(other)) is (one == other)
    assert Mask(KEY + "!")({"id": 1, "userId": None, "name": one})["name"] != masked(one)


def test_a_person_is_found_wherever_a_record_has_one() -> None:
    identity = identity_of([ISSUE, COMMENT], 5)
    assert ("name", "森 明日香") in identity
    assert {value for _, value in identity} == {*texts(USER)} - {*texts(KEPT)}
    assert identity_of(ISSUE, 6) == {("name", "Emma")}
    assert identity_of(ISSUE, 7) == set()
