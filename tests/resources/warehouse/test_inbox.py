"""The inbox keeps whatever is posted, each activity once, until somebody has dealt with it."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.state.webhook_inbox import Event, acknowledge, receive, take


class Inbox:
    """The functions under test, each in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def receive(self, payload: Any, space: str = "acme") -> bool:
        with self.engine.begin() as conn:
            return receive(
                conn,
                space,
                payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False),
            )

    def take(self, limit: int = 100, space: str = "acme") -> list[Event]:
        with self.engine.begin() as conn:
            return take(conn, space, limit)

    def acknowledge(self, events: list[Event], outcome: str = "done") -> None:
        with self.engine.begin() as conn:
            acknowledge(conn, [event.id for event in events], outcome)

    def column(self, name: str) -> list[Any]:
        with self.engine.begin() as conn:
            return list(
                conn.execute(text(f"SELECT {name} FROM ops.webhook_events ORDER BY id")).scalars()
            )


@pytest.fixture
def inbox(warehouse: Engine) -> Inbox:
    """Return an empty inbox."""
    return Inbox(warehouse)


def an_event(number: Any = 777_001, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": 2,
        "content": {"id": 90_017, "summary": "鍵 😀"},
        "created": "2026-08-02T01:00:00Z",
    } | more


@pytest.mark.parametrize(
    ("first", "second"),
    [(777_001, 777_001), (777_001, "777001"), ("777001", 777_001), ("777001", "0777001")],
)
def test_an_activity_is_taken_in_once_whichever_way_its_id_is_written(
    inbox: Inbox, first: Any, second: Any
) -> None:
    assert inbox.receive(an_event(first))
    assert not inbox.receive(an_event(second, type=3))
    [event] = inbox.take()
    assert (event.activity_id, json.loads(event.payload)) == (777_001, an_event(first))
    inbox.acknowledge([event])
    assert not inbox.receive(an_event(second))
    assert inbox.take() == []


def test_each_space_has_an_inbox_of_its_own(inbox: Inbox) -> None:
    assert inbox.receive(an_event())
    assert inbox.receive(an_event(), space="other")
    assert len(inbox.take()) == len(inbox.take(space="other")) == 1
    inbox.acknowledge(inbox.take())
    assert len(inbox.take(space="other")) == 1


def test_what_names_no_activity_is_kept_each_time(inbox: Inbox) -> None:
    payloads: list[Any] = [
        {"type": 2}, {"id": None}, {"id": ""}, {"id": "x1"}, {"id": 0}, {"id": -5}, {"id": True},
        {"id": 7.0}, {"id": [7]}, {"id": 2**63}, {"id": "9" * 19}, {"id": "٣"}, {}, [], [{"id": 7}],
        None, True, 7,
    ] * 2  # fmt: skip
    assert all(inbox.receive(payload) for payload in payloads)
    kept = [(event.activity_id, json.loads(event.payload)) for event in inbox.take()]
    assert kept == [(None, payload) for payload in payloads]


def test_a_body_that_is_not_json_is_kept_as_text_and_can_be_acknowledged(inbox: Inbox) -> None:
    for payload in (
        "",
        "no json",
        "<html>メンテナンス</html>",
        '{"id": 7',
        '{"id": NaN}',
        "a\x00b",
        "\ud83d",
        "[" * 100_000,
        '{"id": "7\n"}',
        "\ufeff{}",
    ):
        assert inbox.receive(payload)
        [event] = inbox.take()
        assert (event.activity_id, json.loads(event.payload)) == (None, payload)
        inbox.acknowledge([event], "no JSON")
    assert inbox.take() == []
    assert {*inbox.column("outcome")} == {"no JSON"}


@pytest.mark.parametrize("escaped", [True, False])
def test_odd_characters_are_kept(inbox: Inbox, escaped: bool) -> None:
    odd = ("\x00", "\ud83d", "\udc00\ud83d", "😀", "鍵", "\\u0000", "é\u2028")
    values = [{"id": number, one: f"a{one}b"} for number, one in enumerate(odd, 1)]
    for value in values:
        assert inbox.receive(json.dumps(value, ensure_ascii=escaped))
    assert [json.loads(event.payload) for event in inbox.take()] == values
    assert all(payload.isascii() and "\x00" not in payload for payload in inbox.column("payload"))


def test_the_text_is_kept_to_the_letter_where_it_is_ascii(inbox: Inbox) -> None:
    payload = (
        '{ "id": 7,\r\n "hours": 1.50, "big": 123456789012345678901234567890, "a": 1, "a": 2 }'
    )
    inbox.receive(payload)
    assert inbox.column("payload") == [payload]


def test_the_oldest_events_come_first_and_no_more_than_asked_for(inbox: Inbox) -> None:
    for number in (30, 10, 20):
        inbox.receive(an_event(number))
    first = inbox.take(2)
    assert [event.activity_id for event in first] == [30, 10]
    assert inbox.take(2) == first
    inbox.acknowledge(first)
    assert [event.activity_id for event in inbox.take(2)] == [20]


def test_an_outcome_is_said_once(inbox: Inbox) -> None:
    inbox.receive(an_event())
    events = inbox.take()
    inbox.acknowledge(events, "one issue")
    said = inbox.column("(outcome, processed_at)::text")
    inbox.acknowledge(events, "again")
    inbox.acknowledge([], "nothing")
    assert inbox.column("(outcome, processed_at)::text") == said
    assert inbox.column("outcome") == ["one issue"]


def test_two_readers_at_once_get_different_events(inbox: Inbox, warehouse: Engine) -> None:
    for number in (1, 2, 3):
        inbox.receive(an_event(number))
    with warehouse.connect() as one, one.begin() as transaction:
        assert [event.activity_id for event in take(one, "acme", 2)] == [1, 2]
        assert [event.activity_id for event in inbox.take()] == [3]
        transaction.rollback()
    assert [event.activity_id for event in inbox.take()] == [1, 2, 3]
