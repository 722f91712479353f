"""Single issues that something asks to be read: the activity feed, a webhook, `verify`, or the nightly pass over all of them."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from assets.metadata import Window
from assets.partitions import month_keys
from resources.warehouse.issue_sync_state import RequestedIssue, acknowledge_issues, requested_issues
from sync.comment_selection import refresh_share
from sync.deletions import mark_absent
from sync.issue_report import Tally, report_partitions
from sync.projects import Project, renamed
from sync.session import TableLoad, in_history

#: Issues that are asked for, stored and acknowledged at a time: one request.
BATCH = 100
#: The project of an issue of which a webhook did not say it.
UNKNOWN = 0


def refetch_requested(load: TableLoad, visible: dict[int, Project]) -> None:
    """Read the issues that are requested and no other; projects that another load works on are left to the next one."""
    with load.engine.connect() as connection:
        requested = requested_issues(connection, load.space_key, comments_too=True)
    free = load.lock_projects({issue.project_id for issue in requested if issue.project_id in visible}, wait=False)
    with in_history(load, "targeted"):
        _read(load, [issue for issue in requested if issue.project_id in free or issue.project_id not in visible], visible)
    load.unlock_projects(free)


def load_refresh_share(load: TableLoad, visible: dict[int, Project]) -> None:
    """Read tonight's share of the issues again, for what moves no `updated`: stars, linked files, vanished rows."""
    with load.engine.connect() as connection:
        share = [
            RequestedIssue(read.issue_id, read.project_id, read.refetch_requests, "nightly pass")
            for read in refresh_share(load, connection, visible)
        ]
    with in_history(load, "refresh"):
        for project_id in sorted({issue.project_id for issue in share}):
            load.lock_projects([project_id])
            _read(load, [issue for issue in share if issue.project_id == project_id], visible, acknowledge=False)
            load.unlock_projects([project_id])


def requested_before(load: TableLoad, project_ids: Collection[int]) -> list[RequestedIssue]:
    """Return the requested issues of some projects and of inaccessible ones; call it before a pass that may meet them."""
    with load.engine.connect() as connection:
        requested = requested_issues(connection, load.space_key, comments_too=False)
    seen = {int(project["id"]) for project in load.client.visible_projects()}
    return [issue for issue in requested if issue.project_id in project_ids or issue.project_id not in seen]


def acknowledge_met(load: TableLoad, requested: Sequence[RequestedIssue], stored: Collection[int]) -> list[RequestedIssue]:
    """Acknowledge the requested issues that a pass has stored, and return the others."""
    met = [issue for issue in requested if issue.issue_id in stored]
    if met:
        with load.writing() as connection:
            acknowledge_issues(connection, load.space_key, met)
    return [issue for issue in requested if issue.issue_id not in stored]


def read_others(load: TableLoad, requested: Sequence[RequestedIssue], visible: dict[int, Project], tally: Tally) -> None:
    """Read requested issues that a pass over changes has not met: what moved no `updated`, and what is gone."""
    _ask(load, requested, visible, tally, acknowledge=True)


def read_renamed(load: TableLoad, visible: dict[int, Project], projects: Sequence[Project]) -> None:
    """Read the issues of projects that have got another key: no `updated` moves, and each issue has another key now."""
    found = renamed(load, projects)
    for project in projects:
        issues = [
            RequestedIssue(issue, home, 0, "another project key") for issue, home in sorted(found.items()) if home == project.id
        ]
        if issues:
            load.context.log.info(
                f"{project.key}: {len(issues)} issues have the key that the project had before; reading them again"
            )
            with in_history(load, "incremental", [project.key]):
                _read(load, issues, visible, acknowledge=False)


def _read(load: TableLoad, requested: Sequence[RequestedIssue], visible: dict[int, Project], *, acknowledge: bool = True) -> None:
    """Ask for issues by id and record the partitions that they were found in."""
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    tally = Tally(month_keys(), {issue.project_id for issue in requested})
    _ask(load, requested, visible, tally, acknowledge=acknowledge)
    cells = sorted(tally.counts)
    spent = load.client.stats - before
    for project_id in sorted({project_id for project_id, _ in cells if project_id in visible}):
        months = [month for project, month in cells if project == project_id]
        report_partitions(
            load,
            [(project_id, visible[project_id].key)],
            Tally(months, {project_id}, tally.counts, tally.newest),
            Window(None, None, tally.newest),
            spent,
            began,
            {"how": "asked by id", "rows": sum(tally.counts[project_id, month].read for month in months)},
        )


def _ask(
    load: TableLoad, requested: Sequence[RequestedIssue], visible: dict[int, Project], tally: Tally, *, acknowledge: bool
) -> None:
    """Ask for issues by id, a hundred a request, store what comes back, and mark those that are gone with what told of it."""
    for start in range(0, len(requested), BATCH):
        asked = requested[start : start + BATCH]
        told = {issue.issue_id: issue.by for issue in asked if issue.project_id in visible or issue.project_id == UNKNOWN}
        mark_absent(load, told, visible, tally)
        if acknowledge:
            with load.writing() as connection:
                acknowledge_issues(connection, load.space_key, asked)
