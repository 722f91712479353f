"""`raw/issues`: records that cannot be placed in time, or have no id, are quarantined; everything
else loads.
"""

from typing import Any

import pytest

from simulator import RequestInfo
from tests.syncs import Syncs, failures

pytestmark = pytest.mark.usefixtures("order")


def test_issues_with_broken_dates_or_without_an_id_are_quarantined_and_the_rest_loads(
    syncs: Syncs,
) -> None:
    syncs.sim.space.import_issues("OPS", 130)
    broken, dateless, without_id = sorted(syncs.sim.space.project("OPS").issues)[:3]

    def spoil(request: RequestInfo, body: Any) -> Any:
        if request.route != "/issues":
            return body
        changes: dict[int, dict[str, Any]] = {
            broken: {"updated": "long ago"},
            dateless: {"created": "", "updated": 7},
        }
        spoilt = [{**issue, **changes.get(issue["id"], {})} for issue in body]
        return [{**issue, "id": None} if issue["id"] == without_id else issue for issue in spoilt]

    syncs.sim.rewrite_response(spoil)
    run = syncs.run("OPS")
    assert run.success, failures(run)
    expected = syncs.source_issues("OPS").keys() - {broken, dateless, without_id}
    assert syncs.stored_issues().keys() == expected
    assert run.counts() == {"read": len(expected) + 3, "inserted": len(expected), "rejected": 3}
    keys = {
        row["record_key"]
        for row in syncs.query(
            "SELECT record_key FROM ops.rejected_records WHERE resolved_at IS NULL"
        )
    }
    assert len(keys) == 3
    assert {str(broken), str(dateless)} < keys
