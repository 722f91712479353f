"""Some hundred answers that are odd in every way, at every endpoint: others each day, the same
again with `SEED=`, and as many as one likes with `MUTATIONS=`.
"""

import os
import sys

import pytest

from tests.integration.odd.play import play
from tests.integration.odd.proxy import ROUTES
from tests.seed import SEED

MUTATIONS = int(os.environ.get("MUTATIONS", "250"))


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_whatever_a_source_answers_a_load_ends_and_the_next_one_is_equal(
    warehouse_url: str,
) -> None:
    figures = play(warehouse_url, mutations=MUTATIONS, number=SEED)
    sys.stdout.write(f"{figures}\n")
    assert {route for route, _ in figures.mutations} >= set(ROUTES.values()) - {
        "/users/myself",
        "/resolutions",
    }
