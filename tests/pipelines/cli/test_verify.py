"""`verify` as the command runs it: what it counts as its cost, and repairs by runs of the jobs that
load what differs.
"""

from collections import Counter

import dagster as dg

from tests.deployment import Deployment
from tests.pipelines.cli.verifying import deep, verify


def jobs(deployment: Deployment) -> list[str]:
    """Return the jobs that were run, the first one first."""
    return [run.job_name for run in reversed(deployment.instance.get_runs())]


def test_a_comparison_says_what_it_has_cost(loaded: Deployment) -> None:
    verified = verify(loaded)
    assert verified.found.status == "equal"
    assert verified.requests == {"search": 3, "read": 2, "retries": 0, "rate_limited": 0}


def test_a_repair_costs_a_few_requests_more_than_the_comparison(loaded: Deployment) -> None:
    deep(loaded)
    plain = Counter(loaded.sim.requests.by_route())
    loaded.change(
        "UPDATE raw.issues SET summary = 'x' WHERE id IN (SELECT id FROM "
        "raw.issues ORDER BY id LIMIT 50)"
    )
    verified = verify(loaded, repair=True)
    assert verified.found.repaired == {"issues": 50}
    # Looked at again before it is reported, loaded, and looked at again; each time a page for all
    # of them.
    cost = Counter(loaded.sim.requests.by_route()) - plain
    assert cost["/issues"] == 3
    assert cost.total() <= 8, cost
    assert {
        name: count
        for name, count in verified.requests.items()
        if name not in {"retries", "rate_limited"}
    } == (loaded.sim.requests.by_bucket())
    assert jobs(loaded) == ["targeted_sync"]


def test_a_repair_of_lists_runs_the_jobs_that_load_them_and_only_those_tables(
    loaded: Deployment,
) -> None:
    loaded.change("UPDATE raw.statuses SET name = 'x' WHERE id = 1")
    loaded.change("UPDATE raw.users SET name = 'x' WHERE id = (SELECT max(id) FROM raw.users)")
    verified = verify(loaded, repair=True)
    assert (verified.found.status, verified.found.repaired) == (
        "equal",
        {"users": 1, "statuses": 3},
    )
    assert jobs(loaded) == ["users", "projects"]
    written = loaded.instance.fetch_materializations(
        dg.AssetKey(["raw", "statuses"]), limit=10
    ).records
    assert len(written) == 1
    assert not loaded.instance.fetch_materializations(
        dg.AssetKey(["raw", "categories"]), limit=10
    ).records


def test_a_repair_where_nothing_differs_runs_no_job(loaded: Deployment) -> None:
    assert verify(loaded, repair=True).found.repaired == {}
    assert jobs(loaded) == []
