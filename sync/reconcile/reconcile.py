"""`reconcile`: the comparison of the nightly job, the check and `verify`."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.masking import Mask
from resources.progress import LogProgress, Progress
from resources.warehouse.state.reconciliations import Level, Reconciled, record
from sync.reconcile.count_reconciliation import reconcile_counts
from sync.reconcile.verdict import Reconciliation, Repair

#: Loads what a repair has requested, and yields a line for each thing that failed.
LoadAgain = Callable[[Repair], Iterable[str]]


def reconcile_numbers(
    client: BacklogClient, engine: Engine, projects: Collection[str] | None = None
) -> Reconciliation:
    """Compare the number of issues of each project, as `reconcile` does by `count`; raises the
    same.
    """
    space_key = str(client.space_info()["spaceKey"])
    found = reconcile_counts(client, engine, space_key, projects)
    _keep(engine, space_key, found, comments=True)
    return found


def reconcile(
    client: BacklogClient,
    engine: Engine,
    mask: Mask,
    *,
    level: Level = "count",
    projects: Collection[str] | None = None,
    comments: bool = True,
    repair: LoadAgain | None = None,
    progress: Progress | None = None,
) -> Reconciliation:
    """Compare the warehouse with the source, keep how each project came out, and repair what
    differs when that is requested.

    Args:
        client: the source.
        engine: the warehouse.
        mask: what replaces people in what is stored, as it is configured.
        level: `count` compares the number of issues of each project, `rows` each row of each table.
        projects: keys of projects, None: all that the key can see. The lists of the space are
            compared when all are.
        comments: compare comments and their changes too, one request for each issue.
        repair: loads again the rows that differ, which are compared once more after that. It needs
            the level `rows`.
        progress: gets how far it is.

    Raises:
        BacklogError: a project refuses to be counted, the key is refused or the source is not
            available.
        WarehouseError: the warehouse cannot be used.
    """
    if level == "count":
        return reconcile_numbers(client, engine, projects)
    space_key = str(client.space_info()["spaceKey"])
    # pandas is needed for rows only.
    from sync.reconcile.repair import request_repair
    from sync.reconcile.row_reconciliation import RowReconciliation

    progress = progress or LogProgress()
    rows = RowReconciliation(client, engine, projects, progress, mask=mask, comments=comments)
    found = rows.run()
    _keep(engine, space_key, found, comments=comments)
    if repair and found.differences:
        failures = tuple(repair(request_repair(engine, space_key, found.differences)))
        found = rows.again(found)
        _keep(engine, space_key, found, comments=comments)
        found = replace(found, errors=(*found.errors, *failures))
    return found


def _keep(engine: Engine, space_key: str, found: Reconciliation, *, comments: bool) -> None:
    """Record how each project came out that could be compared."""
    kept: dict[Level, list[Reconciled]] = {"count": [], "rows": []}
    for project in found.projects:
        if project.conclusive:
            # Without comments nothing is proven of these: then an equal project has the right
            # numbers, no more.
            partial = not comments and not project.differences
            kept["count" if partial else found.level].append(
                Reconciled(
                    project.id,
                    project.source,
                    project.warehouse,
                    project.differences,
                    project.remark or None,
                )
            )
    with engine.begin() as connection:
        for level, projects in kept.items():
            record(connection, space_key, level, projects)
