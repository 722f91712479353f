"""Exact reading of a simulated space that changes between any two requests, over real HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from resources.backlog.client_values import Record
from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import Window
from simulator import Fault, RequestInfo, Simulator
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
            issue for issue in home.issues.values() if not issue.description.startswith("CSV")
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


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, reset_in=20),
        Fault(status=500),
        Fault(kind="html", status=503),
        Fault(kind="close"),
        Fault(kind="cut"),
        Fault(kind="truncate"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_a_read_survives_every_third_request_going_wrong(
    sim: Simulator, connect: Connect, fault: Fault
) -> None:
    client, stored = connect(sim), Stored()
    projects = tuple(project["id"] for project in client.visible_projects())
    sim.faults.add(Fault(fault.kind, fault.status, times=None, every=3, reset_in=fault.reset_in))
    read(scan_window(client, Window(projects)), stored)
    assert stored.keys() == sim.space.issues.keys()
    assert client.stats.total > 13


def _stamp(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
