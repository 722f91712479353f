"""Bodies of answers: any body gives records, odd records or an error of ours, and nothing else."""

import gzip
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.backlog.answers import ACTIVITY, DEEPEST, ISSUE, PLAIN, PROJECT, page_of, parse
from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError, MalformedResponse
from resources.records import Page
from tests.resources.backlog.conftest import Wire


@pytest.mark.parametrize("levels", [DEEPEST + 1, 900, 5_000, 200_000])
def test_only_the_record_that_is_nested_too_deeply_is_odd(
    client: BacklogClient, wire: Wire, levels: int
) -> None:
    deep = '{"a":' * levels + "1" + "}" * levels
    wire.answers = [
        httpx.Response(200, text=f'[{{"id":1,"x":"a \\" ] }}"}},{{"id":2,"x":{deep}}},{{"id":3}}]')
    ]
    page = client.listed("/projects/:id/statuses", 1)
    [odd] = page.odd
    assert page == [{"id": 1, "x": 'a " ] }'}, {"id": 3}]
    assert (odd.id, odd.reason) == (2, f"nested deeper than {DEEPEST} levels")
    assert len(json.dumps(odd.record)) < 10_000


def test_what_backlog_nests_is_not_too_deep() -> None:
    value, deep = parse(("[" + '[{"a":' * 49 + "1" + "}]" * 49 + "]").encode())
    assert not deep
    assert parse(json.dumps(value).encode()) == (value, False)


def test_an_object_that_is_nested_too_deeply_is_malformed(
    client: BacklogClient, wire: Wire
) -> None:
    wire.answers = [
        httpx.Response(
            200, text='{"spaceKey":"a","timezone":"UTC","x":' + "[" * 3_000 + "]" * 3_000 + "}"
        )
    ]
    with pytest.raises(MalformedResponse, match="nested deeper"):
        client.space()


def test_a_number_of_more_digits_than_python_reads_spoils_its_record_only(
    client: BacklogClient, wire: Wire
) -> None:
    wire.answers = [
        httpx.Response(
            200, text='[{"id":1,"hours":' + "9" * 5_000 + '},{"id":2},{"id":' + "9" * 5_000 + "}]"
        )
    ]
    page = client.listed("/projects/:id/statuses", 1)
    assert [one["id"] for one in page] == [1, 2]
    assert len(page.odd) == 1


@pytest.mark.parametrize("odd", [None, "x", "12", 1.0, True, -1, 2**63, [], {}, "\ud800"])
def test_an_id_that_is_no_id_is_odd(odd: Any) -> None:
    page = page_of([{"id": 1}, {"id": odd}, {"id": 3}], PLAIN, deep=False, now=None)
    assert (page, [(one.id, one.neighbours) for one in page.odd]) == (
        [{"id": 1}, {"id": 3}],
        [(None, (1, 3))],
    )


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        "",
        "x",
        "0000-00-00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-01-01T00:00:00",
    ],
)
def test_a_time_at_which_nothing_can_have_happened_is_odd(odd: Any) -> None:
    page = page_of([{"id": 1, "created": odd}], ACTIVITY, deep=False, now=None)
    assert (page, [one.id for one in page.odd]) == ([], [1])


def test_an_issue_without_a_time_of_change_is_not_odd() -> None:
    issue = {"id": 1, "created": "2026-01-01T00:00:00Z"}
    assert page_of([issue], ISSUE, deep=False, now=None) == [issue]


def test_two_unlike_records_of_one_id_are_both_odd_and_the_same_one_twice_is_not() -> None:
    page = page_of(
        [{"id": 1, "a": 1}, {"id": 2}, {"id": 2}, {"id": 1, "a": 2}], PLAIN, deep=False, now=None
    )
    assert page == [{"id": 2}, {"id": 2}]
    assert [one.id for one in page.odd] == [1, None]


BODIES = {
    "null": b"null", "nothing": b"", "html": b"<html>hello</html>", "half": b'[{"id": 1',
    "an object": b"{}", "a number": b"1",
    "latin-1": '[{"id": 1, "name": "\xe9"}]'.encode("latin-1"), "binary": bytes(range(256)),
    "deep and cut off": b"[" * 100_000,
    "objects cut off": b'{"a":' * 100_000, "quotes": b'"' * 100_001,
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "kind", ["application/json", "text/html", "application/json; charset=utf-7", ""]
)
def test_a_body_that_is_no_list_is_an_error_of_ours(
    client: BacklogClient, wire: Wire, body: str, kind: str
) -> None:
    wire.answers = [httpx.Response(200, content=BODIES[body], headers={"Content-Type": kind})]
    with pytest.raises(MalformedResponse):
        client.listed("/projects/:id/statuses", 1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_other_encodings_of_json_are_read(client: BacklogClient, wire: Wire, encoding: str) -> None:
    wire.answers = [httpx.Response(200, content='[{"id": 1, "name": "日本"}]'.encode(encoding))]
    assert client.listed("/projects/:id/statuses", 1) == [{"id": 1, "name": "日本"}]


def test_a_broken_compression_is_tried_again_and_then_an_error(
    client: BacklogClient, wire: Wire
) -> None:
    def broken(_request: httpx.Request) -> httpx.Response:
        packed = gzip.compress(b"[]" * 1_000)[:-20]
        return httpx.Response(
            200, stream=httpx.ByteStream(b"x" + packed), headers={"Content-Encoding": "gzip"}
        )

    wire.answers = [broken]
    with pytest.raises(BacklogError, match=r"no answer from|not JSON"):
        client.listed("/projects/:id/statuses", 1)


@pytest.mark.parametrize("location", ["http://[", "//", "http://a:b@c/login", "x" * 9_999])
@pytest.mark.parametrize("status", [300, 301, 304, 307])
def test_a_redirection_to_anywhere_is_an_error_of_ours(
    client: BacklogClient, wire: Wire, status: int, location: str
) -> None:
    wire.answers = [httpx.Response(status, headers={"Location": location})]
    with pytest.raises(BacklogError):
        client.listed("/projects/:id/statuses", 1)


@pytest.mark.parametrize(
    "date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 01 Jan 1971 00:00:00 GMT", "now", ""]
)
def test_a_clock_that_cannot_be_meant_is_no_clock(
    client: BacklogClient, wire: Wire, date: str
) -> None:
    wire.answers = [httpx.Response(200, json=[], headers={"Date": date})]
    client.listed("/projects/:id/statuses", 1)
    assert client.server_time is None


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["9999-12-31T23:59:59Z", ""]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "created", "updated", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(items=st.lists(_ANY, max_size=6))
def test_a_page_loses_nothing_and_what_is_not_odd_can_be_leaned_on(items: list[Any]) -> None:
    page = page_of(items, ISSUE, deep=False, now=None)
    assert isinstance(page, Page)
    assert page.received == len(page.everything) == len(items)
    assert all(type(one["id"]) is int and isinstance(one["created"], str) for one in page)
    assert page.ids >= {one["id"] for one in page}


@pytest.mark.parametrize(
    ("key", "odd"),
    [
        ("WEB", ""),
        ("A_1", ""),
        ("web-2 (日本)", ""),
        ("W" * 100, ""),
        (None, "is not text"),
        (7, "is not text"),
        ("", "is not text"),
        ("W\0B", "cannot be the key of a partition: 'W\\x00B'"),
        ("W\ud800B", "cannot be the key of a partition: 'W\\ud800B'"),
        ("W\nB", "cannot be the key of a partition"),
        ("W\x7fB", "cannot be the key of a partition"),
        ("W\x85B", "cannot be the key of a partition"),
        ("W|B", "cannot be the key of a partition"),
        ("W...B", "cannot be the key of a partition"),
        ("W" * 101, "cannot be the key of a partition"),
    ],
)
def test_a_project_needs_a_key_that_can_be_stored_and_be_a_partition(key: Any, odd: str) -> None:
    records = [{"id": 1, "projectKey": "OPS"}, {"id": 2, "projectKey": key, "name": "\0"}]
    page = page_of(records, PROJECT, deep=False, now=None)
    assert page.ids == {1, 2}
    assert [one.id for one in page.odd] == ([2] if odd else [])
    assert all(f"projectKey {odd}" in one.reason for one in page.odd)


def test_projects_with_the_same_key_are_all_odd_and_the_same_record_twice_is_not() -> None:
    same = [{"id": 1, "projectKey": "OPS"}, {"id": 2, "projectKey": "OPS"}]
    others = [{"id": 3, "projectKey": "WEB"}, {"id": 3, "projectKey": "WEB"}]
    page = page_of([*same, *others], PROJECT, deep=False, now=None)
    assert list(page) == others
    assert [(one.id, one.reason) for one in page.odd] == [
        (identifier, "OPS is the projectKey of another record of the answer, too")
        for identifier in (1, 2)
    ]
