"""What of a source may be leaned on: records that have a name, times that can be meant; and what
becomes of the others.

A cursor, a watermark, a window or a comparison is made of ids and times. One record whose id or
time is odd would spoil it for all the others, so it stands apart from them as soon as it comes in
(`backlog/answers.py`), and only quarantine takes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

#: Ids from here on fit no column.
MOST = 2**63
#: No tracker is older; a time before it stands for none, as 0001-01-01 or 1970-01-01 does.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
#: Far enough from the end of the calendar for a few days to be added in any zone.
LATEST = datetime(9998, 1, 1, tzinfo=UTC)
#: A change is dated by a clock of the source, which is that of its answers, give or take a zone.
AHEAD = timedelta(days=1)


def moment(value: object) -> datetime | None:
    """Read a time at which something happened, None when it is none: no text, no zone, or a time
    that cannot be meant.
    """
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None or found.tzinfo is None or not EARLIEST <= found < LATEST:
        return None
    return found.astimezone(UTC)


@dataclass(frozen=True)
class Odd:
    """A record that nothing may be concluded from but that it is there.

    `id` is None when not even that can be said which it is. `place` then says where to look for it
    again, if that is known. `neighbours` are the ids before and behind it in the answer, None at an
    end.
    """

    record: Any
    reason: str
    id: int | None = None
    place: str = ""
    neighbours: tuple[int | None, int | None] = (None, None)


class Page(list[dict[str, Any]]):
    """Records with an id of their own, in the order in which they came, and apart from them the odd
    ones.
    """

    def __init__(self, records: Iterable[dict[str, Any]] = (), odd: Iterable[Odd] = ()) -> None:
        super().__init__(records)
        self.odd = tuple(odd)

    @property
    def received(self) -> int:
        """How many records came, odd ones included."""
        return len(self) + len(self.odd)

    @property
    def everything(self) -> list[Any]:
        """All records, the odd ones last."""
        return [*self, *(one.record for one in self.odd)]

    @property
    def ids(self) -> set[int]:
        """The ids that are known, also those of odd records."""
        return {record["id"] for record in self} | {
            one.id for one in self.odd if one.id is not None
        }

    @property
    def lacks_id(self) -> bool:
        """Whether some record has no id: that may be any, so nothing is known to be missing."""
        return any(one.id is None for one in self.odd)


def odd_of(records: Sequence[Any]) -> tuple[Odd, ...]:
    """Return the odd ones that came with records."""
    return records.odd if isinstance(records, Page) else ()
