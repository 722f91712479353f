"""The activity feed: what happened in the space, kept for good, and what it tells the other loads to look at.

Add here: a rule of reading the feed. Keep out: which issues an activity concerns (`resources/backlog/feed.py`), where the feed
stands (`resources/warehouse/feed_state.py`), reading those issues.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import dagster as dg
from pydantic import Field
from sqlalchemy import Connection, Engine, select

from assets.raw.declaration import raw_asset
from assets.raw.listings import whole_table_result
from assets.raw.table_load import TableLoad, in_history, table_load
from resources.backlog.errors import MalformedResponse, NotFound, PermissionDenied
from resources.backlog.feed import Touch, touches
from resources.backlog.models import Record
from resources.backlog.resource import BacklogResource
from resources.backlog.walk import instant
from resources.progress import Progress
from resources.warehouse import feed_state
from resources.warehouse.feed_state import FeedState, Gap
from resources.warehouse.loader import MergeResult
from resources.warehouse.reads import Want, want
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.schema import SPECS
from resources.warehouse.schema_ops import issue_reads

#: Activities may become visible late: this much before the last read is read again each time.
OVERLAP = timedelta(minutes=15)
#: The nightly pass reads this much again, for what became visible later still.
DEEP_OVERLAP = timedelta(days=3)
#: How long any source keeps activities; nobody documents for how long really.
KEPT = timedelta(days=1)
#: A comment of which only the issue is known: from the last known one on.
NEW_COMMENTS = 2**62


class ActivitiesConfig(dg.Config):
    """How far back the feed is read again."""

    mode: Literal["backfill", "incremental", "touched", "deep"] = Field(
        default="incremental",
        description="deep: read the last three days again. Everything else: what is new, with a quarter of an hour of overlap.",
    )


@raw_asset(
    "activities",
    description="One row per activity: who did what, when. Source: `GET /space/activities`. The first load reads back to the "
    "beginning (of what the source has kept), later ones go forward from the last known id, with an overlap for rows that become "
    "visible late; a project that the key joins later is read back by its own feed. Rows that the source trims stay. When the feed "
    "no longer holds what came after the last load, `load/retention_gap` and a warning say so, and the comments of every issue are "
    "asked for once more.\n\nEach new activity says which issues and comments the loads of `raw/issues` and `raw/comments` read.",
    deps=["raw/projects"],
)
def activities(
    context: dg.AssetExecutionContext,
    config: ActivitiesConfig,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    progress: dg.ResourceParam[Progress],
) -> "dg.MaterializeResult[None]":
    """Read what is new in the feed, and on the first load everything before it."""
    with table_load(context, "activities", backlog, warehouse, progress) as load:
        try:
            with in_history(load, "deep" if config.mode == "deep" else "incremental"):
                load_activities(load, DEEP_OVERLAP if config.mode == "deep" else OVERLAP)
        except PermissionDenied as error:
            # The other loads go on without hints: issues by `updated`, comments by the nightly pass.
            context.log.warning(f"{error} Comments that move no `updated` are then found by the nightly pass only.")
            load.notes["refused"] = str(error)
    return whole_table_result(load)


def load_activities(load: TableLoad, overlap: timedelta) -> None:
    """Read forward from where the feed stands, then back to the beginning as far as that was not done.

    Raises:
        BacklogError: the feed cannot be read; what was stored before is kept, with how far that goes.
        WarehouseError: the warehouse cannot be used.
    """
    visible = {int(project["id"]): str(project["projectKey"]) for project in load.client.visible_projects()}
    with load.engine.connect() as connection:
        state = feed_state.get_feed(connection, load.space_key)
    state = _newest_page(load, visible) if state is None else _forward(load, state, overlap, visible)
    if state is None:
        load.notes["load/feed_complete"] = True
        return
    if not state.complete:
        state = _backward(load, state)
    state = _joined_later(load, state, visible)
    load.notes["load/cursor"] = state.cursor
    load.notes["load/feed_complete"] = state.complete
    if state.gaps:
        load.notes["load/retention_gap"] = dg.MetadataValue.json([{"since": gap.since, "until": gap.until} for gap in state.gaps])


def _newest_page(load: TableLoad, visible: dict[int, str]) -> FeedState | None:
    """Store the newest page, from which the feed is then read in both directions; None when the space has no activity at all.

    It tells nothing to read: comments were never read before the feed was, and issues have their watermarks.
    """
    page = next(load.client.activities(order="desc"), None)
    if page is None:
        return None
    ids = [int(row["id"]) for row in page]
    state = FeedState(max(ids), min(ids), _now(load), projects=tuple(sorted(visible)))
    _store(load, page, state, wants=False)
    return state


def _forward(load: TableLoad, state: FeedState, overlap: timedelta, visible: dict[int, str]) -> FeedState:
    """Store what is new since the last read, oldest first, each page with the cursor that it moves."""
    with load.engine.connect() as connection:
        after, anchor = feed_state.overlap_from(connection, load.space_key, state, state.read_at - overlap, visible)
    read_before, first = state.read_at, True
    for page in load.client.activities(min_id=after, order="asc"):
        now, newest = _now(load), max(instant(row, "created") for row in page)
        if first:
            state, first = _held(load, state, anchor, page, now), False
        # A page is as new as its newest row, the last one as new as its answer.
        read_at = max(read_before, min(now, newest))
        state = replace(state, cursor=max(state.cursor, *(int(row["id"]) for row in page)), read_at=read_at)
        _store(load, page, state)
    now = _now(load)
    if first:
        state = _held(load, state, anchor, [], now)
    # Projects that are out of sight now are read by their own feeds when they come back.
    state = replace(state, read_at=now, projects=tuple(project for project in state.projects if project in visible))
    with load.engine.begin() as connection:
        feed_state.set_feed(connection, load.space_key, state)
    return state


def _held(load: TableLoad, state: FeedState, anchor: int | None, page: Sequence[Record], now: datetime) -> FeedState:
    """Notice that the source has trimmed rows that nobody read.

    The row that should have come first is gone when the source trims. That alone loses nothing: only when the last read lies
    farther back than a source may be trusted to keep rows may some have come and gone meanwhile.
    """
    if anchor is None or any(int(row["id"]) == anchor for row in page) or now - state.read_at <= KEPT:
        return state
    until = min((instant(row, "created") for row in page), default=now)
    state = replace(state, gaps=(*state.gaps, Gap(state.read_at.isoformat(), until.isoformat())))
    with load.engine.begin() as connection:
        # Before any page moves the cursor: killed here, the next load finds the gap again.
        asked = feed_state.distrust_reads(connection, load.space_key)
    load.context.log.warning(
        f"activities: the source kept none from {state.gaps[-1].since} to {until.isoformat()}, so that some may be missing; "
        f"the comments of {asked} issues are asked for once more"
    )
    return state


def _backward(load: TableLoad, state: FeedState) -> FeedState:
    """Store everything before the oldest known activity, newest first, each page with how far back it reaches."""
    for page in load.client.activities(max_id=state.oldest, order="desc"):
        state = replace(state, oldest=min(int(row["id"]) for row in page))
        _store(load, page, state, wants=False)
    state = replace(state, complete=True)
    with load.engine.begin() as connection:
        feed_state.set_feed(connection, load.space_key, state)
    return state


def _joined_later(load: TableLoad, state: FeedState, visible: dict[int, str]) -> FeedState:
    """Read the whole feeds of projects that the reads of the space's feed have not covered: joined since, or back in sight."""
    for project_id in sorted(set(visible) - set(state.projects)):
        with load.engine.connect() as connection:
            oldest = feed_state.get_backward(connection, load.space_key, project_id)
        try:
            for page in load.client.activities(visible[project_id], max_id=oldest, order="desc"):
                _store(load, page, None, project=(project_id, min(int(row["id"]) for row in page)))
        except (NotFound, PermissionDenied) as error:
            load.failed(visible[project_id], error)
            continue
        state = replace(state, projects=tuple(sorted({*state.projects, project_id})))
        with load.engine.begin() as connection:
            feed_state.set_backward(connection, load.space_key, project_id, None)
            feed_state.set_feed(connection, load.space_key, state)
    return state


def _store(
    load: TableLoad,
    page: Sequence[Record],
    state: FeedState | None,
    *,
    wants: bool = True,
    project: tuple[int, int] | None = None,
) -> None:
    """Store a page, what its new rows tell to read, and how far the feed is read, in one transaction."""

    def also(connection: Connection, result: MergeResult) -> None:
        if wants:
            new = set(result.inserted_ids)
            register(connection, load.space_key, [row for row in page if row.get("id") in new], "activity feed")
        if state is not None:
            feed_state.set_feed(connection, load.space_key, state)
        if project is not None:
            feed_state.set_backward(connection, load.space_key, *project)

    load.store(page, also)


def register(connection: Connection, space_key: str, new: Sequence[Record], source: str) -> int:
    """Note which issues and comments these activities tell to read, and return how many issues that are.

    A comment that is known already, because its issue was read after it was written, is not read again for its own activity.
    """
    told = [(touch, f"{source}: activity {activity.get('id')}") for activity in new for touch in touches(activity)]
    known = _last_comments(connection, space_key, [touch.issue_id for touch, _ in told])
    wants = [
        Want(touch.issue_id, touch.project_id, by, comments_from=_from(touch, known.get(touch.issue_id, 0)), issue=touch.row)
        for touch, by in told
    ]
    wants = [one for one in wants if one.issue or one.comments_from is not None]
    if wants:
        want(connection, space_key, wants)
    return len({one.issue_id for one in wants})


def _from(touch: Touch, last_comment: int) -> int | None:
    if touch.comment_id is None:
        return NEW_COMMENTS
    return touch.comment_id if touch.changed or touch.comment_id > last_comment else None


def _last_comments(connection: Connection, space_key: str, issues: Sequence[int]) -> dict[int, int]:
    reads = issue_reads.c
    query = select(reads.issue_id, reads.last_comment_id).where(reads.space_key == space_key, reads.issue_id.in_(issues))
    return {int(issue): int(last or 0) for issue, last in connection.execute(query)}


def _now(load: TableLoad) -> datetime:
    moment = load.client.server_time
    if moment is None:
        raise MalformedResponse("GET /space/activities: the answer has no Date header, by which the source's clock is known")
    return moment


def unknown_activities(engine: Engine, space_key: str, page: Sequence[Record]) -> list[Record] | None:
    """Return those of the activities that are not stored; None while the feed was never loaded."""
    columns = SPECS["activities"].table.c
    ids = [int(row["id"]) for row in page]
    with engine.connect() as connection:
        if feed_state.get_feed(connection, space_key) is None:
            return None
        stored = set(connection.execute(select(columns.id).where(columns.space_key == space_key, columns.id.in_(ids))).scalars())
    return [row for row in page if int(row["id"]) not in stored]
