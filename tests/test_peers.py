"""What the comparison with other tools says follows from what it has found."""

from dataclasses import replace

from benchmarks.peers.contestants import CONTESTANTS
from benchmarks.peers.environments import HERE, pins
from benchmarks.peers.truth import Difference, comment_rows, differences, issue_rows, row

MOMENT = "2026-07-01T00:00:00Z"


def issue(number: int, summary: str = "Title", status: int = 1) -> dict[str, object]:
    return {"id": number, "updated": MOMENT, "summary": summary, "status": {"id": status}}


def test_missed_stale_and_not_deleted_rows_are_counted_apart() -> None:
    source = issue_rows([issue(1), issue(2), issue(3, "New title"), issue(4, status=3)])
    copy = issue_rows([issue(2), issue(3), issue(4), issue(5), issue(6)])
    assert differences(source, copy) == Difference(source=4, missed=1, stale=2, not_deleted=2)


def test_zones_empty_texts_and_what_postgresql_cannot_hold_make_no_row_stale() -> None:
    assert row("2026-07-01T09:00:00+09:00", None, 1) == row(MOMENT, "", 1)
    assert row(MOMENT, "a\x00b", 1) == row(MOMENT, "ab", 1)
    assert comment_rows([{"id": 1, "updated": MOMENT, "content": None}]) == {1: row(MOMENT, "", 0)}


def test_every_way_has_a_runner_an_environment_without_addresses_and_versions() -> None:
    assert len({one.name for one in CONTESTANTS}) == len(CONTESTANTS)
    for one in CONTESTANTS:
        assert (HERE / "runners" / f"{one.runner}.py").is_file()
        assert one.versions
        assert set(one.queries) in ({"issues", "comments"}, set())
        if one.environment:
            assert set(one.packages) <= set(pins(one.environment))
    assert not [path for path in (HERE / "requirements").iterdir() if "://" in path.read_text()]
    assert replace(CONTESTANTS[1], packages=()).versions == ""
