"""The two checks about `raw/issues` that ask the source or the clock: equal in number, and fresh.

They are evaluated by the asset itself, as its other checks are: a check apart would be planned in each of its runs and then
skipped, since Dagster starts nothing below an asset that records its partitions itself, and that would hide what was found last.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from sqlalchemy import Engine

from assets.cadences import ISSUES as CADENCE
from assets.location import SETTINGS, raw_key
from assets.reconciliation_status import deletion_rows, moment, project_rows
from assets.table_checks import rows_table
from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError
from resources.progress import Progress
from resources.warehouse.errors import WarehouseError
from resources.warehouse.reconciliations import ReconciliationStatus, latest
from resources.warehouse.state import project_states
from sync.counts import by_bucket
from sync.reconcile.reconcile import reconcile
from sync.reconcile.result import TOO_FAST

ISSUES = raw_key("issues")
HOUR = timedelta(hours=1)
COUNTS, FRESH = "issue_counts_match_source", "every_project_is_fresh"
FRESH_STATE, STALE = "✓ fresh", "✗ stale"

COUNT_CHECK_SPECS = [
    dg.AssetCheckSpec(
        COUNTS,
        asset=ISSUES,
        description="Each project has as many issues in the warehouse as at the source, but for those that came or went there "
        "since its last load, and those in quarantine. One request a project, and a few more for one that differs. Every night all "
        "projects are counted, in a backfill "
        "those that it reads; every other run tells anew how each project was compared last, at no request.\n\n"
        "`projects` shows of each project whether it is equal, since when, and when that was proven: by number (`counted`) and by "
        "comparing each row (`row_by_row`: `backlog-elt verify --deep`). `what_was_deleted` shows what was found gone last: when, "
        f"why, and by which evidence; `ops.deletions` has all. Times are those of {SETTINGS.timezone}.",
    ),
    dg.AssetCheckSpec(
        FRESH,
        asset=ISSUES,
        description=f"Every active project was loaded within {CADENCE.fresh_within / HOUR:.0f} hours: the cadence of "
        f"{CADENCE.interval / HOUR:.0f} and {CADENCE.grace / HOUR:.0f} of grace. Times are those of {SETTINGS.timezone}.",
    ),
]


def count_check_results(
    chosen: Collection[dg.AssetCheckKey],
    client: BacklogClient,
    engine: Engine,
    progress: Progress,
    *,
    covered: Collection[str] | None,
    fresh_within: timedelta,
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate those of the two checks that are chosen; one that cannot be evaluated does not keep the other from it.

    Args:
        chosen: keys of checks, of which other checks are left alone.
        client: the source.
        engine: the warehouse.
        progress: who is told what the questions cost.
        covered: keys of the projects that are counted, None: all that are visible.
        fresh_within: the age at which a project is stale.

    Raises:
        dagster.Failure: what the source or the warehouse has refused, after all were tried.
    """
    failures = []
    for name in (COUNTS, FRESH):
        if dg.AssetCheckKey(ISSUES, name) not in chosen:
            continue
        try:
            with costs_told(name, client, progress):
                if name == COUNTS:
                    result = issue_counts_match_source(client, engine, covered)
                else:
                    result = every_project_is_fresh(client, engine, fresh_within)
        except (BacklogError, WarehouseError) as error:
            failures.append(f"{name}: {error}")
        else:
            yield result
    if failures:
        raise dg.Failure("; ".join(failures), allow_retries=False)


@contextmanager
def costs_told(check: str, client: BacklogClient, progress: Progress) -> Iterator[None]:
    """Tell the progress what is asked of the source inside, for a check."""
    before = client.stats.snapshot()
    try:
        yield
    finally:
        progress.done(check, {}, by_bucket(client.stats - before))


def issue_counts_match_source(client: BacklogClient, engine: Engine, covered: Collection[str] | None = None) -> dg.AssetCheckResult:
    """Count the issues of visible projects on both sides, keep the outcome, and show how each project stands.

    Projects that are not `covered` are shown as they were compared last, and are judged by that.

    Raises:
        BacklogError: a project refuses to be counted.
        WarehouseError: the warehouse cannot be used.
    """
    space_key = str(client.space_info()["spaceKey"])
    counts = reconcile(client, engine, level="count", projects=covered).projects
    visible = {int(project["id"]): str(project["projectKey"]) for project in client.visible_projects()}
    with engine.connect() as connection:
        reconciliation_statuses = latest(connection, space_key)
        others = {project: key for project, key in visible.items() if covered is not None and key not in covered}
        projects = project_rows(connection, space_key, counts, reconciliation_statuses, others)
        deletions = deletion_rows(connection, space_key)
    inconclusive = [one.key for one in counts if not one.conclusive]
    unequal = [one.key for one in counts if one.status == "different"]
    unequal += [key for project, key in others.items() if _differed(reconciliation_statuses.get(project))]
    compared = {project: key for project, key in others.items() if project in reconciliation_statuses}
    keys = {**{one.id: one.key for one in counts}, **compared}
    doubted = [
        key
        for project, key in keys.items()
        if key not in unequal and project in reconciliation_statuses and not reconciliation_statuses[project].equal
    ]
    return dg.AssetCheckResult(
        check_name=COUNTS,
        asset_key=ISSUES,
        passed=not unequal and not inconclusive,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_said(len(keys), unequal, inconclusive, doubted, sorted(set(others.values()) - set(compared.values()))),
        metadata={
            "projects": rows_table(projects) if projects else "no project",
            # The UI sorts by name: the projects stand above what may be a long table.
            "what_was_deleted": rows_table(deletions) if deletions else "nothing was deleted",
            "unequal_projects": unequal,
            "inconclusive_projects": inconclusive,
            **_sums(projects),
        },
    )


def _sums(projects: list[dict[str, Any]]) -> dict[str, int]:
    """Return the issues of all projects that were ever compared, for the plot; none where there are none yet."""
    known = [row for row in projects if row["source"] is not None]
    if not known:
        return {}
    return {
        "issues_at_source": sum(row["source"] for row in known),
        "issues_in_warehouse": sum(row["warehouse"] for row in known),
    }


def _differed(reconciliation_status: ReconciliationStatus | None) -> bool:
    """Whether a project was found unequal in number when it was counted last."""
    return reconciliation_status is not None and reconciliation_status.level == "count" and bool(reconciliation_status.differences)


def _said(projects: int, unequal: list[str], inconclusive: list[str], doubted: list[str], unknown: list[str]) -> str:
    said = [f"{projects - len(unequal) - len(inconclusive)} of {projects} projects are equal"]
    if unknown:
        said.append(f"{', '.join(unknown)} were not compared yet, which the count reconciliation does")
    if unequal:
        said.append(f"not {', '.join(unequal)}: backlog-elt verify --repair repairs them")
    if inconclusive:
        said.append(f"{', '.join(inconclusive)}: {TOO_FAST}")
    if doubted:
        said.append(f"{', '.join(doubted)} differed row by row, which a count cannot take back: backlog-elt verify --deep")
    return "; ".join(said)


def every_project_is_fresh(client: BacklogClient, engine: Engine, fresh_within: timedelta) -> dg.AssetCheckResult:
    """Compare the time of each active project's last good load with the cadence; asks the warehouse only for times.

    Raises:
        BacklogError: the projects cannot be listed.
        WarehouseError: the warehouse cannot be used.
    """
    projects = client.visible_projects()
    with engine.connect() as connection:
        states = project_states(connection, str(client.space_info()["spaceKey"]), "issues")
    now = datetime.now(UTC)
    rows = []
    for project in projects:
        if not project.get("archived"):
            state = states.get(int(project["id"]))
            loaded = state.last_success_at if state else None
            fresh = loaded is not None and now - loaded <= fresh_within
            rows.append(
                {
                    "project": project["projectKey"],
                    "state": FRESH_STATE if fresh else STALE,
                    "loaded": moment(loaded) if loaded else "never",
                    "last_error": state.last_error if state else None,
                }
            )
    stale = [str(row["project"]) for row in rows if row["state"] == STALE]
    return dg.AssetCheckResult(
        check_name=FRESH,
        asset_key=ISSUES,
        passed=not stale,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"stale: {', '.join(stale)}" if stale else f"all {len(rows)} active projects are fresh",
        metadata={"projects": rows_table(rows)} if rows else {},
    )
