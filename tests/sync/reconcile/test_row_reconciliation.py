"""The deep comparison finds each kind of difference in each table, and nothing that is none."""

import pytest

from tests.deployment import Deployment
from tests.sync.reconcile.tamperings import HISTORY, ISSUES, LISTS, Tampering
from tests.sync.reconcile.verifying import deep, told

ALL = [*ISSUES, *HISTORY, *LISTS]


def test_a_loaded_quiet_space_is_equal_in_every_table(loaded: Deployment) -> None:
    found = deep(loaded).as_json()
    assert (found["status"], found["how"], found["differences"], found["errors"]) == ("equal", "rows", [], [])
    assert {table for table, counts in found["tables"].items() if counts["source"] != counts["warehouse"]} == set()
    assert {table for table, counts in found["tables"].items() if not counts["source"]} == set()
    assert [(one["project"], one["status"]) for one in found["projects"]] == [("OPS", "equal"), ("WEB", "equal"), ("APP", "equal")]


@pytest.mark.parametrize("tampering", ALL, ids=lambda one: one.name)
def test_a_row_that_somebody_has_spoilt_is_told(loaded: Deployment, tampering: Tampering) -> None:
    tampering.do(loaded)
    found = deep(loaded)
    assert told(found) == tampering.told
    assert told(found, behind=True) == set()
    assert found.found.failed()
