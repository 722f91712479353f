"""`kill -9` of a first load at forty random moments: no gap, no duplicate, few rows read again,
nothing left behind.
"""

import pytest

from tests.integration.exactness.databases import Databases
from tests.integration.exactness.kills import assert_nothing_is_lost, kill_loads, scene

KILLS = 40


@pytest.mark.long
@pytest.mark.timeout(900)
def test_forty_killed_first_loads_leave_no_gap_no_duplicate_and_few_rows_to_read(
    fresh_databases: Databases,
) -> None:
    with scene(fresh_databases, seed=1) as stage:
        kill_loads(stage, first=KILLS, kills=KILLS)
        assert_nothing_is_lost(stage, kills=KILLS)
        assert len(stage.figures.again) >= KILLS * 9 // 10
