"""What every pass over issues does: it stores each batch with the place to go on from, and notes how far projects are read."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from resources.backlog.errors import AuthenticationError, BacklogError, IncompleteScan, NotFound, PermanentError, PermissionDenied
from resources.backlog.models import Record
from resources.backlog.position import Position
from resources.backlog.scan import Resume, Scan
from resources.warehouse import state
from resources.warehouse.loader import MergeResult
from sync.issue_report import Tally
from sync.projects import SCOPE, Project, covered_projects
from sync.session import TableLoad, in_history


def attempt(load: TableLoad, mode: str, projects: Sequence[Project], read: Callable[[], None]) -> bool:
    """Read projects; note what is their own fault, and return False when several share the fault and each must be tried.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every project.
    """
    try:
        with in_history(load, mode, covered_projects(load, projects)):
            read()
    except AuthenticationError:
        raise
    except (PermanentError, IncompleteScan) as error:
        if len(projects) > 1:
            load.context.log.warning(f"{len(projects)} projects in one pass: {error}; reading each by itself")
            return False
        _note_failure(load, projects[0], error)
    return True


def _note_failure(load: TableLoad, project: Project, error: BacklogError) -> None:
    if project.archived and isinstance(error, NotFound | PermissionDenied):
        # Whether the issues of an archived project are still served is not documented; what was loaded stays.
        load.context.log.warning(f"{project.key} is archived and its issues are not served any more: {error}")
        return
    load.failed(project.key, error)
    with load.engine.begin() as connection:
        state.record_failure(connection, load.space_key, SCOPE, [project.id], str(error))


def checkpoints(load: TableLoad, sort: str) -> dict[int, state.Checkpoint]:
    """Return how far reads in an order that were broken off had come, by project."""
    with load.engine.connect() as connection:
        return state.get_checkpoints(connection, load.space_key, SCOPE, sort)


def broken_off(load: TableLoad, projects: Sequence[Project], sort: str) -> Resume | None:
    """Return where the last read of projects in an order was broken off, None when it was not, or not that of all of them."""
    kept = checkpoints(load, sort)
    found = kept.get(projects[0].id)
    if found is None or any(kept.get(project.id) != found for project in projects):
        return None
    position = Position.from_dict(found.position)
    names = ", ".join(project.key for project in projects)
    load.context.log.info(f"{names}: going on from {position.moment} ({sort}), where an earlier read was broken off")
    return Resume(position, found.started_at)


def store(
    load: TableLoad, scan: Scan, tally: Tally, projects: Sequence[Project], *, sort: str | None = "updated"
) -> tuple[set[int], set[str]]:
    """Merge the batches of a scan, each with the checkpoint from which to go on, in an order; None: such a scan starts anew.

    Return the ids of what was stored, and the records without an id by their entries in quarantine.
    """
    stored, nameless = set[int](), set[str]()
    for batch in scan:
        result = store_batch(load, batch, tally, projects, sort, scan.checkpoint)
        stored.update(result.present_ids)
        nameless.update(result.nameless)
    return stored, nameless


def store_batch(
    load: TableLoad, batch: Sequence[Record], tally: Tally, projects: Sequence[Project], sort: str | None, at: Resume | None
) -> MergeResult:
    """Merge a batch in a transaction of its own: a load that is killed keeps all but the last."""
    also = partial(_keep_checkpoint, load, projects, sort, at) if sort and at else None
    result = load.store(batch, also, read_in=projects[0].id if len(projects) == 1 else None)
    tally.add(batch, result, projects[0].id)
    return result


def _keep_checkpoint(
    load: TableLoad, projects: Sequence[Project], sort: str, at: Resume, connection: Connection, _result: MergeResult
) -> None:
    """Remember how far a read of projects has come, and as of when that is stored."""
    checkpoint = state.Checkpoint(sort, at.position.as_dict(), at.started_at)
    state.set_checkpoint(connection, load.space_key, SCOPE, [project.id for project in projects], checkpoint)


def reached(connection: Connection, load: TableLoad, projects: Sequence[Project], watermark: datetime) -> None:
    """Remember that all changes of these projects before `watermark` are stored."""
    for project in projects:
        state.set_watermark(connection, load.space_key, SCOPE, project.id, watermark)
    state.clear_checkpoints(connection, load.space_key, SCOPE, [project.id for project in projects])


def complete(load: TableLoad, projects: Sequence[Project], watermark: datetime) -> None:
    """Record that all changes of these projects before `watermark` are stored."""
    with load.writing() as connection:
        reached(connection, load, projects, watermark)
        state.record_success(connection, load.space_key, SCOPE, [project.id for project in projects])
