"""Issues, their comments and their changes, partitioned by project and month of the issue's last
change.

One multi-asset, since Dagster starts nothing below an asset that records its partitions itself;
each of the three can be chosen alone.
"""

from collections.abc import Collection, Iterator
from dataclasses import asdict

import dagster as dg
from pydantic import Field

from assets.checks.issue_checks import ISSUE_SPECS, issue_check_results
from assets.declaration import raw_spec
from assets.failing import failing_as
from assets.loads import open_load
from assets.partitions import ISSUE_TABLES, PROJECT_MONTHS, loadable, slices
from resources.backlog.backlog_resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.activities import is_behind, sync_past_activities
from sync.comment_selection import REFRESH_DAYS
from sync.comments import sync_comments
from sync.issues import sync_issues
from sync.modes import ISSUES_STEP, Mode
from sync.open_session import PartsFailedError

_ISSUES = raw_spec(
    "issues",
    description="One row per issue. Source: `GET /issues`. A partition holds "
    "the issues of one project "
    "whose last change falls "
    "in one month; the first month also holds everything older. So a past partition only "
    "shrinks, as its issues move on.\n\n"
    "**Backfill** (the default, and what the UI launches): reads the chosen partitions again "
    "whole, finds rows that the source "
    "no longer has, asks for each of them by id, and marks those that are really gone.\n\n"
    "**Incremental** (the schedule): reads "
    "what changed since the watermark of each project, newest first, in one pass over all "
    "projects, and by id what else the "
    "activity feed names; then compares the number of issues with the source, and finds what was "
    "deleted where they differ.\n\n"
    "**Targeted** (the sensors): reads only the issues that the feed or a webhook has named. "
    "**Refresh** (nightly): reads "
    f"1 in {REFRESH_DAYS - 1} issues again by id, for changes that move no `updated` and are in "
    "no feed: stars, linked files.\n\n"
    "Of the figures of a partition, rows are its own, and so is the duration, its part of the "
    "pass by rows; requests and waits are "
    "those of the pass that read it together with others, so do not add them up: the observation "
    "of each run has the sum.\n\n"
    "**Is it right?** The check "
    "`issue_counts_match_source` shows of each project whether it is equal to the source, since "
    "when and how that was proven, and "
    "what was deleted and why.",
    deps=["raw/projects", "raw/activities"],
)
_COMMENTS = raw_spec(
    "comments",
    description="One row per comment, those that only record changes included. Source: `GET "
    "/issues/:id/comments`. Partitioned "
    "like `raw/issues`: a partition holds the comments of the issues in it.\n\n**Backfill**: "
    "reads the comments of each issue of "
    "the partitions again whole, and so finds edited and deleted ones.\n\n**Incremental** and "
    "**targeted**: issues whose `updated` "
    "has moved or that the activity feed names are asked for comments from the last known one "
    "on: one request each.\n\n**Refresh** "
    "(nightly): a share of all issues is read whole, so that each is read within 30 days: no "
    "feed shows an edited or deleted "
    "comment.",
    deps=["raw/issues", "raw/activities"],
)
_CHANGES = raw_spec(
    "issue_changes",
    description="One row per changed field: what, when, by whom, from what to "
    "what. Made from the change "
    "logs of `raw/comments` in "
    "the same transaction, never read by itself. `field` has the standard English name "
    "(`assignee`, not Backlog's `assigner`); "
    "values are the names shown at the time, ids are what they referred to then, null "
    "where that is not certain.",
    deps=["raw/comments"],
)


class IssuesConfig(dg.Config):
    """How a run reads its partitions."""

    mode: Mode = Field(
        default="backfill",
        description="backfill: read the partitions again whole. incremental: "
        "read what changed since "
        "the watermarks. targeted: "
        "read only the issues that the feed, a webhook or verify has named. refresh: read the "
        "share of the rolling refresh.",
    )


@dg.multi_asset(
    name=ISSUES_STEP,
    specs=[
        spec.replace_attributes(partitions_def=PROJECT_MONTHS, skippable=True)
        for spec in (_ISSUES, _COMMENTS, _CHANGES)
    ],
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    # Partitions are recorded one by one as they are committed, so that a run that fails half-way
    # keeps what it has done.
    check_specs=ISSUE_SPECS,
)
def issues(
    context: dg.AssetExecutionContext,
    config: IssuesConfig,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.AssetCheckResult]:
    """Read the partitions of the run, whatever its shape: issues first, then their comments with
    the changes; then the checks.

    A first load reads the feed back to its beginning in between. A run of checks alone reads
    nothing.
    """
    with failing_as(context, "issues"):
        requested = {key.path[-1] for key in context.selected_asset_keys}
        covered = (
            slices(context) if requested and config.mode in ("backfill", "incremental") else []
        )
        if covered:
            covered = loadable(
                covered,
                backlog.client,
                warehouse.engine,
                backlog.url,
                by_hand=config.mode == "backfill",
            )
        failed: PartsFailedError | None = None
        with_comments, feed_behind = bool(requested & {"comments", "issue_changes"}), False
        if "issues" in requested:
            try:
                with open_load(
                    context,
                    "issues",
                    backlog,
                    warehouse,
                    progress,
                    mode=config.mode,
                    locks="projects",
                ) as session:
                    # What hangs on an issue goes with it, also where its table is not loaded in
                    # this run.
                    sync_issues(
                        session,
                        config.mode,
                        covered,
                        ISSUE_TABLES[1:] if requested == {"issues"} else (),
                    )
                    feed_behind = with_comments and config.mode != "targeted" and is_behind(session)
            except PartsFailedError as error:
                # The comments of the other projects are no less requested.
                failed = error
        if feed_behind:
            # A first load reads the issues before the past of the feed.
            with (
                failing_as(context, "activities"),
                open_load(
                    context, "activities", backlog, warehouse, progress, mode="incremental"
                ) as session,
            ):
                sync_past_activities(session)
                session.reporter.table_loaded()
        if with_comments:
            with (
                failing_as(context, "comments"),
                open_load(
                    context,
                    "comments",
                    backlog,
                    warehouse,
                    progress,
                    mode=config.mode,
                    locks="projects",
                ) as session,
            ):
                changes = sync_comments(session, config.mode, covered)
            progress.done("issue_changes", asdict(changes), {})
        if failed:
            raise failed
        # Each run evaluates all checks: the UI shows none that the latest run has not evaluated. A
        # run of checks alone counts all projects, a backfill those that it has read. The others
        # count nothing, and show how each project was compared last.
        counted: Collection[str] | None = (
            {part.project_key for part in covered} if config.mode == "backfill" else ()
        )
        yield from issue_check_results(
            context,
            backlog,
            warehouse,
            progress,
            counted=counted if requested else None,
            whole=not requested or config.mode == "refresh",
        )
