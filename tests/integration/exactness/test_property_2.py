"""Whatever happens before, between and during syncs, the warehouse ends equal to the source (half 2
of two, for two workers).
"""

import pytest

from tests.integration.exactness.databases import Databases
from tests.integration.exactness.play import play_until
from tests.seed import SEED

EXAMPLES = 8
MUTATIONS = 5_000


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_thousands_of_changes_deaths_and_faults_end_with_both_sides_equal(
    fresh_databases: Databases,
) -> None:
    play_until(fresh_databases, examples=EXAMPLES, mutations=MUTATIONS, number=SEED + 2)
