"""Asset checks: the claims about each table, and those that ask the source or the clock.

Add here: a claim that needs more than one stored table. Keep out: loading anything.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg

from assets.census import census
from assets.claims import CLAIMS, Claim, check_result, claims_of, rows_table
from assets.metadata import by_bucket
from assets.raw.declaration import FRESH_WITHIN
from assets.standing import deletion_rows, explained, project_rows
from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.errors import WarehouseError
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.schema import SPECS
from resources.warehouse.state import project_states
from resources.warehouse.verifications import Outcome, latest, record

ISSUES = dg.AssetKey(["raw", "issues"])

#: Tables whose claims are evaluated inside their own runs, which do not load them whole.
CHECKED_IN_THEIR_RUNS = ("issues", "comments", "activities", "issue_changes")


def _check(claim: Claim, table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=dg.AssetKey(["raw", table]), name=claim.name, description=claim.description)
    def check(backlog: BacklogResource, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with _failing_in_one_line(f"{table}, {claim.name}"):
            return check_result(warehouse.engine, claim, table, str(backlog.client.space_info()["spaceKey"]))

    return check


@contextmanager
def _failing_in_one_line(check: str) -> Iterator[None]:
    """Turn what the source or the warehouse refuses into a failure of the check that says so in one line."""
    try:
        yield
    except (BacklogError, WarehouseError) as error:
        raise dg.Failure(f"{check}: {error}", allow_retries=False) from None


@contextmanager
def _asking(check: str, backlog: BacklogResource, progress: Progress) -> Iterator[BacklogClient]:
    """Give the client to a check that asks the source, and report what its questions cost."""
    with _failing_in_one_line(check):
        before = backlog.client.stats.snapshot()
        try:
            yield backlog.client
        finally:
            progress.done(check, {}, by_bucket(backlog.client.stats - before))


@dg.asset_check(
    asset=ISSUES,
    description="Each project has as many issues in the warehouse as at the source, but for those created or deleted since its "
    "last load. One request a project, and two more for one that differs.\n\n`projects` shows of each project whether it is equal, "
    "since when, and how that was proven: by number (census) and row by row (`backlog-elt verify --deep`). `deletions` shows what "
    "was found gone last: when, why, and by which evidence; `ops.deletions` has all.",
)
def issue_counts_match_source(
    backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> dg.AssetCheckResult:
    """Count the issues of each visible project on both sides, keep the outcome, and show how each project stands."""
    with _asking("issue_counts_match_source", backlog, progress) as client:
        space_key = str(client.space_info()["spaceKey"])
        counts = census(client, warehouse.engine, space_key)
        with warehouse.engine.begin() as connection:
            outcomes = [
                Outcome(one.project_id, one.source, one.warehouse, abs(one.difference), explained(one) or None) for one in counts
            ]
            record(connection, space_key, "census", outcomes)
        with warehouse.engine.connect() as connection:
            standings = latest(connection, space_key)
            projects = project_rows(connection, space_key, counts, standings)
            deletions = deletion_rows(connection, space_key)
    unequal = [one.project for one in counts if one.difference]
    doubted = [one.project for one in counts if not one.difference and not standings[one.project_id].equal]
    said = [f"{len(counts) - len(unequal)} of {len(counts)} projects are equal"]
    if unequal:
        said.append(f"not {', '.join(unequal)}: backfill them")
    if doubted:
        said.append(f"{', '.join(doubted)} differed row by row, which a count cannot take back: backlog-elt verify --deep")
    return dg.AssetCheckResult(
        passed=not unequal,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(said),
        metadata={
            "projects": rows_table(projects) if projects else "no project",
            "deletions": rows_table(deletions) if deletions else "nothing was deleted",
            "unequal_projects": unequal,
            "issues_at_source": sum(one.source for one in counts),
            "issues_in_warehouse": sum(one.warehouse for one in counts),
        },
    )


@dg.asset_check(
    asset=ISSUES,
    description="Every active project was loaded within 13 hours: the cadence of 12 and one of grace.",
)
def every_project_is_fresh(
    backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> dg.AssetCheckResult:
    """Compare the time of each active project's last good load with the cadence; asks the warehouse only for times."""
    with _asking("every_project_is_fresh", backlog, progress) as client:
        projects = client.visible_projects()
        with warehouse.engine.connect() as connection:
            states = project_states(connection, str(client.space_info()["spaceKey"]), "issues")
    now = datetime.now(UTC)
    rows = []
    for project in projects:
        if not project.get("archived"):
            state = states.get(int(project["id"]))
            loaded = state.last_success_at if state else None
            fresh = loaded is not None and now - loaded <= FRESH_WITHIN["issues"]
            error = state.last_error if state else None
            rows.append({"project": project["projectKey"], "loaded_at": loaded, "fresh": fresh, "last_error": error})
    stale = [str(row["project"]) for row in rows if not row["fresh"]]
    return dg.AssetCheckResult(
        passed=not stale,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"stale: {', '.join(stale)}" if stale else f"all {len(rows)} active projects are fresh",
        metadata={"projects": rows_table(rows)} if rows else {},
    )


CHECKS = [
    issue_counts_match_source,
    every_project_is_fresh,
    *(
        _check(claim, table)
        for table in SPECS
        if table not in CHECKED_IN_THEIR_RUNS
        for claim in CLAIMS
        if claim in claims_of(table)
    ),
]
