"""The deep comparison finds each kind of difference in each table, and nothing that is none."""

import pytest

from tests.sync.reconcile.looking import told
from tests.sync.reconcile.tamperings import HISTORY, ISSUES, LISTS, Tampering
from tests.syncs import Syncs

ALL = [*ISSUES, *HISTORY, *LISTS]


def test_a_loaded_quiet_space_is_equal_in_every_table(synced: Syncs) -> None:
    found = synced.compare().as_json()
    assert (found["status"], found["how"], found["differences"], found["errors"]) == ("equal", "rows", [], [])
    assert {table for table, counts in found["tables"].items() if counts["source"] != counts["warehouse"]} == set()
    assert {table for table, counts in found["tables"].items() if not counts["source"]} == set()
    assert [(one["project"], one["status"]) for one in found["projects"]] == [("OPS", "equal"), ("WEB", "equal"), ("APP", "equal")]


@pytest.mark.parametrize("tampering", ALL, ids=lambda one: one.name)
def test_a_row_that_somebody_has_spoilt_is_told(synced: Syncs, tampering: Tampering) -> None:
    tampering.do(synced)
    found = synced.compare()
    assert told(found) == tampering.told
    assert told(found, behind=True) == set()
    assert found.failed()
