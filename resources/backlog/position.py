"""Where an interrupted pass over issues continues, in a form that can be stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self


@dataclass(frozen=True)
class Position:
    """The next page is at `offset`; everything that sorts before `key` has been read.

    `closed`: rows at `key` have been read, too. `before`: id -> key of some rows before `key`, for
    keys that are text and cannot be compared. `tied`: a group of ties begins at `offset` and `key`
    and has been read in part.
    """

    offset: int
    key: datetime | str
    closed: bool = False
    before: Mapping[int, str] = field(default_factory=dict)
    tied: "Tied | None" = None

    @property
    def moment(self) -> datetime:
        """The key, in an order by time."""
        if not isinstance(self.key, datetime):
            raise TypeError(self.key)
        return self.key

    @property
    def known_before(self) -> datetime:
        """The time before which all issues have been read, in a pass by rising times.

        With a group of ties, the rest of its UTC day has been read, too.
        """
        if self.tied is None:
            return self.moment + timedelta(microseconds=1) if self.closed else self.moment
        return self.moment.astimezone(UTC).replace(
            hour=0, minute=0, second=0, microsecond=0
        ) + timedelta(days=1)

    def covers(self, key: datetime) -> bool:
        """Return whether the interrupted pass, by rising times, had read the rows at this key."""
        return key < self.moment or (self.closed and key == self.moment)

    def as_dict(self) -> dict[str, Any]:
        """Return it in a form for JSON."""
        of_time = isinstance(self.key, datetime)
        facts: dict[str, Any] = {
            "offset": self.offset,
            "key": self.moment.isoformat() if of_time else self.key,
            "closed": self.closed,
        }
        if not of_time:
            facts["before"] = list(self.before.items())
        if self.tied is not None:
            facts["tied"] = {
                "sort": self.tied.sort,
                "found": self.tied.found,
                "at": self.tied.at.as_dict(),
            }
        return facts

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """Return the position from its `as_dict`."""
        of_time, tied = "before" not in facts, facts.get("tied")
        return cls(
            facts["offset"],
            datetime.fromisoformat(facts["key"]) if of_time else facts["key"],
            facts["closed"],
            dict(facts.get("before", [])),
            Tied(tied["sort"], tied["found"], cls.from_dict(tied["at"])) if tied else None,
        )


@dataclass(frozen=True)
class Tied:
    """How far another order, `sort`, has read a group of ties: up to `at`, `found` rows."""

    sort: str
    found: int
    at: Position


@dataclass(frozen=True)
class Resume:
    """How far an earlier scan of the same window, or of changes, came, and when it started.

    Rows before the position are stored as they were at `started_at` or later.
    """

    position: Position
    started_at: datetime
