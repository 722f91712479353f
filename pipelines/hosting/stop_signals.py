"""Signals that ask a process to end: seen at once by a thread, wherever the main thread is, and
acted on by the loops that wait.

A handler must not raise: Python drops the exception where it strikes inside a finalizer, and a lock
that is just being taken may stay taken. And it runs only between two steps of the main thread,
which may be inside a call that lasts. So the numbers are read by a thread, from a socket to which
Python writes them as the signals come.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType

#: Asked to end, Ctrl-C, and the window or connection in which it ran is closed.
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Signals that come so soon after the first mean the same: a window that closes sends two, and
#: `make` passes on what it gets.
SAME_SECONDS = 1.0


class Stop(Exception):  # noqa: N818 - not an error: the user asked for the end
    """Somebody asked for the end."""


class Interrupted(RuntimeError):  # noqa: N818 - the command has not failed
    """A signal has ended what a command did; the message says what that means."""


class Watch:
    """Sees the signals that some handler of Python waits for. A second one ends the process,
    whatever that is doing.
    """

    def __init__(self, at_once: Callable[[int], object]) -> None:
        """Begin to watch, until `end`.

        Args:
            at_once: ends the process, given the number of the second signal; called in a thread,
                while the main one may hang.
        """
        self.first: int | None = None
        self.seen = threading.Event()
        self._at_once = at_once
        self._read, self._written = socket.socketpair()
        self._written.setblocking(False)
        self._before = signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._watch, name="signals", daemon=True).start()

    def end(self) -> None:
        """Watch no longer."""
        signal.set_wakeup_fd(self._before)
        self._written.close()

    def _watch(self) -> None:
        began = 0.0
        with self._read:
            while numbers := self._read.recv(64):
                for number in numbers:
                    if number not in STOPPING:
                        continue
                    now = time.monotonic()
                    if self.first is None:
                        self.first, began = number, now
                        self.seen.set()
                    elif now - began > SAME_SECONDS:
                        self._at_once(number)


class StopSignals:
    """Listens from the beginning on, until `restore`. The first signal asks for the end; a second
    one does not wait for it.
    """

    def __init__(self, at_once: Callable[[int], object]) -> None:
        """Listen; `at_once` is that of `Watch`."""
        self._watch = Watch(at_once)
        self._before = {number: signal.getsignal(number) or signal.SIG_DFL for number in STOPPING}
        for number in STOPPING:
            if (
                number != signal.SIGHUP or self._before[number] != signal.SIG_IGN
            ):  # with nohup the window may be closed
                signal.signal(number, _nothing)

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return self._watch.seen.is_set()

    def check(self) -> None:
        """Go on unless a signal has come.

        Raises:
            Stop: one has come.
        """
        if self.asked:
            raise Stop

    def sleep(self, seconds: float) -> None:
        """Wait, and no longer than until a signal comes.

        Raises:
            Stop: one has come.
        """
        self._watch.seen.wait(seconds)
        self.check()

    def restore(self) -> None:
        """Leave the signals as they were."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._watch.end()


def end_silently() -> None:
    """Let signals end this command at once and without a word, as they end a program that does not
    listen to them.

    Where a library listens for a while, as Dagster does during a run, it decides what the first
    signal does; see `exit_code`.
    """
    global _watch
    _watch = Watch(lambda number: os._exit(128 + number))
    signal.signal(signal.SIGINT, _die)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _hang_up)


def interrupted() -> bool:
    """Say whether a signal has come that a library listened to; Dagster drops it where it comes
    between two steps of a run.
    """
    return _watch is not None and _watch.first is not None


def exit_code() -> int:
    """Return the exit code of a command that a signal has interrupted: the one that a shell gives a
    program that dies of it.
    """
    return 128 + ((_watch and _watch.first) or signal.SIGINT)


_watch: Watch | None = None


def _die(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _hang_up(number: int, frame: FrameType | None) -> None:
    """Do what SIGTERM does: libraries that listen do so to that alone."""
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        _die(number, frame)
    signal.raise_signal(signal.SIGTERM)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Stand where Python calls a handler; the number is in the socket already."""
