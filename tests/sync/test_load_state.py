"""What is read from the warehouse for the plan of a load."""

from datetime import UTC, datetime, timedelta

from resources.backlog.scan import LOOKBACK
from sync.load_state import crowded
from sync.plan import FEW_ROWS
from tests.syncs import Syncs

LONG_AGO, SINCE, UNTIL = (datetime(year, 6, 1, tzinfo=UTC) for year in (2020, 2025, 2026))
SECOND = timedelta(seconds=1)


def test_a_project_is_crowded_from_the_change_of_the_issue_that_is_one_too_many(
    synced: Syncs,
) -> None:
    project = synced.space.project("OPS")
    one_too_many, late, *others = sorted(project.issues)
    assert len(others) > FEW_ROWS

    def change(moment: datetime, *issues: int) -> None:
        chosen = ", ".join(map(str, issues))
        synced.change(
            f"UPDATE raw.issues SET updated_at = '{moment.isoformat()}' WHERE id IN ({chosen})"
        )

    def found(space_key: str = "") -> dict[int, datetime]:
        with synced.session("issues", locks="projects") as session:
            marks = {project.id: UNTIL + LOOKBACK, 1: UNTIL}
            with session.engine.connect() as connection:
                return crowded(connection, space_key or session.space_key, marks)

    change(LONG_AGO, *project.issues)
    change(UNTIL, late)
    change(UNTIL - SECOND, *others[:FEW_ROWS])
    change(SINCE, one_too_many)
    assert found() == {project.id: SINCE}
    synced.change(f"UPDATE raw.issues SET deleted_at = now() WHERE id = {one_too_many}")
    assert found() == {project.id: LONG_AGO}
    change(UNTIL, *others[:1])
    chosen = ", ".join(map(str, others[FEW_ROWS:]))
    synced.change(f"UPDATE raw.issues SET deleted_at = now() WHERE id IN ({chosen})")
    assert found() == {}
    assert found("OTHER") == {}
