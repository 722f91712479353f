"""Where an interrupted pass over issues continues, in a form that can be stored between runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self


@dataclass(frozen=True)
class Position:
    """Ask for the page at `offset`; what sorts before `key` is read already.

    `closed`: what sorts at `key` is read, too. `before`: id -> key of some rows before `key`, for
        keys that are text and cannot be compared. `tied`: `offset` and `key` are where a group of
        ties begins, and it is read in part.
    """

    offset: int
    key: datetime | str
    closed: bool = False
    before: Mapping[int, str] = field(default_factory=dict)
    tied: "Tied | None" = None

    @property
    def moment(self) -> datetime:
        """The key of a position in an order by time."""
        if not isinstance(self.key, datetime):
            raise TypeError(self.key)
        return self.key

    @property
    def known_before(self) -> datetime:
        """The time before which a pass by rising times that continues here does not meet every
        issue: those are read already.

        With a group of ties, the rest of its UTC day is read already.
        """
        if self.tied is None:
            return self.moment + timedelta(microseconds=1) if self.closed else self.moment
        return self.moment.astimezone(UTC).replace(
            hour=0, minute=0, second=0, microsecond=0
        ) + timedelta(days=1)

    def covers(self, key: datetime) -> bool:
        """Say whether the interrupted pass, by rising times, had read what sorts at this key."""
        return key < self.moment or (self.closed and key == self.moment)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
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
        """Make it from what `as_dict` returned."""
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
    """How far a group of ties is read by another order, `sort`: up to `at`, and `found` so many."""

    sort: str
    found: int
    at: Position


@dataclass(frozen=True)
class Resume:
    """An earlier scan of the same window, or of changes, that was broken off: how far it had come,
    and its `started_at`.

    What lies before the position is stored as it was at `started_at` or later.
    """

    position: Position
    started_at: datetime
