"""What the activity feed says about issues. It is a hint, not a proof: activities expire, arrive
late, or may be refused.

Holds: the issues and comments that an activity concerns, and deletions.

Source of the types and shapes: https://developer.nulab.com/docs/backlog/api/2/get-recent-updates/
and the types of Nulab's own JavaScript client. Type 35 and future types are not documented, so they
are read by their shape.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record
from resources.backlog.errors import PermissionDenied
from resources.backlog.paginator import instant

CREATED, UPDATED, COMMENTED, ISSUE_DELETED, NOTIFIED = 1, 2, 3, 4, 17
USER_JOINED, TEAM_JOINED = 15, 25
BULK_UPDATED, STATUS_DELETED, DATES_UPDATED, BULK_CREATED = 14, 34, 35, 47
ABOUT_ISSUES = frozenset(
    {
        CREATED,
        UPDATED,
        COMMENTED,
        ISSUE_DELETED,
        NOTIFIED,
        BULK_UPDATED,
        STATUS_DELETED,
        DATES_UPDATED,
        BULK_CREATED,
    }
)
#: Types that concern something other than issues: wikis, files, repositories, members, pull
#: requests, milestones, documents.
ABOUT_OTHERS = frozenset(
    {*range(5, 14), 15, 16, *range(18, 27), *range(36, 39), *range(40, 47), 48}
)


@dataclass(frozen=True)
class IssueEvent:
    """What one activity says about one issue.

    `comment_id` is the comment that it reports, or None. `row`: the issue itself may have changed
    or been deleted, not only its comments. `changed`: the comment may be known already and changed.
    `key_id` is the number in the issue's key, where the activity has it.
    """

    issue_id: int
    project_id: int
    comment_id: int | None
    row: bool
    changed: bool = False
    key_id: int | None = None


def issue_events(activity: Record) -> list[IssueEvent]:
    """Return what an activity, or the body of a webhook, says about each issue.

    Ids may be strings, and fields may be missing. An activity of an undocumented type that names an
    issue is taken to concern it.
    """
    kind, content = whole(activity.get("type")), activity.get("content")
    project = activity.get("project")
    project_id = whole(project.get("id")) if isinstance(project, dict) else None
    if kind is None or kind in ABOUT_OTHERS or not isinstance(content, dict):
        return []
    found = []
    for part in _issue_parts(content):
        issue_id, comment = whole(part.get("id")), part.get("comment")
        if issue_id is not None:
            comment_id = whole(comment.get("id")) if isinstance(comment, dict) else None
            # A comment may come with a file or a change. It is not documented that the issue then
            # has an activity of its own.
            row = (
                kind not in (COMMENTED, NOTIFIED)
                or comment_id is None
                or bool(part.get("attachments") or part.get("changes"))
            )
            found.append(
                IssueEvent(
                    issue_id,
                    project_id or 0,
                    comment_id,
                    row,
                    kind == NOTIFIED,
                    whole(part.get("key_id")),
                )
            )
    return found


def _issue_parts(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a content that name an issue: the linked ones, or the content itself when
    it has an issue's number.
    """
    links = content.get("link")
    if isinstance(links, list):
        yield from (link for link in links if isinstance(link, dict))
    elif "key_id" in content:
        yield content


def whole(value: object) -> int | None:
    """Return an id that is a number or a string of digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
        else None
    )


@dataclass
class DeletionFeed:
    """The issues that the feed of a project, or of the space, reports as deleted since an instant.

    The first read costs a request for a hundred activities; a later one asks for new activities
    only. `refused`: the key may not read the feed.
    """

    client: BacklogClient
    project_id: int | None
    since: datetime
    deleted: dict[int, int] = field(default_factory=dict)
    """Issue id -> id of the project in which it was deleted."""
    latest: datetime | None = None
    refused: bool = False
    _newest: int = 0

    def look(self) -> bool:
        """Read what is new; return whether an issue was deleted since the last call.

        Raises:
            BacklogError: the feed cannot be read.
        """
        before, after = len(self.deleted), self._newest or None
        try:
            for page in self.client.activities(
                self.project_id, type_ids=(ISSUE_DELETED,), min_id=after, order="desc"
            ):
                recent = [
                    activity for activity in page if instant(activity, "created") >= self.since
                ]
                for activity in recent:
                    self._take(activity)
                self._newest = max([self._newest, *page.ids])
                if len(recent) < len(page):
                    break
        except PermissionDenied:
            self.refused = True
        return len(self.deleted) > before

    def _take(self, activity: Record) -> None:
        moment, content, project = (
            instant(activity, "created"),
            activity.get("content"),
            activity.get("project"),
        )
        self.latest = max(moment, self.latest or moment)
        issue = whole(content.get("id")) if isinstance(content, dict) else None
        if issue is not None:
            home = whole(project.get("id")) if isinstance(project, dict) else None
            self.deleted[issue] = home or self.project_id or 0


def deleted_issues(client: BacklogClient, since: datetime) -> set[int]:
    """Return the ids of issues that the space's feed reports as deleted since an instant; usually
    one request.

    Empty when the key may not read the feed; a count finds such deletions later.
    """
    feed = DeletionFeed(client, None, since)
    feed.look()
    return set(feed.deleted)
