"""Properties of the merge: order, overlap and repetition of batches make no difference."""

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from resources.warehouse.raw.loader import MergeResult, merge
from resources.warehouse.raw.schema import SPECS

ISSUES = SPECS["issues"]
SPACES = itertools.count()
"""Each example works in a space of its own, so that examples share a database and not their
rows.
"""

EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# (issue, second of its last change): the source's truth about a version is a function of the two.
VERSION = st.tuples(st.integers(1, 6), st.integers(0, 9))
BATCHES = st.lists(st.lists(VERSION, max_size=8), max_size=5)


def _merge(engine: Engine, issue: Any, space: str, batch: list[tuple[int, int]]) -> MergeResult:
    records = [
        issue(
            number,
            summary=f"at {second}",
            assignee={"id": second},
            updated=f"2026-08-02T01:00:0{second}Z",
        )
        for number, second in batch
    ]
    with engine.begin() as conn:
        return merge(conn, ISSUES, records, space_key=space, timezone="Asia/Tokyo", run_id="run")


def _state(engine: Engine, space: str) -> list[tuple[Any, ...]]:
    columns = ISSUES.table.c
    query = select(columns.key_id, columns.summary, columns.assignee_id, columns.updated_at)
    with engine.connect() as conn:
        return [
            tuple(row)
            for row in conn.execute(
                query.where(columns.space_key == space).order_by(columns.key_id)
            )
        ]


@EXAMPLES
@given(batches=BATCHES, shuffled=st.randoms(use_true_random=False))
def test_overlapping_windows_commute_and_the_newest_version_stays(
    warehouse: Engine, issue: Any, batches: list[list[tuple[int, int]]], shuffled: Any
) -> None:
    one, other = f"space-{next(SPACES)}", f"space-{next(SPACES)}"
    for batch in batches:
        _merge(warehouse, issue, one, batch)
    again = batches + batches[:1]
    shuffled.shuffle(again)
    for batch in again:
        _merge(warehouse, issue, other, batch)
    newest: dict[int, int] = {}
    for number, second in itertools.chain(*batches):
        newest[number] = max(second, newest.get(number, 0))
    state = _state(warehouse, one)
    assert state == _state(warehouse, other)
    assert [(row[0], row[2]) for row in state] == sorted(newest.items())


@EXAMPLES
@given(batch=st.lists(VERSION, max_size=12))
def test_the_same_batch_twice_writes_nothing_the_second_time(
    warehouse: Engine, issue: Any, batch: list[tuple[int, int]]
) -> None:
    space = f"space-{next(SPACES)}"
    first = _merge(warehouse, issue, space, batch)
    second = _merge(warehouse, issue, space, batch)
    assert len(first.inserted) == len({number for number, _ in batch})
    assert (second.inserted, second.updated, second.unchanged, second.rejected) == (
        (),
        (),
        len(batch),
        0,
    )


@EXAMPLES
@given(
    summary=st.text(st.characters(), max_size=30),
    hours=st.none() | st.integers(0, 10**6) | st.floats(0, 1e6),
)
def test_any_text_and_number_loads(
    warehouse: Engine, issue: Any, summary: str, hours: float | None
) -> None:
    space = f"space-{next(SPACES)}"
    record = issue(1, summary=summary, estimatedHours=hours)
    with warehouse.begin() as conn:
        result = merge(conn, ISSUES, [record], space_key=space, timezone="Asia/Tokyo", run_id="run")
        columns = ISSUES.table.c
        query = select(columns.summary, columns.estimated_hours).where(columns.space_key == space)
        stored, stored_hours = conn.execute(query).one()
    assert (result.rejected, len(result.inserted)) == (0, 1)
    assert stored == "".join(
        "\ufffd" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in summary
    )
    assert (stored_hours is None) == (hours is None)
    assert hours is None or float(stored_hours) == hours
