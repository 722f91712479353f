"""What forecasts promise, against what became of it: the last twelve sprints of each project of the
demo, as of the third working day of each (`docs/metrics.md`).
"""

from itertools import pairwise
from typing import Any

import pytest

from resources.warehouse.server.connect import engine
from simulator import Simulator, SpaceSpec
from tests.deployment import Deployment, quiet
from tests.instances import in_memory

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

SPRINTS, THIRD, TWO_WEEKS = 12, 2, 10
#: By working day, and how many of these are over on the day of the forecast and on its 85 % date.
FORECASTS = """
    WITH working AS (
        SELECT space_key, day, count(*) FILTER (WHERE is_working_day) OVER (
            PARTITION BY space_key ORDER BY day) AS worked
        FROM mart.calendar
    ), sprints AS (
        SELECT *, row_number() OVER (PARTITION BY space_key, project_id ORDER BY due_date DESC)
            AS place
        FROM mart.velocity
        WHERE state = 'over' AND committed > 0 AND due_date - start_date < 31
    )
    SELECT f.milestone_id, f.as_of, f.left_open, f.done_by_85, f.reason, p.worked AS promised
    FROM sprints AS s
    JOIN mart.forecast AS f USING (space_key, milestone_id)
    LEFT JOIN working AS p ON p.space_key = f.space_key AND p.day = f.done_by_85
    WHERE s.place <= :sprints AND f.as_of >= s.start_date
    ORDER BY f.milestone_id, f.as_of
"""


@pytest.fixture(scope="module")
def sprints(shared_warehouse_url: str) -> list[list[dict[str, Any]]]:
    """Return the forecasts of each sprint of the demo, from its first working day on."""
    made = engine(shared_warehouse_url)
    with Simulator(SpaceSpec()) as sim, in_memory() as instance:
        deployment = Deployment(sim, shared_warehouse_url, made, instance, sim.api_key, quiet())
        assert deployment.load().run("marts").success
        found: dict[int, list[dict[str, Any]]] = {}
        for row in deployment.query(FORECASTS.replace(":sprints", str(SPRINTS))):
            found.setdefault(row["milestone_id"], []).append(dict(row))
    made.dispose()
    return [days for days in found.values() if days[THIRD:] and not days[THIRD]["reason"]]


def test_most_sprints_end_by_their_date_with_85_percent_but_not_all(
    sprints: list[list[dict[str, Any]]],
) -> None:
    kept = 0
    for days in sprints:
        ended = next((day["as_of"] for day in days[THIRD:] if not day["left_open"]), None)
        kept += ended is not None and ended <= days[THIRD]["done_by_85"]
    assert len(sprints) >= 2 * SPRINTS
    assert 0.7 <= kept / len(sprints) <= 0.95, f"{kept} of {len(sprints)}"


def test_no_forecast_moves_by_weeks_from_one_day_to_the_next(
    sprints: list[list[dict[str, Any]]],
) -> None:
    moved = [
        abs(later["promised"] - before["promised"])
        for days in sprints
        for before, later in pairwise(days[THIRD - 1 : THIRD + 2])
        if before["promised"] and later["promised"]
    ]
    assert len(moved) >= 2 * SPRINTS
    assert max(moved) < TWO_WEEKS, sorted(moved)[-5:]
