"""The deep comparison finds each kind of difference in each table, and nothing that is none.

Add here: a difference that it is to find, or one that it must not. Keep out: mending (`test_mend.py`), numbers (`test_quick.py`).
"""

import pytest

from tests.assets.verify.tamperings import HISTORY, ISSUES, LISTS, Tampering
from tests.assets.verify.verifying import deep, told
from tests.deployment import Deployment

ALL = [*ISSUES, *HISTORY, *LISTS]


def test_a_loaded_quiet_space_is_equal_in_every_table(loaded: Deployment) -> None:
    found = deep(loaded).as_json()
    assert (found["status"], found["how"], found["differences"], found["errors"]) == ("equal", "deep", [], [])
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
