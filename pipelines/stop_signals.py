"""Signals that ask `backlog-elt up` to end: noted by a handler that does nothing else, and acted on by the loops that wait.

A handler must not raise: Python drops the exception where it strikes inside a finalizer, and a lock that is just being taken may
stay taken, so that `up` would hang with all its children.

Add here: another signal. Keep out: what is done at the end (`up.py`).
"""

import signal
from types import FrameType

#: Asked to end, Ctrl-C, and the window or connection in which it ran is closed.
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stop(Exception):  # noqa: N818 - not an error: the user asked for the end
    """Somebody asked for the end."""


class StopSignals:
    """Listens from the beginning on, until `restore`; a signal that comes during the end changes nothing."""

    def __init__(self) -> None:
        self._asked = False
        self._before = {number: signal.getsignal(number) or signal.SIG_DFL for number in STOPPING}
        for number in STOPPING:
            if number != signal.SIGHUP or self._before[number] != signal.SIG_IGN:  # with nohup the window may be closed
                signal.signal(number, self._note)

    def check(self) -> None:
        """Go on unless a signal has come.

        Raises:
            Stop: one has come.
        """
        if self._asked:
            raise Stop

    def restore(self) -> None:
        """Leave the signals as they were."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
