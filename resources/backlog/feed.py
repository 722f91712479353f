"""What the activity feed tells about issues; a hint, never a proof: activities are trimmed, come late, or may be refused.

Holds: deletions. Add here: another question to the feed. Keep out: what follows from the answer.
"""

from datetime import datetime

from resources.backlog.client import BacklogClient
from resources.backlog.errors import PermissionDenied
from resources.backlog.walk import instant

ISSUE_DELETED = 4  # https://developer.nulab.com/docs/backlog/api/2/get-recent-updates/


def deleted_issues(client: BacklogClient, since: datetime, project: int | None = None) -> set[int]:
    """Return the ids of issues that were deleted since an instant, in one project or in the space; one request as a rule.

    Empty when the key may not read the feed; whoever asks then finds deletions by counting, later.
    """
    ids: set[int] = set()
    try:
        for page in client.activities(project, type_ids=(ISSUE_DELETED,), order="desc"):
            recent = [activity for activity in page if instant(activity, "created") >= since]
            told = (activity.get("content") for activity in recent)
            ids.update(content["id"] for content in told if isinstance(content, dict) and isinstance(content.get("id"), int))
            if len(recent) < len(page):
                break
    except PermissionDenied:
        return set()
    return ids
