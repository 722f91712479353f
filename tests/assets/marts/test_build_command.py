"""What `backlog-elt marts` says of a build that fails: each model and check, a line for each.

Add here: another way in which a build fails. Keep out: the command in a process (`tests/integration/test_commands.py`).
"""

from pipelines.building import build_marts, summary_line
from resources.progress import LogProgress
from tests.deployment import Deployment


def test_a_build_that_fails_names_the_model_and_the_check(built: tuple[Deployment, int]) -> None:
    deployment, issue = built
    lines: list[str] = []
    later = f"UPDATE mart.hours_ledger SET hours = hours {{}} 1 WHERE issue_id = {issue} AND position = 0"
    deployment.change(later.format("+"))
    deployment.change("ALTER TABLE mart.issue RENAME COLUMN url TO address")
    try:
        found = build_marts(deployment.definitions, deployment.instance, LogProgress(write=lines.append))
    finally:
        deployment.change("ALTER TABLE mart.issue RENAME COLUMN address TO url")
        deployment.change(later.format("-"))
    assert found.failures == (
        "check hours_ledger_adds_up of mart/hours_ledger; its rows are in the Dagster UI",
        'Database Error in model issue (models/mart/issue.sql): column "address" does not exist',
    )
    assert (found.failed, found.as_json()["status"]) == (1, "failed")
    assert found.models > 0
    assert (
        lines[-1]
        == f"marts: {found.models} models, {found.passed} checks passed"
        + (f", {len(found.warnings)} checks warned" if found.warnings else "")
        + ", 1 checks failed"
    )
    line = summary_line(found.as_json())
    assert line.startswith("failed in ")
    assert "1 failed" in line
    assert "next:" not in line
