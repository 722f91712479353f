"""Processes are ended with all that belongs to them, also when the one that started them is
gone.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipelines.processes import END_SECONDS, end_groups, started
from tests.waiting import eventually

#: Begins another process that does not mind being asked to end, tells its number, and begins one
#: more when it is asked itself.
RESTLESS = """
import signal, subprocess, sys, time
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(60)"
def again(*_):
    started = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.DEVNULL)
    print(started.pid, flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, again)
print(subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.DEVNULL).pid, flush=True)
time.sleep(60)
"""


def test_what_a_process_starts_while_it_ends_is_ended_too() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RESTLESS], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        first = int(process.stdout.readline())
        began = time.monotonic()
        end_groups([process])
        end_groups([process])  # it is gone: nothing is waited for
        second = int(process.stdout.readline())
        assert [started(pid) for pid in (process.pid, first)] == [None] * 2
        eventually(lambda: not started(second), 5)  # it was killed, and is gone in a moment
        assert time.monotonic() - began < END_SECONDS / 2
    assert not psutil.pid_exists(second) or psutil.Process(second).status() == psutil.STATUS_ZOMBIE


#: Starts a process of `up` as `up` does, which begins one more in a session of its own, and lives
#: on until it is killed.
PARENT = """
import subprocess, sys, time
subprocess.Popen(
    [sys.executable, "-m", "pipelines.hosting.child", *sys.argv[1:]],
    stdin=subprocess.PIPE,
    start_new_session=True,
)
time.sleep(300)
"""
#: A module that takes its time over its end, after it has printed its process id and that of its
#: child.
SLOW = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda *_: None)
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print(__name__, sys.argv[1:], started.pid, os.getpid(), flush=True)
while True:
    time.sleep(300)
"""


@pytest.mark.full
def test_what_an_up_has_started_ends_when_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", PARENT, "slow", "--port", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        said, _, numbers = parent.stdout.readline().rpartition("] ")
        assert started(parent.pid) is not None
        parent.kill()
        assert (
            parent.stdout.read() == ""
        )  # nobody has it any more: all have ended, also the one that does not mind being asked
    assert said == "__main__ ['--port', '1'"
    first, second = map(int, numbers.split())
    # The kernel closes what a process holds a moment before it is gone.
    eventually(lambda: started(first) is started(second) is None, 30)
