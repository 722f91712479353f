"""What a pass has done to each partition, put together for the observer of the load."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from resources.backlog.window import CompletenessProof
from resources.warehouse.state.refetch_requests import RequestedIssue
from sync.counts import Counts, Span, durations
from sync.observer import LoadedPartition, LoadedPartitions
from sync.reads import Changes, Pass
from sync.reporter import Measurement
from sync.session import Session
from sync.stored_rows import issues_by_month, newest_rows
from sync.tally import Cell


def report_pass(
    session: Session,
    read: Pass,
    as_of: datetime,
    measured: Measurement,
    proof: CompletenessProof,
) -> None:
    """Report the months of the projects of a pass, which are stored as they were at `as_of`; a pass
    over changes has those from the oldest watermark on.
    """
    tally, months = session.figures.take(), read.months
    if isinstance(read, Changes):
        months = months[months.index(session.calendar.month_of(read.since)) :]
        span = Span(read.since, as_of, tally.newest)
    else:
        span = Span(read.since, read.until or as_of)
    counted = tally.within(read.keys, months, read.projects[0].id)
    _report_issues(session, read.keys, months, counted, span, measured, proof)


def report_lookup(session: Session, asked: Sequence[RequestedIssue], measured: Measurement) -> None:
    """Report the partitions that issues were found in which were asked for by id."""
    projects, tally = {issue.project_id for issue in asked}, session.figures.take()
    counted = tally.within(projects, session.calendar.months(), min(projects, default=0))
    for project in sorted({project for project, _ in counted} & session.visible.keys()):
        months = sorted(month for other, month in counted if other == project)
        _report_issues(
            session,
            {project: session.visible[project].key},
            months,
            counted,
            Span(None, None, tally.newest),
            measured,
            {
                "how": "asked by id",
                "rows": sum(counted[project, month].read for month in months),
            },
        )


def _report_issues(
    session: Session,
    projects: Mapping[int, str],
    months: Sequence[str],
    counted: Mapping[Cell, Counts],
    window: Span,
    measured: Measurement,
    proof: CompletenessProof | Mapping[str, object],
) -> None:
    """Report each of `months` of each of `projects` (id -> key), all read by one pass.

    The duration of a partition is the part of the pass that its rows took; requests and waits are
    those of the pass.
    """
    ended = datetime.now(UTC)
    stored = issues_by_month(
        session.engine, session.space_key, list(projects), months, session.calendar
    )
    counts = {
        (project, month): counted.get((project, month), Counts())
        for project in projects
        for month in months
    }
    seconds = durations(measured.began, ended, {cell: counts[cell].read for cell in counts})
    partitions = [
        LoadedPartition(
            projects[project],
            month,
            counts[project, month],
            stored.get((project, month), 0),
            seconds[project, month],
        )
        for project, month in counts
    ]
    facts = proof.as_dict() if isinstance(proof, CompletenessProof) else dict(proof)
    sample = newest_rows(session.engine, session.spec, session.space_key)
    session.reporter.observer.partitions_loaded(
        LoadedPartitions(
            session.spec.name,
            partitions,
            measured.requests,
            measured.began,
            ended,
            sample,
            window,
            facts,
        )
    )
    words = (
        str(proof)
        if isinstance(proof, CompletenessProof)
        else ", ".join(f"{name}: {fact}" for name, fact in proof.items())
    )
    for project, key in projects.items():
        total = sum((counts[project, month] for month in months), Counts())
        session.log.info(
            f"{key}: {total.read} read, {total.inserted} inserted, {total.updated} updated, "
            f"{total.deleted} deleted ({words})"
        )
