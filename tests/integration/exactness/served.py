"""What the source has served: which rows were sent again to a sync after one that was killed.

Not counted is what every sync is sent again, after one that lived, too. Since rows may become visible late: the last minute of
changes and the last quarter of an hour of activities before the killed one began. To see where it stands: issues that are asked for
by less than a page, and the known activities at which a page of new ones begins. Issues are counted apart for each way in which
they are asked for: what changed in one second is found in the order of time and read in others, by any sync.

Add here: another count of rows on the wire. Keep out: the log of requests (`resources/simulator/requests.py`).
"""

import threading
from collections import Counter
from typing import Any

from resources.backlog.paging import PAGE_SIZE
from resources.simulator import RequestInfo, Simulator
from resources.simulator.clock import stamp

#: Routes whose rows are counted -> what they are rows of. Lists that are read whole each time are left out.
ROWS = {"/issues": "issues", "/issues/{issue}/comments": "comments", "/space/activities": "activities"}
#: Of which time before a sync began all rows are read again by the next one in any case: seconds, by the field that says the time.
OVERLAPS = {"issues": ("updated", 60), "activities": ("created", 15 * 60)}

#: Activities at which a page of later ones begins, whether `minId` includes its bound or not.
KNOWN = 2


class Served:
    """Counts the rows that a simulator serves, sync by sync."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._lock = threading.Lock()
        self._now: set[tuple[Any, ...]] = set()
        self._killed: set[tuple[Any, ...]] = set()
        sim.rewrite_response(self._note)

    def next_sync(self, *, killed: bool) -> None:
        """Say that a sync has ended, and whether it was killed: only its rows can be served again in vain."""
        with self._lock:
            self._killed = self._now if killed else set()
            self._now = set()

    def again(self) -> Counter[str]:
        """Return how many rows of the sync before, which was killed, were served to this one again, as they were, by kind."""
        with self._lock:
            return Counter(way for way, _, _ in self._now & self._killed)

    def _note(self, request: RequestInfo, content: Any) -> Any:
        what = ROWS.get(request.route)
        if what is not None and isinstance(content, list):
            field, overlap = OVERLAPS.get(what, ("updated", 0))
            recent = stamp(int(self._sim.clock.now()) - overlap) if overlap else "no time is as late"
            way = " ".join(filter(None, (what, request.param("sort"), "of some days" if request.param("updatedUntil") else None)))
            looks = what == "issues" and int(request.param("count") or 0) < PAGE_SIZE and not request.param("id[]")
            rows = () if looks else content[KNOWN:] if request.param("minId") else content
            with self._lock:
                self._now.update((way, row["id"], row.get("updated")) for row in rows if str(row[field]) < recent)
        return content
