"""What the source has served: which rows were sent again to a sync after one that was killed.

Add here: another count of rows on the wire. Keep out: the log of requests (`resources/simulator/requests.py`).
"""

import threading
from collections import Counter
from typing import Any

from resources.simulator import RequestInfo, Simulator

#: Routes whose rows are counted -> what they are rows of. Lists that are read whole each time are left out.
ROWS = {"/issues": "issues", "/issues/{issue}/comments": "comments", "/space/activities": "activities"}


class Served:
    """Counts the rows that a simulator serves, sync by sync."""

    def __init__(self, sim: Simulator) -> None:
        self._lock = threading.Lock()
        self._now: set[tuple[str, int, str]] = set()
        self._killed: set[tuple[str, int, str]] = set()
        sim.rewrite_response(self._note)

    def next_sync(self, *, killed: bool) -> None:
        """Say that a sync has ended, and whether it was killed: only its rows can be served again in vain."""
        with self._lock:
            self._killed = self._now if killed else set()
            self._now = set()

    def again(self) -> Counter[str]:
        """Return how many rows of the sync before, which was killed, were served to this one again, as they were."""
        with self._lock:
            return Counter(what for what, _, _ in self._now & self._killed)

    def _note(self, request: RequestInfo, content: Any) -> Any:
        what = ROWS.get(request.route)
        if what is not None and isinstance(content, list):
            with self._lock:
                self._now.update((what, row["id"], str(row.get("updated"))) for row in content)
        return content
