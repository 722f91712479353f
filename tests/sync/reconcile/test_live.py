"""What happens at the source since the last load, or while the comparison reads, is behind and
never reported as a difference.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipelines.cli.verify_command import verify_exit_code
from resources.progress import LogProgress
from simulator import RequestInfo, World
from tests.sync.reconcile.looking import contradictions, reported
from tests.syncs import Syncs


def edit(world: World) -> None:
    for issue in sorted(world.issues)[:3]:
        world.edit_issue(issue, summary="edited")


def create(world: World) -> None:
    world.create_issue("OPS", summary="made since the load")


def delete(world: World) -> None:
    world.delete_issue(min(world.issues))


def comment(world: World) -> None:
    world.comment(min(world.issues), "said since the load")


def edit_comment(world: World) -> None:
    world.edit_comment(first_comment(world), "said otherwise")


def bulk_edit(world: World) -> None:
    world.bulk_edit(sorted(world.issues)[:60], priority_id=2)


def move(world: World) -> None:
    issue = next(
        one
        for one in world.issues.values()
        if world.projects[one.project_id].key == "OPS" and one.parent_id is None
    )
    world.move_issue(issue, "WEB")


def first_comment(world: World) -> int:
    return next(one.id for issue in world.issues.values() for one in issue.comments)


DONE = [edit, create, delete, comment, edit_comment, bulk_edit, move]


@pytest.mark.parametrize("done", DONE, ids=lambda one: one.__name__)
def test_what_was_done_since_the_last_load_is_behind(
    synced: Syncs, done: Callable[[World], None]
) -> None:
    synced.sim.clock.advance(7_200)
    done(synced.sim.space)
    found = synced.compare()
    assert reported(found) == set()
    assert contradictions(found) == []
    assert found.status == "behind"
    assert [verify_exit_code(found, strict=strict) for strict in (False, True)] == [0, 1]
    assert reported(found, behind=True) & {
        (table, kind)
        for table in ("issues", "comments")
        for _, kind in reported(found, behind=True)
    }


@pytest.mark.parametrize(
    "route", ["/issues", "/issues/{issue}/comments", "/projects/{project}/statuses"]
)
@pytest.mark.parametrize("done", DONE, ids=lambda one: one.__name__)
def test_what_is_done_while_the_comparison_reads_is_no_difference(
    synced: Syncs, done: Callable[[World], None], route: str
) -> None:
    synced.sim.clock.advance(7_200)
    asked: list[str] = []

    def meddle(request: RequestInfo) -> None:
        if request.route == route and route not in asked:
            asked.append(route)
            done(synced.sim.space)

    synced.sim.before_request(meddle)
    found = synced.compare()
    assert asked
    assert reported(found) == set()
    assert contradictions(found) == []
    assert found.status in {"equal", "behind"}


class Meanwhile(LogProgress):
    """A progress that does something when a part of the comparison begins."""

    def __init__(self, part: str, act: Callable[[], object]) -> None:
        super().__init__(write=lambda _line: None)
        self._part, self._act = part, act
        self.acted = False

    def start(self, what: str, total: int | None) -> None:
        """Act once."""
        if what == self._part and not self.acted:
            self.acted = True
            self._act()


@pytest.mark.parametrize("part", ["verify issues", "verify comments", "verify suspects"])
def test_a_load_that_ends_while_the_comparison_reads_makes_no_difference(
    synced: Syncs, part: str
) -> None:
    synced.sim.clock.advance(7_200)
    for done in (edit, create, delete, comment):
        done(synced.sim.space)
    meanwhile = Meanwhile(part, lambda: synced.run(mode="incremental"))
    found = replace(synced, progress=meanwhile).compare()
    assert meanwhile.acted
    assert reported(found) == set()
    assert contradictions(found) == []
    assert {table for table, _ in reported(synced.compare(), behind=True)} <= {"users"}


def test_a_login_is_no_difference(synced: Syncs) -> None:
    synced.sim.clock.advance(7_200)
    for user in synced.sim.space.users:
        synced.sim.space.log_in(user)
    found = synced.compare()
    assert (found.status, found.differences, verify_exit_code(found, strict=True)) == (
        "equal",
        [],
        0,
    )


def test_a_change_that_the_load_has_missed_is_a_difference(synced: Syncs) -> None:
    before = synced.sim.clock.now() - 86_400
    issue = synced.sim.space.issues[min(synced.sim.space.issues)]
    synced.sim.space.edit_issue(issue, summary="a day before the watermark", at=int(before))
    found = synced.compare()
    assert ("issues", "stale") in reported(found)
    assert verify_exit_code(found) == 1


def test_a_star_that_no_time_of_change_reports_is_a_difference_until_it_is_repaired(
    synced: Syncs,
) -> None:
    synced.sim.clock.advance(7_200)
    synced.sim.space.star(min(synced.sim.space.issues))
    assert reported(synced.compare()) == {("issues", "content differs")}
    assert synced.compare(repair=True).repaired["issues"] == 1
    assert reported(synced.compare()) == set()


def test_a_project_that_was_never_loaded_differs(syncs: Syncs) -> None:
    found = syncs.compare()
    assert {("issues", "missing in warehouse"), ("projects", "missing in warehouse")} <= reported(
        found
    )
    assert [one.status for one in found.projects] == ["different"] * 3
    assert [one.loaded_until for one in found.projects] == [None] * 3
