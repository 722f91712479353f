"""`raw/issues`: records that cannot be placed in time, or have no id, are quarantined; everything else loads."""

from typing import Any

from simulator import RequestInfo
from tests.deployment import Deployment, checks, counts, failures, observed


def test_issues_with_broken_dates_or_without_an_id_are_quarantined_and_the_rest_loads(deployment: Deployment) -> None:
    deployment.sim.space.import_issues("OPS", 130)
    broken, dateless, nameless = sorted(deployment.sim.space.project("OPS").issues)[:3]

    def spoil(request: RequestInfo, body: Any) -> Any:
        if request.route != "/issues":
            return body
        changes: dict[int, dict[str, Any]] = {broken: {"updated": "long ago"}, dateless: {"created": "", "updated": 7}}
        spoilt = [{**issue, **changes.get(issue["id"], {})} for issue in body]
        return [{**issue, "id": None} if issue["id"] == nameless else issue for issue in spoilt]

    deployment.sim.rewrite_response(spoil)
    deployment.discover()
    run = deployment.run_issues("OPS")
    assert run.success, failures(run)
    expected = deployment.source_issues("OPS").keys() - {broken, dateless, nameless}
    assert deployment.stored_issues().keys() == expected
    assert counts(observed(run)) == {"read": len(expected) + 3, "inserted": len(expected), "rejected": 3}
    assert checks(run)["no_rejected_records"] is False
    keys = {row["record_key"] for row in deployment.query("SELECT record_key FROM ops.rejected_records")}
    assert {str(broken), str(dateless)} < keys
