"""The values that the client takes and returns.

Holds: filters of `/issues`, rate limits, request counters.
"""

from collections import Counter
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

Record = dict[str, Any]
Params = list[tuple[str, str]]


@dataclass(frozen=True)
class IssueFilter:
    """Filters of `GET /issues` and `/issues/count`; None is not sent. Values of one field are
    combined by OR, fields by AND.

    Dates are days in a time zone that Nulab does not document (space, user or UTC). Source:
    https://developer.nulab.com/docs/backlog/api/2/get-issue-list/
    """

    project_id: tuple[int, ...] | None = None
    issue_type_id: tuple[int, ...] | None = None
    category_id: tuple[int, ...] | None = None
    version_id: tuple[int, ...] | None = None
    milestone_id: tuple[int, ...] | None = None
    status_id: tuple[int, ...] | None = None
    priority_id: tuple[int, ...] | None = None
    assignee_id: tuple[int, ...] | None = None
    created_user_id: tuple[int, ...] | None = None
    resolution_id: tuple[int, ...] | None = None
    id: tuple[int, ...] | None = None
    parent_issue_id: tuple[int, ...] | None = None
    parent_child: int | None = None
    attachment: bool | None = None
    shared_file: bool | None = None
    has_due_date: bool | None = None
    keyword: str | None = None
    created_since: date | None = None
    created_until: date | None = None
    updated_since: date | None = None
    updated_until: date | None = None
    start_date_since: date | None = None
    start_date_until: date | None = None
    due_date_since: date | None = None
    due_date_until: date | None = None
    sort: str | None = None
    order: str | None = None

    def params(self) -> Params:
        """Return the query parameters: `project_id` becomes `projectId[]`, once for each value."""
        pairs: Params = []
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, tuple):
                pairs += [(f"{_camel(item.name)}[]", str(element)) for element in value]
            elif value is not None:
                pairs.append((_camel(item.name), to_param(value)))
        return pairs


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def to_param(value: str | float | bool | date) -> str:
    """Format a value for Backlog: `true`, `2026-08-10`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


@dataclass(frozen=True)
class RateLimit:
    """The window of one bucket: requests allowed in a minute, requests left in this window, and
    when the next window begins (UTC).
    """

    limit: int
    remaining: int
    reset: datetime


@dataclass
class RequestStats:
    """The cost of requests so far, by bucket (read, search, icon, update); every attempt counts.

    `rate_limited` counts 429s, `wait_seconds` the time spent waiting for rate windows, `remaining`
    is the last `X-RateLimit-Remaining` of a bucket.
    """

    requests: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    rate_limited: int = 0
    wait_seconds: float = 0.0
    remaining: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All requests sent, of all buckets."""
        return self.requests.total()

    def snapshot(self) -> "RequestStats":
        """Copy the counters, to subtract them later."""
        return RequestStats(
            Counter(self.requests),
            self.retries,
            self.rate_limited,
            self.wait_seconds,
            dict(self.remaining),
        )

    def __sub__(self, earlier: "RequestStats") -> "RequestStats":
        """Return what was spent since an earlier snapshot; `remaining` stays the latest."""
        return RequestStats(
            self.requests - earlier.requests,
            self.retries - earlier.retries,
            self.rate_limited - earlier.rate_limited,
            self.wait_seconds - earlier.wait_seconds,
            dict(self.remaining),
        )
