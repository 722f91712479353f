"""Exact reading of a simulated space that changes between any two requests, over real HTTP."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resources.backlog.client_values import Record
from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import COUNTED, Window
from simulator import RequestInfo, Simulator
from tests.integration.backlog.conftest import Connect

Change = Callable[[Simulator], Any]
Stored = dict[int, Record]


def read(scan: Scan, into: Stored) -> Scan:
    for batch in scan:
        for row in batch:
            if row["id"] not in into or row["updated"] >= into[row["id"]]["updated"]:
                into[row["id"]] = row
    return scan


def create(sim: Simulator) -> None:
    sim.space.create_issue(next(iter(sim.space.projects)))


def edit(sim: Simulator) -> None:
    for issue in list(sim.space.issues)[:: len(sim.space.issues) // 6]:
        sim.space.edit_issue(issue, summary="edited")


def delete_the_oldest(sim: Simulator) -> None:
    for _ in range(4):
        sim.space.delete_issue(next(iter(sim.space.issues)))


def bulk_edit(sim: Simulator) -> None:
    if sim.requests.count(bucket="search") in (4, 24):
        home = next(iter(sim.space.projects.values()))
        # Those that were imported tie in the second of their creation, too: nothing but a count
        # that stands still proves them then.
        made_one_by_one = [
            issue for issue in home.issues.values() if not issue.summary.startswith("Imported")
        ]
        sim.space.bulk_edit(made_one_by_one[:500], priority_id=2)


def bulk_import(sim: Simulator) -> None:
    if sim.requests.count(bucket="search") in (5, 25):
        sim.space.import_issues(next(iter(sim.space.projects)), 150)


def import_a_page(sim: Simulator) -> None:
    # More than a page of one second is proven only by a count that stands still, which it does not
    # where issues come and go, too.
    if sim.requests.count(bucket="search") in (5, 25):
        sim.space.import_issues(next(iter(sim.space.projects)), 90)


def move(sim: Simulator) -> None:
    first, second, *_ = sim.space.projects.values()
    sim.space.move_issue(next(iter(first.issues)), second.id)


CHANGES: list[tuple[Change, ...]] = [
    (create,),
    (edit,),
    (delete_the_oldest,),
    (bulk_edit,),
    (bulk_import,),
    (move,),
    (create, edit, delete_the_oldest, bulk_edit, import_a_page, move),
]


@pytest.mark.parametrize(
    "changes", CHANGES, ids=lambda changes: " and ".join(change.__name__ for change in changes)
)
def test_a_replica_ends_equal_to_a_space_that_changes_between_any_two_requests(
    sim: Simulator, connect: Connect, changes: tuple[Change, ...]
) -> None:
    client = connect(sim)
    projects = tuple(project["id"] for project in client.projects(all_=True))
    calm = False

    def meanwhile(info: RequestInfo) -> None:
        if not calm:
            sim.clock.advance(1)
            for change in changes:
                change(sim)

    sim.before_request(meanwhile)
    stored: Stored = {}
    started = [
        read(scan_window(client, Window((project,))), stored).started_at for project in projects
    ]
    scan = read(scan_changes(client, projects, min(started)), stored)
    calm = True
    read(scan_changes(client, projects, scan.next_watermark), stored)
    alive = {issue: stored[issue]["updated"] for issue in stored if issue in sim.space.issues}
    assert set(alive) == set(sim.space.issues)
    assert alive == {issue: _stamp(found.updated) for issue, found in sim.space.issues.items()}


def _stamp(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("zone", ["space", "utc", "user"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_the_months_of_a_project_add_up_to_it_in_whatever_zone_days_are_read(
    sim: Simulator, connect: Connect, zone: str, inclusive: bool
) -> None:
    sim.switch(date_zone=zone, inclusive_dates=inclusive)
    client = connect(sim)
    project = client.projects()[0]["id"]
    rows: list[int] = []
    months = [datetime.fromisoformat(f"2026-{month:02}-01T00:00:00+09:00") for month in range(1, 7)]
    for since, until in itertools.pairwise([None, *months, None]):
        scan = scan_window(client, Window((project,), since, until))
        part = [row for batch in scan for row in batch]
        assert all(
            Window((), since, until).holds(datetime.fromisoformat(row["updated"])) for row in part
        )
        rows += [row["id"] for row in part]
    assert sorted(rows) == sorted(sim.space.projects[project].issues)


def test_a_bulk_import_of_500_in_one_second_is_read_whole_at_few_requests(
    sim: Simulator, connect: Connect
) -> None:
    client = connect(sim)
    project = client.projects()[0]["id"]
    imported = sim.space.import_issues(project, 500)
    number = len(sim.space.projects[project].issues)
    before = client.stats.snapshot()
    stored: Stored = {}
    scan = read(scan_window(client, Window((project,))), stored)
    assert set(stored) == set(sim.space.projects[project].issues)
    assert scan.proof.how == COUNTED
    assert (client.stats - before).requests["search"] <= number / 100 * 1.1 + 6
    sim.clock.advance(3600)
    sim.space.bulk_edit([issue.id for issue in imported], priority_id=2)
    before = client.stats.snapshot()
    changed: Stored = {}
    read(scan_changes(client, (project,), scan.started_at + timedelta(minutes=30)), changed)
    assert set(changed) == {issue.id for issue in imported}
    assert (client.stats - before).requests["search"] <= 15


def test_a_quiet_space_costs_one_request(sim: Simulator, connect: Connect) -> None:
    client = connect(sim)
    projects = [project["id"] for project in client.projects()]
    sim.clock.advance(86_400 * 5)
    watermark = datetime.fromtimestamp(sim.clock.now(), UTC)
    sim.requests.clear()
    assert read(scan_changes(client, projects, watermark), {}).proof.pages == 1
    assert sim.requests.count() == 1
    sim.space.edit_issue(next(iter(sim.space.issues)), summary="one change")
    stored: Stored = {}
    read(scan_changes(client, projects, watermark), stored)
    assert len(stored) == 1
    assert sim.requests.count() == 2
