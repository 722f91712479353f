"""The size of a simulated space, and the switches for behaviour that is not documented."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


class SimulatorError(RuntimeError):
    """The simulator cannot start or do what was asked; the message is one line for people."""


class UsageError(SimulatorError):
    """An option has a value that cannot be used, however often it is tried."""


@dataclass(frozen=True)
class SpaceSpec:
    """The recipe of a space: the same recipe always gives the same space, byte for byte.

    With four projects or more the last one is archived. `history_end` is the moment of the last
    change (UTC); `history_days` how far back the first issue lies. Ids are `large` (those of
    issues, comments, activities and masters lie above 2^31) or `int32`, for clients that keep them
    in 32 bits.
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
        """The last moment of the seeded history, in seconds since 1970."""
        return int(datetime.fromisoformat(self.history_end).timestamp())

    @property
    def host(self) -> str:
        """The host that web links in the data name; it is not where the simulator listens."""
        return f"{self.space_key}.backlog.com"


@dataclass(frozen=True)
class Switches:
    """Behaviour of the API that public sources leave open; each default is the best guess.

    The reason for each default is in docs/simulator.md.
    """

    inclusive_ids: bool = True
    """`minId` and `maxId` include the id they name."""
    date_zone: Literal["space", "utc", "user"] = "space"
    """The zone in which `createdSince` and its like are read."""
    inclusive_dates: bool = True
    """`...Since` and `...Until` include the day they name."""
    comment_moves_updated: bool = False
    """A comment moves the issue's `updated`."""
    empty_patch_moves_updated: bool = True
    """A PATCH that changes nothing moves `updated`."""
    star_moves_updated: bool = False
    """A star or a linked shared file moves `updated`."""
    date_only: Literal["utc", "space"] = "utc"
    """Midnight of a date-only field: of UTC, or of the space's zone (`T15:00:00Z` in Japan)."""
    reject_unknown: bool = True
    """An unknown parameter is refused where Backlog was seen to refuse it."""
    all_projects_by_default: bool = True
    """`/issues` without `projectId[]` means all joined projects; off: none."""
    hide_mail: bool = True
    """`mailAddress` is null for callers who are no administrators."""
    clamp_count: bool = False
    """`count` above 100 is cut to 100; off: refused."""
    stable_ties: bool = False
    """Equal sort values keep one order; off: shuffled anew for each request."""
    rotate_refresh: bool = True
    """A refresh gives a new refresh token and the old one dies."""
    reuse_token: bool = False
    """The token endpoint gives the live access token again, with what is left of its life."""
    bearer_refusal: Literal["challenge", "errors"] = "challenge"
    """A bad token is reported in `WWW-Authenticate` with an empty body; or in a list of errors."""
    token_seconds: int = 3600
    """Life of an access token."""
    grant_error_status: int = 400
    """Status of a refused grant; a wrong application is refused with 401 in any case."""
    retry_after: bool = False
    """A 429 carries `Retry-After`."""
    limits_drop_after: int = 0
    """After so many requests the limits fall to a fifth; 0: never."""
    activity_retention_days: int = 0
    """Activities older than this are gone; 0: kept for ever."""
    late_activity_seconds: int = 0
    """One activity in five is seen only so many seconds after it happened; 0: at once."""
    removed_item_clears: bool = True
    """Removing a list item of a custom field empties it in old issues; off: they keep
    showing it.
    """
    archived_issues_listed: bool = True
    """`/issues` serves the issues of archived projects."""
    usage_kinds: Literal["documented", "old"] = "documented"
    """The kinds of bytes in `/space/diskUsage`: as documented, or as old clients have them, without
    `gitLFS` and with `pullRequest`.
    """
    webhook_delivery: Literal["once", "retry", "duplicate", "reorder"] = "once"
    """How webhooks arrive: once and unretried, retried after a failure, twice, or in pairs the
    wrong way round.
    """
