"""What explains a difference: deletions that the activity feed tells of, and records that are in quarantine."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from resources.backlog.client import BacklogClient
from resources.backlog.errors import PermissionDenied
from resources.backlog.feed import ISSUE_DELETED, whole
from resources.backlog.models import Record
from resources.backlog.paginator import instant
from resources.warehouse.schema_ops import rejected_records

#: What happened is looked for from this long before a read on: an answer may be a little old.
LOOKBACK = timedelta(minutes=1)


@dataclass
class Feed:
    """The issues that the feed of a project, or of the space, calls deleted since an instant.

    The first look costs a request a hundred activities, a later one asks for what is new. `refused`: the key may not read it.
    """

    client: BacklogClient
    project_id: int | None
    since: datetime
    deleted: dict[int, int] = field(default_factory=dict)
    """Issue -> the project in which it was deleted."""
    latest: datetime | None = None
    refused: bool = False
    _newest: int = 0

    def look(self) -> bool:
        """Ask, and say whether an issue was deleted since the last look.

        Raises:
            BacklogError: the feed cannot be read.
        """
        before, after = len(self.deleted), self._newest or None
        try:
            for page in self.client.activities(self.project_id, type_ids=(ISSUE_DELETED,), min_id=after, order="desc"):
                recent = [activity for activity in page if instant(activity, "created") >= self.since]
                for activity in recent:
                    self._take(activity)
                self._newest = max([self._newest, *page.ids])
                if len(recent) < len(page):
                    break
        except PermissionDenied:
            self.refused = True
        return len(self.deleted) > before

    def _take(self, activity: Record) -> None:
        moment, content, project = instant(activity, "created"), activity.get("content"), activity.get("project")
        self.latest = max(moment, self.latest or moment)
        issue = whole(content.get("id")) if isinstance(content, dict) else None
        if issue is not None:
            home = whole(project.get("id")) if isinstance(project, dict) else None
            self.deleted[issue] = home or self.project_id or 0


@dataclass(frozen=True)
class Refused:
    """A record in quarantine: the project that it says it is in, None where it says none, and why it was refused."""

    project_id: int | None
    error: str


def quarantined(conn: Connection, space_key: str) -> dict[tuple[str, str], Refused]:
    """Return the records that the warehouse refuses, by table and `record_key`."""
    entry = rejected_records.c
    query = select(entry.table_name, entry.record_key, entry.project_id, entry.error).where(
        entry.space_key == space_key, entry.reason == "rejected", entry.resolved_at.is_(None)
    )
    return {(str(table), str(key)): Refused(project, str(error)) for table, key, project, error in conn.execute(query)}
