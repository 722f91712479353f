"""What explains a difference: things that have happened at the source since the last load, which the next load brings.

Add here: another reason why rows may differ without anything being wrong. Keep out: finding the rows (`deep.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from assets.census import LOOKBACK
from assets.verify.differences import CONTENT, EXTRA, Difference, short
from resources.backlog.client import BacklogClient
from resources.backlog.feed import deleted_issues
from resources.warehouse.reads import CommentRead, pending_comments
from resources.warehouse.schema_ops import rejected_records, sync_history
from resources.warehouse.state import get_watermarks

#: Fields of a record that say when something happened to it.
_MOMENTS = ("updated", "created", "lastLoginTime")


@dataclass(frozen=True)
class Reasons:
    """How far everything was loaded before the comparison began.

    An issue or comment is behind when it was changed, made or deleted after the watermark of its project, or when its comments are
    known to be unread. The content of a comment may also differ because its issue, which is behind, has moved to another project.
    A row of a list is behind when it says itself that it was changed after the list was loaded last; most lists say no time, and a
    row of theirs that differs is a difference until the next load.
    """

    watermarks: dict[int, datetime]
    pending: dict[int, CommentRead]
    loaded: dict[str, datetime]
    deleted: dict[int, set[int]] = field(default_factory=dict)

    @classmethod
    def read(cls, engine: Engine, space_key: str, project_ids: Sequence[int]) -> "Reasons":
        """Read from the warehouse how far it is."""
        history = sync_history.c
        loads = (
            select(history.sync_type, func.max(history.started_at))
            .where(history.space_key == space_key, history.status == "completed")
            .group_by(history.sync_type)
        )
        with engine.connect() as connection:
            watermarks = get_watermarks(connection, space_key, "issues")
            pending = {read.issue_id: read for read in pending_comments(connection, space_key, project_ids)}
            loaded = {str(table): moment for table, moment in connection.execute(loads)}
        return cls(watermarks, pending, loaded)

    def explain(self, client: BacklogClient, found: Iterable[tuple[Difference, Any]]) -> Iterator[Difference]:
        """Yield the differences, marked as behind where they are; each comes with the record of the source, None without one.

        Call it when the source is read: the activity feed is asked what was deleted, once a project that has an issue too many.
        """
        late: set[int] = set()
        for difference, record in sorted(found, key=lambda one: one[0].table != "issues"):
            if difference.table not in {"issues", "comments", "issue_changes"}:
                behind = _since(record, self.loaded.get(difference.table))
            elif difference.project_id not in self.watermarks:
                behind = False  # never read whole: that the next load will do so is no reason to call it loaded
            elif difference.table == "issues":
                behind = self._is_behind(client, difference, record)
                late |= set(difference.ids) if behind else set()
            else:
                behind = self._is_unread(difference) or _since(record, self.watermarks[difference.project_id])
                behind = behind or (difference.kind == CONTENT and difference.issue_id in late)
            yield replace(difference, behind=behind)

    def _is_behind(self, client: BacklogClient, issue: Difference, record: Any) -> bool:
        watermark = self.watermarks[issue.project_id]
        if issue.kind != EXTRA:
            return _since(record, watermark)
        if issue.project_id not in self.deleted:
            self.deleted[issue.project_id] = deleted_issues(client, watermark - LOOKBACK, issue.project_id)
        return issue.ids[0] in self.deleted[issue.project_id]

    def _is_unread(self, difference: Difference) -> bool:
        """Say whether a comment, or a change that a comment tells of, is among those that are to be read anyway."""
        read = self.pending.get(difference.issue_id)
        if read is None or not difference.ids:
            return False
        return read.from_id == 0 if difference.kind == EXTRA else difference.ids[0] > read.from_id


def with_rejections(engine: Engine, space_key: str, found: Sequence[Difference]) -> list[Difference]:
    """Say of the rows that the warehouse could not take as they are that they are in quarantine, and why."""
    entry = rejected_records.c
    query = select(entry.table_name, entry.record_key, entry.error).where(
        entry.space_key == space_key, entry.reason == "rejected", entry.resolved_at.is_(None)
    )
    with engine.connect() as connection:
        rejected = {(str(table), str(key)): str(error) for table, key, error in connection.execute(query)}
    return [
        replace(one, warehouse=short(f"in ops.rejected_records: {rejected[one.table, one.key]}"))
        if (one.table, one.key) in rejected and one.kind != EXTRA
        else one
        for one in found
    ]


def _since(record: Any, moment: datetime | None) -> bool:
    if moment is None or not isinstance(record, dict):
        return False
    told = (_instant(record.get(name)) for name in _MOMENTS)
    return any(when is not None and when >= moment - LOOKBACK for when in told)


def _instant(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC)
