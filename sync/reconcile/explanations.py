"""What explains a difference, so that it is behind or quarantined and not different.

The explanations are: the record says that it was changed after its project was loaded, the activity
feed has a deletion since then, the row is to be read anyway, or the warehouse refuses the record.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from resources.backlog.client import BacklogClient
from resources.backlog.feed import DeletionFeed
from resources.backlog.scan import LOOKBACK
from resources.warehouse.state.issue_sync_state import CommentRead, pending_comments
from resources.warehouse.state.living_loads import sync_outcomes
from resources.warehouse.state.sync_state import get_watermarks
from sync.holdings import Refused, quarantined
from sync.reconcile.verdict import CONTENT, EXTRA, Difference, short

#: Fields of a record that say when something happened to it.
_MOMENTS = ("updated", "created")


@dataclass(frozen=True)
class LoadedUntil:
    """How far everything was loaded before the comparison began.

    An issue or comment is behind when it was changed, made or deleted after the watermark of its
    project, or when its comments are known to be unread. The content of a comment may also differ
    because its issue, which is behind, has moved to another project. A row of a list is behind when
    it says itself that it was changed after the list was loaded last; most lists say no time, and a
    row of theirs that differs is a difference until the next load. A row is in quarantine when its
    record was refused, a comment or change also when it only differs by the project to which its
    issue, which was refused, has moved, and by what names mean there.
    """

    watermarks: dict[int, datetime]
    pending: dict[int, CommentRead]
    loaded: dict[str, datetime]
    deleted: dict[int, set[int]] = field(default_factory=dict)

    @classmethod
    def read(cls, engine: Engine, space_key: str, project_ids: Sequence[int]) -> "LoadedUntil":
        """Read from the warehouse how far it is."""
        row = sync_outcomes.c
        loads = (
            select(row.sync_type, func.max(row.started_at))
            .where(row.space_key == space_key, row.succeeded_at.is_not(None))
            .group_by(row.sync_type)
        )
        with engine.connect() as connection:
            watermarks = get_watermarks(connection, space_key, "issues")
            pending = {
                read.issue_id: read for read in pending_comments(connection, space_key, project_ids)
            }
            loaded = {str(table): moment for table, moment in connection.execute(loads)}
        return cls(watermarks, pending, loaded)

    def explain(
        self,
        client: BacklogClient,
        engine: Engine,
        space_key: str,
        found: Iterable[tuple[Difference, Any]],
    ) -> list[Difference]:
        """Return the differences, each marked where something explains it; each comes with the
        record of the source, or None.

        Call it when the source is read: the activity feed is asked what was deleted, once a project
        that has an issue too many.
        """
        return in_quarantine(engine, space_key, list(self._marked(client, found)))

    def _marked(
        self, client: BacklogClient, found: Iterable[tuple[Difference, Any]]
    ) -> Iterator[Difference]:
        late: set[int] = set()
        for difference, record in sorted(found, key=lambda one: one[0].table != "issues"):
            if difference.table not in {"issues", "comments", "issue_changes"}:
                behind = _since(record, self.loaded.get(difference.table))
            elif difference.project_id not in self.watermarks:
                # never read whole: that the next load will do so is no reason to call it loaded
                behind = False
            elif difference.table == "issues":
                behind = self._is_behind(client, difference, record)
                late |= set(difference.ids) if behind else set()
            else:
                behind = self._is_unread(difference) or _since(
                    record, self.watermarks[difference.project_id]
                )
                behind = behind or (difference.kind == CONTENT and difference.issue_id in late)
            yield replace(difference, outcome="behind") if behind else difference

    def _is_behind(self, client: BacklogClient, issue: Difference, record: Any) -> bool:
        watermark = self.watermarks[issue.project_id]
        if issue.kind != EXTRA:
            return _since(record, watermark)
        if issue.project_id not in self.deleted:
            feed = DeletionFeed(client, issue.project_id, watermark - LOOKBACK)
            feed.look()
            self.deleted[issue.project_id] = set(feed.deleted)
        return issue.ids[0] in self.deleted[issue.project_id]

    def _is_unread(self, difference: Difference) -> bool:
        """Say whether a comment, or a change that a comment reports, is among those that are to be
        read anyway.
        """
        read = self.pending.get(difference.issue_id)
        if read is None or not difference.ids:
            return False
        return read.from_id == 0 if difference.kind == EXTRA else difference.ids[0] > read.from_id


def in_quarantine(engine: Engine, space_key: str, found: Sequence[Difference]) -> list[Difference]:
    """Mark the differences whose record the warehouse refuses, and say why it does."""
    if not found:
        return []
    with engine.connect() as connection:
        refused = quarantined(connection, space_key)
    keyless = {
        (table, one.project_id): one for (table, key), one in refused.items() if key.startswith("?")
    }

    def entry_of(one: Difference) -> Refused | None:
        if one.key.startswith("?"):
            return keyless.get((one.table, one.project_id))
        return refused.get((one.table, one.key)) or _of_moved_issue(one, refused)

    return [_with_refusal(one, entry_of(one)) for one in found]


_DIFFERING = re.compile(r"(\w+)=")
#: What a comment or change has from the project of its issue: names are those of its statuses,
#: types, milestones and so on.
_BY_PROJECT = {"projectId", "namesOf", "oldId", "newId", "oldIds", "newIds"}


def _of_moved_issue(one: Difference, refused: Mapping[tuple[str, str], Refused]) -> Refused | None:
    """Return the refused version of the issue with which a comment or change has moved, where
    nothing differs but what comes from the project.
    """
    issue = (
        refused.get(("issues", str(one.issue_id)))
        if one.table in {"comments", "issue_changes"}
        else None
    )
    return (
        issue
        if issue
        and issue.project_id == one.project_id
        and f"projectId={one.project_id}" in one.source
        and {*_DIFFERING.findall(one.source)} <= _BY_PROJECT
        else None
    )


def _with_refusal(one: Difference, entry: Refused | None) -> Difference:
    if entry is None or one.kind == EXTRA:
        return one
    words = short(f"in ops.rejected_records: {entry.error}")
    return replace(
        one, warehouse=words, outcome="behind" if one.outcome == "behind" else "quarantined"
    )


def _since(record: Any, moment: datetime | None) -> bool:
    if moment is None or not isinstance(record, dict):
        return False
    moments = (_parsed_instant(record.get(name)) for name in _MOMENTS)
    return any(when is not None and when >= moment - LOOKBACK for when in moments)


def _parsed_instant(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC)
