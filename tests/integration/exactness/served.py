"""What the source has served: which rows were sent again to a sync after one that was killed.

Not counted is what every sync is sent again, after one that lived, too. Since rows may become
visible late: the last minute of changes and the last quarter of an hour of activities before the
killed one began. To see where it stands: issues that are asked for by less than a page, and the
known activities at which a page of new ones begins. Issues are counted apart for each way in which
they are asked for: what changed in one second is found in the order of time and read in others, by
any sync. And a sync that has gone on with a scan to its end begins another, of what has changed
since: where more changed in one second than fits a page, rows of all that day come along, whatever
the first scan was sent. So the rows of the second scan are compared with those of a second scan,
also when the killed sync had begun it and the next one goes on with it.
"""

import threading
from collections import Counter
from typing import Any

from resources.backlog.paging import PAGE_SIZE
from simulator import RequestInfo, Simulator
from simulator.clock import stamp

#: Routes whose rows are counted -> what they are rows of. Lists that are read whole each time are
#: left out.
ROWS = {
    "/issues": "issues",
    "/issues/{issue}/comments": "comments",
    "/space/activities": "activities",
}
#: Of which time before a sync began all rows are read again by the next one in any case: seconds,
#: by the field that says the time.
OVERLAPS = {"issues": ("updated", 60), "activities": ("created", 15 * 60)}

#: Activities at which a page of later ones begins, whether `minId` includes its bound or not.
KNOWN = 2

Row = tuple[Any, ...]
#: Rows of a sync -> in which scans they came: one that this sync has begun (True), one that it has
#: gone on with (False).
Rows = dict[Row, set[bool]]


class Served:
    """Counts the rows that a simulator serves, sync by sync."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._lock = threading.Lock()
        self._now: Rows = {}
        self._killed: Rows = {}
        self._begun: set[str] = set()
        #: What the last two syncs have asked for, a line for each answer of rows.
        self.lines: tuple[list[str], list[str]] = ([], [])
        sim.rewrite_response(self._note)

    def next_sync(self, *, killed: bool) -> None:
        """Say that a sync has ended, and whether it was killed: only its rows can be served again
        in vain.
        """
        with self._lock:
            self._killed = self._now if killed else {}
            self._now, self._begun = {}, set()
            self.lines = (self.lines[1], [])

    def again(self) -> Counter[str]:
        """Return how many rows of the sync before, which was killed, were served to this one again,
        as they were, by kind.
        """
        with self._lock:
            went_on = {row[1] for row, begun in self._now.items() if False in begun}
            # The projects of which the killed sync was reading in a scan that it had begun, so that
            # the next one goes on with that.
            left_in_new = {row[1] for row, begun in self._killed.items() if True in begun}

            def in_vain(row: Row, begun: bool) -> bool:
                if True in self._killed[row]:
                    return True
                return row[1] not in (went_on if begun else left_in_new)

            return Counter(
                row[0]
                for row, scans in self._now.items()
                if row in self._killed and any(in_vain(row, begun) for begun in scans)
            )

    def _note(self, request: RequestInfo, content: Any) -> Any:
        what = ROWS.get(request.route)
        if what is not None and isinstance(content, list):
            field, overlap = OVERLAPS.get(what, ("updated", 0))
            recent = (
                stamp(int(self._sim.clock.now()) - overlap) if overlap else "no time is as late"
            )
            way = " ".join(
                filter(
                    None,
                    (
                        what,
                        request.param("sort"),
                        "of some days" if request.param("updatedUntil") else None,
                    ),
                )
            )
            looks = (
                what == "issues"
                and int(request.param("count") or 0) < PAGE_SIZE
                and not request.param("id[]")
            )
            rows = () if looks else content[KNOWN:] if request.param("minId") else content
            with self._lock:
                asked = [f"{name}={value}" for name, value in request.params if name != "apiKey"]
                self.lines[1].append(
                    f"{len(content)} rows, {len(rows)} counted: {request.route} {' '.join(asked)}"
                )
                if looks:
                    self._begun |= {
                        value for name, value in request.params if name == "projectId[]"
                    }
                for row in (row for row in rows if str(row[field]) < recent):
                    project = str(row.get("projectId"))
                    self._now.setdefault((way, project, row["id"], row.get("updated")), set()).add(
                        project in self._begun
                    )
        return content
