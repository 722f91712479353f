"""Processes of this machine, known by number and start time: a number alone may belong to another
process by now.
"""

import os
import signal
import socket
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

#: Start times are counted from the boot time, which the kernel gives to within a second.
SAME_START_SECONDS = 5.0
#: What is asked to end gets this long before it is made to.
END_SECONDS = 10.0
#: What is killed is gone within this time, unless the kernel holds it.
KILL_SECONDS = 3.0
#: Variable that the processes of an `up` and all that they start, have in their environment: the
#: mark of its home (`home_lock.py`). So they are found without a list, which is written too late,
#: and without process numbers, which are somebody else's by then.
MARK = "_BACKLOG_ELT_UP"


def started(pid: int) -> float | None:
    """Return when a process started (seconds since 1970), None when it does not run any more."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def runs(pid: int, since: float) -> bool:
    """Say whether the process that started at `since` still runs."""
    born = started(pid)
    return born is not None and abs(born - since) < SAME_START_SECONDS


def mark() -> str:
    """Return a text that names this process for good, also among those of other machines and
    containers.
    """
    return f"{os.getpid()}@{started(os.getpid())}@{socket.gethostname()}"


def is_elsewhere(marked: str) -> bool:
    """Say whether `mark` has named a process of another machine or container; this machine cannot
    know whether it runs.
    """
    return marked.rpartition("@")[2] != socket.gethostname()


def alive(marked: str) -> bool:
    """Say whether the process that `mark` named still runs; one on another machine counts as
    running.
    """
    pid, _, rest = marked.partition("@")
    moment, _, host = rest.partition("@")
    try:
        return runs(int(pid), float(moment)) or host not in {"", socket.gethostname()}
    except ValueError:
        return False


def marked(mark: str) -> list[int]:
    """Return the numbers of the processes with a mark in their environment, but not of this one."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process.pid)
    return found


def kill_marked(mark: str) -> None:
    """Kill all processes with a mark, and what they start meanwhile, without asking."""
    end = time.monotonic() + KILL_SECONDS
    while (pids := marked(mark)) and time.monotonic() < end:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def end_processes(pids: Iterable[int]) -> None:
    """End processes, their children and all that is in their sessions: asked first, made to after a
    while.

    What they start meanwhile is ended too, and what has lost its parent: a build that is broken off
    may leave a process behind.
    """
    leaders = frozenset(pids)
    asked: set[psutil.Process] = set()
    late = time.monotonic() + END_SECONDS
    while (family := _family(leaders)) and time.monotonic() < late + END_SECONDS:
        for process in family:
            with suppress(psutil.Error):
                if time.monotonic() > late:
                    process.kill()
                elif process not in asked:
                    process.terminate()
        asked |= family
        psutil.wait_procs(family, timeout=0.2)


def _family(leaders: frozenset[int]) -> set[psutil.Process]:
    """Return the living among these processes, their children, and those whose session one of them
    leads.
    """
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid in leaders:
                found |= {process, *process.children(recursive=True)}
            elif os.getsid(process.pid) in leaders:
                found.add(process)
    return {process for process in found if started(process.pid) is not None}
