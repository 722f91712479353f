"""Signals that ask a process to end.

A signal handler must not raise: Python drops the exception inside a finalizer, and a lock that is
being taken may stay locked. A handler is also delayed while the main thread is inside a C call. So
a thread reads the signal numbers from the socket to which Python writes them.
"""

import os
import signal
import socket
import threading
import time
from types import FrameType

#: A request to end, Ctrl-C, and the closing of the terminal window or connection.
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Signals within this time after the first count as the same: closing a window sends two.
SAME_SECONDS = 1.0


class Stop(Exception):  # noqa: N818 - not an error: the user asked for the end
    """The user asked for the end."""


class Interrupted(RuntimeError):  # noqa: N818 - the command has not failed
    """A signal has interrupted a command; the message says what that means."""


class StopSignals:
    """Records the signals that have a handler in Python.

    The first signal asks for the end; a second one ends this process at once.
    """

    def __init__(self) -> None:
        self.first: int | None = None
        self._asked = threading.Event()
        self._read, self._written = socket.socketpair()
        self._written.setblocking(False)
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._watch, name="signals", daemon=True).start()

    def _watch(self) -> None:
        began = 0.0
        while numbers := self._read.recv(64):
            for number in numbers:
                if number not in STOPPING:
                    continue
                if self.first is None:
                    self.first, began = number, time.monotonic()
                    self._asked.set()
                elif time.monotonic() - began > SAME_SECONDS:
                    os._exit(128 + number)

    def catch(self) -> None:
        """Install handlers that only record the signal; under nohup SIGHUP stays ignored."""
        for number in STOPPING:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda *_: None)

    def sleep(self, seconds: float) -> None:
        """Wait, but not after a signal.

        Raises:
            Stop: a signal has come.
        """
        if self._asked.wait(seconds):
            raise Stop


_signals: StopSignals | None = None


def end_silently() -> None:
    """Let signals end this command without a traceback, as in a program that does not handle them.

    While a library handles signals, as Dagster does during a run, it decides what the first one
    does; see `exit_code`.
    """
    global _signals
    _signals = StopSignals()
    signal.signal(signal.SIGINT, _die)  # a function: Dagster does not restore SIG_DFL
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _hang_up)


def interrupted() -> bool:
    """Return whether a library has handled a signal; Dagster ignores one between two steps of a
    run.
    """
    return _signals is not None and _signals.first is not None


def exit_code() -> int:
    """Return the exit code that a shell reports for a program killed by the signal."""
    return 128 + ((_signals and _signals.first) or signal.SIGINT)


def _die(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _hang_up(number: int, frame: FrameType | None) -> None:
    """Do the same as SIGTERM, the only one that libraries handle."""
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        _die(number, frame)
    signal.raise_signal(signal.SIGTERM)
