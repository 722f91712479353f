"""What exact change capture costs in requests, and whether it holds when loads are killed and
everything happens at random.

The parts of `exactness.py` that run in this process; the variables that the assets read must be set
before this is imported.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from random import Random

import dagster as dg

from benchmarks.figures import Figure, expect_equal
from pipelines.schedules import issues_request
from simulator import RequestInfo, Simulator, SpaceSpec
from sync.watermarks import watermark_furthest_behind
from tests.deployment import Deployment, quiet
from tests.integration.exactness.databases import databases, server
from tests.integration.exactness.differences import differences
from tests.integration.exactness.kills import kill_loads, scene
from tests.integration.exactness.play import play

CHANGES, HOURS = 1_000, 24
DAY_BOUND, FIRST_BOUND = 1_200, 1.02
AGAIN_BOUND = 100
BEGIN = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
COMMENTS = "/issues/{issue}/comments"


def requests() -> Iterator[Figure]:
    """Count the requests of a first load of comments, and of a day of changes that is synced
    hourly.
    """
    with ExitStack() as stack:
        fresh = stack.enter_context(databases(stack.enter_context(server()).url))
        url, engine = stack.enter_context(fresh.fresh())
        instance = stack.enter_context(dg.DagsterInstance.ephemeral())
        sim = stack.enter_context(Simulator(SpaceSpec(seed=21, projects=5, issues=3_000)))
        sim.clock.freeze(BEGIN)
        deployment = Deployment(sim, url, engine, instance, sim.api_key, quiet())
        yield from _first_load(sim, deployment)
        yield from _day(sim, deployment)


def _first_load(sim: Simulator, deployment: Deployment) -> Iterator[Figure]:
    group = "first load of comments: 5 projects, 3,000 issues"
    # Issues of a page less one, a page, and more.
    for issue, count in zip(sim.space.issues.values(), (99, 100, 101, 350), strict=False):
        for number in range(count - len(issue.comments)):
            sim.space.comment(issue, f"Comment {number}")
    asked: Counter[str] = Counter()

    def count_comments(request: RequestInfo) -> None:
        if request.route == COMMENTS:
            asked[request.path] += 1

    sim.before_request(count_comments)
    deployment.load()
    _expect_no_differences(deployment)
    few = [issue for issue in sim.space.issues.values() if len(issue.comments) < 100]
    many = {issue.id for issue in sim.space.issues.values()} - {issue.id for issue in few}
    for_many = sum(number for path, number in asked.items() if int(path.split("/")[-2]) in many)
    yield Figure(group, "issues that have fewer than 100 comments", len(few), "issues")
    yield Figure(group, "of these without any", sum(not issue.comments for issue in few), "issues")
    yield Figure(group, "requests for their comments", asked.total() - for_many, "requests")
    yield Figure(
        group,
        "requests for each of them",
        (asked.total() - for_many) / len(few),
        "requests",
        FIRST_BOUND,
    )
    yield Figure(
        group, f"requests for the comments of the {len(many)} others", for_many, "requests"
    )


def _day(sim: Simulator, deployment: Deployment) -> Iterator[Figure]:
    group = f"a day: {CHANGES:,} changes to {CHANGES:,} issues, synced hourly"
    active = [
        issue
        for project in sim.space.projects.values()
        if not project.archived
        for issue in project.issues.values()
    ]
    chosen = Random(1).sample(active, CHANGES)  # noqa: S311 - a choice of issues
    loads = Counter[str]()
    for hour in range(HOURS):
        changed = chosen[hour::HOURS]
        for number, issue in enumerate(changed):
            sim.clock.advance(3_600 / len(changed))
            if number % 4 == 0:
                sim.space.comment(issue, f"Seen in hour {hour}")
            elif number % 4 == 1:
                sim.space.edit_issue(
                    issue, comment="Longer than thought", actual_hours=number + 0.25
                )
            else:
                sim.space.edit_issue(issue, summary=f"Changed in hour {hour}")
        sim.requests.clear()
        request = _tick(deployment)
        ended = deployment.run("issues", config=request.run_config, tags=request.tags)
        loads.update(sim.requests.by_route())
        expect_equal("the load ends well", ended.success, True)
    _expect_no_differences(deployment)
    yield Figure(
        group, "requests of the schedule's ticks and runs", loads.total(), "requests", DAY_BOUND
    )
    for route, number in loads.most_common():
        yield Figure(group, f"  GET {route}", number, "requests")


def _tick(deployment: Deployment) -> dg.RunRequest:
    """Ask for the watermarks and return the run that follows, as the schedule does."""
    warehouse = deployment.warehouse
    try:
        return issues_request(
            deployment.partitions,
            watermark_furthest_behind(warehouse.engine, deployment.partitions),
        )
    finally:
        warehouse.close()


def _expect_no_differences(deployment: Deployment) -> None:
    expect_equal(
        "differences between warehouse and source", differences(deployment, masters=False), []
    )


def kills(count: int) -> Iterator[Figure]:
    """Kill first loads and later ones with SIGKILL at random moments."""
    group = "loads killed at random moments, while people work"
    began = time.monotonic()
    with server() as own, databases(own.url) as fresh, scene(fresh, seed=2) as stage:
        found = kill_loads(stage, first=count * 2 // 5, kills=count)
    expect_equal("differences after killed loads", found.differences, [])
    yield Figure(group, "loads killed", found.kills, "kills")
    yield Figure(group, "loads in all", found.loads, "loads")
    yield Figure(
        group, "most rows read again after one kill", found.most_again, "rows", AGAIN_BOUND
    )
    read_again = [sum(rows.values()) for rows in found.again]
    yield Figure(
        group,
        "rows read again after one kill, on average",
        sum(read_again) / max(len(read_again), 1),
        "rows",
    )
    yield Figure(
        group, "rows missing, double or different at the end", len(found.differences), "rows", 0
    )
    yield Figure(group, "time", time.monotonic() - began, "s")


def changes(examples: int) -> Iterator[Figure]:
    """Let people, syncs, deaths and faults meet at random, and compare each example in the end."""
    group = "random changes, reads, deaths and faults"
    with server() as own, databases(own.url) as fresh:
        found = play(fresh, examples=examples, number=3)
    yield Figure(group, "examples that ended equal", found.examples, "examples")
    yield Figure(group, "changes of the source", found.mutations, "changes")
    yield Figure(group, "syncs", found.syncs, "syncs")
    yield Figure(group, "of these broken off by a death or a fault", found.failed, "syncs")
    yield Figure(group, "comparisons of all tables, none with a difference", found.comparisons, "")
    yield Figure(group, "time", found.seconds, "s")
