"""The size of a simulated space, and the switches for behaviour that is not documented."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


class SimulatorError(RuntimeError):
    """The simulator cannot start or do what was requested; the message is one line for people."""


class UsageError(SimulatorError):
    """An option has an unusable value."""


@dataclass(frozen=True)
class SpaceSpec:
    """The parameters of a space: the same parameters always give the same space, byte for byte.

    With four projects or more the last one is archived. `history_end` is the time of the last
    change (UTC); the first issue is `history_days` older. Ids are `large` (those of issues,
    comments, activities and masters are above 2^31) or `int32`, for clients that store them in 32
    bits.
    """

    seed: int = 1
    users: int = 30
    projects: int = 5
    issues: int = 2_000
    history_end: str = "2026-06-30T09:00:00Z"
    history_days: int = 730
    space_key: str = "acme"
    lang: str = "ja"
    timezone: str = "Asia/Tokyo"
    user_timezone: str = "America/Los_Angeles"
    ids: Literal["large", "int32"] = "large"

    def __post_init__(self) -> None:
        for name, least in (("users", 1), ("projects", 1), ("issues", 0), ("history_days", 3)):
            if getattr(self, name) < least:
                message = f"{name} must be at least {least}, not {getattr(self, name)}"
                raise UsageError(message)

    @property
    def end(self) -> int:
        """The end of the generated history, in seconds since 1970."""
        return int(datetime.fromisoformat(self.history_end).timestamp())

    @property
    def host(self) -> str:
        """The host in web links of the data; not where the simulator listens."""
        return f"{self.space_key}.backlog.com"


@dataclass(frozen=True)
class Switches:
    """Behaviour of the API that public sources do not document; the defaults are best guesses.

    docs/simulator.md has the reason for each default.
    """

    inclusive_ids: bool = True
    """`minId` and `maxId` include that id itself."""
    date_zone: Literal["space", "utc", "user"] = "space"
    """The time zone of `createdSince` and similar filters."""
    inclusive_dates: bool = True
    """`...Since` and `...Until` include that day itself."""
    comment_moves_updated: bool = False
    """A comment changes the issue's `updated`."""
    empty_patch_moves_updated: bool = True
    """A PATCH without changes changes `updated`."""
    star_moves_updated: bool = False
    """A star or a linked shared file changes `updated`."""
    date_only: Literal["utc", "space"] = "utc"
    """Midnight of a date-only field: of UTC, or of the space's zone (`T15:00:00Z` in Japan)."""
    reject_unknown: bool = True
    """Unknown parameters are refused where Backlog was observed to refuse them."""
    all_projects_by_default: bool = True
    """`/issues` without `projectId[]` means all joined projects; off: none."""
    hide_mail: bool = True
    """`mailAddress` is null unless the caller is an administrator."""
    clamp_count: bool = False
    """`count` above 100 is clamped to 100; off: refused."""
    stable_ties: bool = False
    """Equal sort values keep their order; off: shuffled for each request."""
    rotate_refresh: bool = True
    """A refresh returns a new refresh token and invalidates the old one."""
    reuse_token: bool = False
    """The token endpoint returns the valid access token again, with its remaining time."""
    bearer_refusal: Literal["challenge", "errors"] = "challenge"
    """Where a bad token is reported: in `WWW-Authenticate` with an empty body, or in errors."""
    token_seconds: int = 3600
    """Lifetime of an access token."""
    grant_error_status: int = 400
    """Status of a refused grant; a wrong application always gets 401."""
    retry_after: bool = False
    """A 429 carries `Retry-After`."""
    limits_drop_after: int = 0
    """After so many requests the limits fall to a fifth; 0: never."""
    activity_retention_days: int = 0
    """Activities older than this are removed; 0: never."""
    late_activity_seconds: int = 0
    """One activity in five becomes visible only after so many seconds; 0: at once."""
    removed_item_clears: bool = True
    """Removing a list item of a custom field clears it in existing issues; off: they keep it."""
    archived_issues_listed: bool = True
    """`/issues` includes the issues of archived projects."""
    usage_kinds: Literal["documented", "old"] = "documented"
    """The fields of `/space/diskUsage`: as documented, or as in old clients, without `gitLFS` and
    with `pullRequest`.
    """
    webhook_delivery: Literal["once", "retry", "duplicate", "reorder"] = "once"
    """How webhooks arrive: once without retries, retried after a failure, twice, or in pairs in
    reverse order.
    """
