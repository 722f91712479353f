"""Names as of a time: renamed, gone, used again; and None rather than a wrong id."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.state.names import Names, record_names

LOOKS = [datetime(2026, 8, day, 12, tzinfo=UTC) for day in (1, 2, 3, 4)]
HOUR, NEAR = timedelta(hours=1), timedelta(seconds=1)
LONG_AGO = datetime(2013, 1, 1, tzinfo=UTC)


class Listings:
    """Listings of the categories of project 300, a day between two of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def look(
        self, *listings: Mapping[int, str], kind: str = "categories", owner: int = 300
    ) -> "Listings":
        for names, at in zip(listings, LOOKS, strict=False):
            self.record(names, at, kind=kind, owner=owner)
        return self

    def record(
        self,
        names: Mapping[int, str],
        at: datetime | None,
        *,
        kind: str = "categories",
        owner: int = 300,
        space: str = "acme",
    ) -> None:
        with self.engine.begin() as conn:
            record_names(conn, space, kind, owner, names, at=at)

    @property
    def names(self) -> Names:
        with self.engine.begin() as conn:
            return Names.read(conn, "acme")

    def resolve(
        self, name: str, at: datetime, *, kind: str = "categories", owner: int = 300
    ) -> int | None:
        return self.names.resolve(kind, owner, name, at)

    def each(self, name: str, *times: datetime) -> list[int | None]:
        return [self.resolve(name, at) for at in times]

    def ids(self, shown: str, at: datetime = LOOKS[0]) -> list[int] | None:
        return self.names.resolve_list("categories", 300, shown, at)

    def rows(self) -> list[Any]:
        with self.engine.begin() as conn:
            query = (
                "SELECT id, name, NULLIF(seen_from, '-infinity'), seen_at, seen_to FROM "
                "ops.names ORDER BY id, seen_from"
            )
            return [tuple(row) for row in conn.execute(text(query))]


@pytest.fixture
def listings(warehouse: Engine) -> Listings:
    """Return nothing listed yet."""
    return Listings(warehouse)


# -- one name --------------------------------------------------------------------------------------


def test_a_name_is_one_of_its_kind_owner_and_space(listings: Listings) -> None:
    listings.look({77: "Infra"}).look({5: "Infra"}, owner=301).look({9: "Infra"}, kind="versions")
    listings.record({8: "Infra"}, LOOKS[0], space="other")
    found = [
        listings.resolve("Infra", LONG_AGO, kind=kind, owner=owner)
        for kind, owner in (
            ("categories", 300), ("categories", 301), ("versions", 300), ("categories", 302),
        )
    ]  # fmt: skip
    assert found == [77, 5, 9, None]
    assert listings.resolve("infra", LONG_AGO) is None


def test_a_listing_that_shows_the_same_changes_only_when_it_was_last_seen(
    listings: Listings,
) -> None:
    listings.look({77: "Infra", 78: "Web"}, {78: "Web", 77: "Infra"}, {77: "Platform", 78: "Web"})
    assert listings.rows() == [
        (77, "Infra", None, LOOKS[1], LOOKS[2]),
        (77, "Platform", LOOKS[2], LOOKS[2], None),
        (78, "Web", None, LOOKS[2], None),
    ]


#: What happened -> the listings of four days, and whom a name means at which times.
HISTORIES: dict[str, tuple[list[dict[int, str]], dict[str, dict[datetime, int | None]]]] = {
    "what the first listing shows has always had its name": (
        [{77: "Infra"}],
        {"Infra": dict.fromkeys((LONG_AGO, LOOKS[0], LOOKS[3]), 77)},
    ),
    "renamed: found by either name whenever the rename was": (
        [{77: "Infra"}, {77: "Platform"}],
        {
            "Infra": dict.fromkeys((LONG_AGO, LOOKS[0] + HOUR, LOOKS[1]), 77),
            "Platform": dict.fromkeys((LOOKS[0] + HOUR, LOOKS[1], LOOKS[3]), 77),
        },
    ),
    "it gets its old name back: it has both times": (
        [{77: "Infra", 78: "Web"}, {77: "Platform", 78: "Web"}, {77: "Infra", 78: "Web"}],
        {"Infra": dict.fromkeys((LONG_AGO, LOOKS[1], LOOKS[3]), 77)},
    ),
    "a deleted id keeps its name": (
        [{77: "Infra", 78: "Web"}, {78: "Web"}, {78: "Web"}],
        {"Infra": {LONG_AGO: 77, LOOKS[0] + HOUR: 77, LOOKS[2]: 77}},
    ),
    "another id got it later: the one that had it then": (
        [
            {77: "Infra"},
            {77: "Infra", 78: "Web"},
            {77: "Platform", 78: "Infra"},
            {77: "Platform", 78: "Infra"},
        ],
        {
            "Infra": {
                LONG_AGO: 77,
                LOOKS[1] - HOUR: 77,
                LOOKS[2] + HOUR: 78,
                LOOKS[3] + HOUR: 78,
            }
        },
    ),
    "passed on between two listings: nobody knows when": (
        [{77: "Infra", 78: "Web"}, {77: "Platform", 78: "Infra"}],
        {
            "Infra": dict.fromkeys(
                (LOOKS[0] + NEAR, LOOKS[0] + HOUR, LOOKS[1] - NEAR, LOOKS[1] + NEAR)
            ),
            "Web": {LOOKS[0] + HOUR: 78},
        },
    ),
    "made again under the same name: not the old one": (
        [{77: "Infra"}, {}, {90: "Infra"}],
        {"Infra": {LONG_AGO: 77, LOOKS[0] + HOUR: 77, LOOKS[1] + HOUR: 90, LOOKS[2] + HOUR: 90}},
    ),
    "two have it at once: neither": (
        [{5_001: "Mori A.", 5_002: "Mori A."}, {5_001: "Mori A.", 5_002: "Mori B."}],
        {"Mori A.": {LONG_AGO: None, LOOKS[0] + HOUR: None, LOOKS[1] + HOUR: 5_001}},
    ),
    "a second owner got it: ambiguous from the listing before on": (
        [{77: "Infra", 78: "Web"}, {77: "Infra", 78: "Web"}, {77: "Infra", 78: "Infra"}],
        {"Infra": {LOOKS[1] - HOUR: 77, LOOKS[1] + HOUR: None, LOOKS[2] + HOUR: None}},
    ),
    "nobody had it then, and two at other times: none": (
        [{77: "Infra", 1: "x"}, {1: "x"}, {1: "x"}, {1: "x", 90: "Infra"}],
        {"Infra": {LOOKS[1] + HOUR: None, LOOKS[2] + HOUR: 90}},
    ),
    "it came between two looks: known from its making on": (
        [{77: "Infra"}, {77: "Infra", 78: "New"}],
        {"New": {LOOKS[0] + HOUR: 78, LOOKS[1]: 78}},
    ),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_a_name_means_the_one_that_had_it_then_or_nobody(listings: Listings, history: str) -> None:
    shown, expected = HISTORIES[history]
    listings.look(*shown)
    names = listings.names
    assert {
        name: {at: names.resolve("categories", 300, name, at) for at in times}
        for name, times in expected.items()
    } == expected


def test_several_renames_within_one_second_of_the_source_are_all_kept(listings: Listings) -> None:
    for name in ("a", "b", "c", "b"):
        listings.record({77: name}, LOOKS[0])
    assert [(row[1], row[4] is None) for row in listings.rows()] == [
        ("a", False),
        ("b", False),
        ("c", False),
        ("b", True),
    ]
    assert listings.each("c", LOOKS[1]) == [77]


def test_a_clock_that_goes_back_breaks_nothing(listings: Listings) -> None:
    for name, at in (("a", LOOKS[3]), ("b", LOOKS[0]), ("b", LOOKS[1])):
        listings.record({77: name}, at)
    assert listings.each("a", LONG_AGO) == listings.each("b", LOOKS[3]) == [77]
    assert [row[4] is None for row in listings.rows()] == [False, True]


def test_without_a_time_it_is_now(listings: Listings) -> None:
    listings.record({77: "a"}, None)
    listings.record({77: "b"}, None)
    (_, _, _, seen, ended), (_, _, began, _, _) = listings.rows()
    assert began == ended
    assert abs(datetime.now(UTC) - began) < HOUR
    assert seen < ended


def test_an_empty_first_look_and_names_that_nobody_can_store(listings: Listings) -> None:
    listings.look({})
    assert listings.rows() == []
    listings.look({77: "a\x00b", 78: "c\ud83d"})
    for name, found in (("a\x00b", 77), ("c\ud83d", 78), ("a\ufffdb", 77)):
        assert listings.resolve(name, LOOKS[0]) == found


def test_resolution_zero_is_an_id(listings: Listings) -> None:
    listings.look({0: "Fixed", 1: "Won't fix"}, kind="resolutions", owner=0)
    assert listings.resolve("Fixed", LONG_AGO, kind="resolutions", owner=0) == 0
    assert listings.names.resolve_list("resolutions", 0, "Fixed", LONG_AGO) == [0]


# -- lists -----------------------------------------------------------------------------------------

CATEGORIES = {
    1: "Infra",
    2: "Web",
    3: "Web, mobile",
    4: "R,D",
    5: "a, b",
    6: "b, c",
    7: "c",
    8: "a",
}


def test_a_list_is_read_in_the_one_way_that_makes_sense(listings: Listings) -> None:
    listings.look(CATEGORIES)
    for shown, expected in (
        ("", []),
        ("Infra", [1]),
        ("Web, Infra", [2, 1]),
        ("Infra,Web", [1, 2]),
        ("Infra, Web, mobile", [1, 3]),
        ("R,D, Infra", [4, 1]),
        ("Infra, gone", None),
        ("gone", None),
        ("mobile", None),
        ("Infra, ", None),
        (", Infra", None),
        ("a, b, c", None),  # a | b, c or a, b | c
        ("a, b", [5]),
        ("c, a", [7, 8]),
    ):
        assert listings.ids(shown) == expected, shown


#: Listings, a list of names, and the ids that it means at which times.
LISTS: dict[str, tuple[list[dict[int, str]], str, dict[datetime, list[int] | None]]] = {
    "of two ways the one with names of that time": (
        [{1: "A", 2: "B", 3: "A, B"}, {1: "A", 2: "B"}, {1: "A", 2: "B"}, {3: "A, B"}],
        "A, B",
        {LOOKS[1] + HOUR: [1, 2], LONG_AGO: None, LOOKS[3] + HOUR: [3]},
    ),
    "an ambiguous name gives no ids": (
        [{1: "A", 2: "A", 3: "B", 4: "C, A"}],
        "B, A",
        {LOOKS[0]: None},
    ),
    "a name that holds an ambiguous one": (
        [{1: "A", 2: "A", 3: "B", 4: "C, A"}],
        "B, C, A",
        {LOOKS[0]: [3, 4]},
    ),
    "names of then with names that are known only later": (
        [{1: "A"}, {1: "A", 2: "B"}],
        "A, B",
        {LOOKS[0] + HOUR: [1, 2]},
    ),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_is_read_by_the_names_of_its_time(listings: Listings, case: str) -> None:
    shown, names, expected = LISTS[case]
    listings.look(*shown)
    assert {at: listings.ids(names, at) for at in expected} == expected


def test_a_text_full_of_commas_takes_no_time(listings: Listings) -> None:
    listings.look({number: ", ".join(["x"] * number) for number in range(1, 30)})
    names = listings.names
    started = time.monotonic()
    assert names.resolve_list("categories", 300, ", ".join(["x"] * 5_000), LONG_AGO) is None
    assert time.monotonic() - started < 5
