"""`kill -9` of a load at a hundred random moments: no gap, no duplicate, few rows read again,
nothing left behind.
"""

import pytest
from sqlalchemy import text

from tests.integration.exactness.databases import Databases
from tests.integration.exactness.kills import kill_loads, scene

FIRST, KILLS = 40, 100


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_hundred_killed_loads_leave_no_gap_no_duplicate_and_few_rows_to_read(
    fresh_databases: Databases,
) -> None:
    with scene(fresh_databases, seed=1) as stage:
        figures = kill_loads(stage, first=FIRST, kills=KILLS)
        assert not figures.differences, "\n".join(figures.differences[:20])
        assert figures.kills == KILLS
        assert len(figures.again) >= KILLS // 2
        assert not figures.too_many, "\n\n".join(figures.too_many)
        with stage.engine.connect() as connection:
            left = connection.execute(
                text("SELECT sync_type, run_id FROM ops.sync_history WHERE status = 'in_progress'")
            ).all()
            dead = connection.execute(
                text("SELECT count(*) FROM ops.sync_history WHERE error LIKE '%killed%'")
            ).scalar_one()
        assert not left
        assert dead >= figures.kills // 2
