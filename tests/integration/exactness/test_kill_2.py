"""`kill -9` of loads of changes at sixty random moments; forty others are those of a first load."""

from dataclasses import replace

import pytest

from tests.integration.exactness.databases import Databases
from tests.integration.exactness.kills import SPEC, assert_nothing_is_lost, kill_loads, scene

KILLS = 60
#: More than a page in each project, so that one that is read again is noticed; loads of changes
#: read no more of a larger space.
SPACE = replace(SPEC, issues=450)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_sixty_killed_later_loads_leave_no_gap_no_duplicate_and_few_rows_to_read(
    fresh_databases: Databases,
) -> None:
    with scene(fresh_databases, seed=1, spec=SPACE) as stage:
        kill_loads(stage, first=0, kills=KILLS)
        assert_nothing_is_lost(stage, kills=KILLS)
        # After the others people have worked, so that their cost cannot be seen.
        assert len(stage.figures.again) >= 14
