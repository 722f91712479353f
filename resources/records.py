"""Records of the source, and which of them are reliable.

Cursors, watermarks, windows and comparisons are computed from ids and times. One record with a
malformed id or time would spoil them for all others. So such a record is separated as soon as it is
received (`backlog/answers.py`), and only quarantine stores it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

#: Ids from here on do not fit a bigint.
MOST = 2**63
#: No issue tracker is older. An earlier time stands for none, as 0001-01-01 or 1970-01-01 does.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
#: Before the end of the calendar, so that a few days can be added in any zone.
LATEST = datetime(9998, 1, 1, tzinfo=UTC)
#: How far a time may be ahead of the source's clock: times come from that clock, give or take a
#: zone.
AHEAD = timedelta(days=1)


def moment(value: object) -> datetime | None:
    """Return a time in UTC; None when it is not text, has no zone, or is implausible."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None or found.tzinfo is None or not EARLIEST <= found < LATEST:
        return None
    return found.astimezone(UTC)


@dataclass(frozen=True)
class Odd:
    """A record that is malformed: all that is known is that it exists.

    `id` is None when its id is unknown. `place` then says where to look for it again, if known.
    `neighbours` are the ids before and after it in the answer, None at an end.
    """

    record: Any
    reason: str
    id: int | None = None
    place: str = ""
    neighbours: tuple[int | None, int | None] = (None, None)


class Page(list[dict[str, Any]]):
    """Records with an id each, in the order received, and the odd ones apart from them."""

    def __init__(self, records: Iterable[dict[str, Any]] = (), odd: Iterable[Odd] = ()) -> None:
        super().__init__(records)
        self.odd = tuple(odd)

    @property
    def received(self) -> int:
        """The number of records received, including odd ones."""
        return len(self) + len(self.odd)

    @property
    def everything(self) -> list[Any]:
        """All records, the odd ones last."""
        return [*self, *(one.record for one in self.odd)]

    @property
    def ids(self) -> set[int]:
        """The known ids, including those of odd records."""
        return {record["id"] for record in self} | {
            one.id for one in self.odd if one.id is not None
        }

    @property
    def lacks_id(self) -> bool:
        """Whether a record has no id. It may be any record, so no record can be proven missing."""
        return any(one.id is None for one in self.odd)


def odd_of(records: Sequence[Any]) -> tuple[Odd, ...]:
    """Return the odd records of a page; none for other sequences."""
    return records.odd if isinstance(records, Page) else ()
