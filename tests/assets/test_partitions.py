"""Partitions: what a run covers, whatever its shape, and which month an instant belongs to.

The shapes are tried with real runs of a small asset of the same partitions.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.location import SETTINGS
from assets.partitions import (
    MONTHS,
    PROJECT_MONTHS,
    NoSuchProjectError,
    contiguous,
    month_keys,
    month_of,
    rectangle,
    slices,
    slices_of,
)
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from sync.month_windows import Slice
from sync.partition_ranges import partition_key

KNOWN = ["OPS", "WEB", "APP"]
TOKYO = SETTINGS.zone


def covered(partition: str | None = None, **tags: str) -> list[Slice]:
    """Return what a run with these tags says that it covers."""
    found: list[Slice] = []

    @dg.asset(partitions_def=PROJECT_MONTHS, backfill_policy=dg.BackfillPolicy.single_run())
    def probe(context: dg.AssetExecutionContext) -> None:
        found.extend(slices(context))

    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("backlog_projects", KNOWN)
        named = {
            {"start": RANGE_START_TAG, "end": RANGE_END_TAG}.get(name, f"dagster/{name}"): key
            for name, key in tags.items()
        }
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        dg.materialize(
            [probe], instance=instance, partition_key=partition, tags=named, run_config=quiet
        )
    return found


def first_of(month: str) -> datetime:
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=TOKYO)


def test_one_key_is_one_month_of_one_project() -> None:
    assert covered("WEB|2026-03") == [
        Slice("WEB", ("2026-03",), first_of("2026-03"), first_of("2026-04"))
    ]


#: What a backfill from the page of a job names besides its range.
OF_A_PAGE = {"partition/project": "OPS", "partition/updated_month": "2026-02"}


@pytest.mark.parametrize(
    ("start", "end", "more", "projects", "months"),
    [
        ("WEB|2026-02", "APP|2026-03", {}, ["WEB", "APP"], ("2026-02", "2026-03")),
        ("OPS|2026-02", "WEB|2026-03", OF_A_PAGE, ["OPS", "WEB"], ("2026-02", "2026-03")),
    ],
)
def test_a_rectangle_is_all_months_of_all_projects_between_its_corners(
    start: str, end: str, more: dict[str, str], projects: list[str], months: tuple[str, ...]
) -> None:
    found = covered(start=start, end=end, **more)
    assert [(part.project_key, part.months) for part in found] == [
        (project, months) for project in projects
    ]


def test_the_first_month_has_no_lower_bound_and_the_newest_no_upper_one() -> None:
    months = month_keys()
    found = slices_of(
        [
            "OPS|" + months[0],
            "WEB|" + months[-1],
            *(partition_key("APP", month) for month in months),
        ]
    )
    assert [(part.since, part.until, part.whole) for part in found] == [
        (None, first_of(months[1]), False),
        (first_of(months[-1]), None, False),
        (None, None, True),
    ]


def test_a_hole_splits_a_window_and_the_order_of_keys_does_not_matter() -> None:
    found = slices_of(["OPS|2026-05", "OPS|2026-02", "OPS|2026-04"])
    assert [part.months for part in found] == [("2026-02",), ("2026-04", "2026-05")]


@given(st.sets(st.tuples(st.sampled_from(KNOWN), st.sampled_from(month_keys()))))
def test_slices_cover_every_key_once_and_no_other(cells: set[tuple[str, str]]) -> None:
    keys = [partition_key(project, month) for project, month in cells]
    found = [
        partition_key(part.project_key, month) for part in slices_of(keys) for month in part.months
    ]
    assert sorted(found) == sorted(keys)


# Bounds are naive there.
@given(
    st.datetimes(
        datetime(2000, 1, 1),  # noqa: DTZ001
        datetime(2040, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    )
)
def test_every_instant_is_in_the_window_of_exactly_one_month(moment: datetime) -> None:
    parts = [slices_of([partition_key("OPS", month)])[0] for month in month_keys()]
    holding = [
        part.months[0]
        for part in parts
        if (part.since is None or part.since <= moment)
        and (part.until is None or moment < part.until)
    ]
    assert holding == [month_of(moment)]


@pytest.mark.parametrize(
    ("start", "end", "unknown"),
    [("NEW|2026-02", "WEB|2026-03", "NEW"), ("OPS|2026-02", "WEB|1999-01", "1999-01")],
)
def test_a_corner_that_is_no_partition_is_an_error_that_names_it(
    start: str, end: str, unknown: str
) -> None:
    with pytest.raises(NoSuchProjectError, match=f"'{unknown}' is not a partition of raw/issues"):
        rectangle(start, end, KNOWN)


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        # Midnight of 1 February in the zone of the deployment, Tokyo.
        (datetime(2026, 1, 31, 15, tzinfo=UTC), "2026-02"),
        (datetime(2026, 1, 31, 14, 59, 59, tzinfo=UTC), "2026-01"),
        (datetime(2012, 5, 1, tzinfo=UTC), month_keys()[0]),
        (datetime.now(UTC) + timedelta(days=70), month_keys()[-1]),
    ],
    ids=["midnight", "a second before it", "older than all", "later than all"],
)
def test_an_instant_belongs_to_a_month_of_the_zone_or_to_the_nearest(
    moment: datetime, month: str
) -> None:
    assert month_of(moment) == month


def test_dagster_and_the_engine_know_the_same_months() -> None:
    assert month_keys() == MONTHS.get_partition_keys()


def test_neighbouring_projects_share_a_run_and_a_gap_starts_another() -> None:
    known = ["A", "B", "C", "D", "E"]
    assert contiguous(["E", "A", "B", "B"], known) == [("A", "B"), ("E", "E")]
    assert contiguous(known, known) == [("A", "E")]
    assert contiguous([], known) == []
