"""`verify` as the command runs it: what it counts as its cost, and repairs by runs of the jobs that
load what differs.
"""

import dagster as dg

from tests.deployment import Deployment
from tests.pipelines.cli.verifying import verify


def jobs(deployment: Deployment) -> list[str]:
    """Return the jobs that were run, the first one first."""
    return [run.job_name for run in reversed(deployment.instance.get_runs())]


def test_a_repair_of_issues_runs_their_job_and_counts_all_requests(loaded: Deployment) -> None:
    verified = verify(loaded)
    assert verified.found.status == "equal"
    assert verified.requests == {"search": 3, "read": 2, "retries": 0, "rate_limited": 0}
    loaded.change(
        "UPDATE raw.issues SET summary = 'x' WHERE id IN (SELECT id FROM "
        "raw.issues ORDER BY id LIMIT 50)"
    )
    verified = verify(loaded, repair=True)
    assert verified.found.repaired == {"issues": 50}
    made = loaded.sim.requests.by_bucket()
    assert verified.requests == made | {"retries": 0, "rate_limited": 0}
    assert jobs(loaded) == ["targeted_sync"]


def test_a_repair_of_lists_runs_the_jobs_that_load_them_and_only_those_tables(
    loaded: Deployment,
) -> None:
    loaded.change("UPDATE raw.statuses SET name = 'x' WHERE id = 1")
    loaded.change("UPDATE raw.users SET name = 'x' WHERE id = (SELECT max(id) FROM raw.users)")
    found = verify(loaded, repair=True).found
    assert (found.status, found.repaired) == ("equal", {"users": 1, "statuses": 3})
    assert jobs(loaded) == ["users", "projects"]
    for table, times in (("statuses", 1), ("categories", 0)):
        key = dg.AssetKey(["raw", table])
        assert len(loaded.instance.fetch_materializations(key, limit=10).records) == times
