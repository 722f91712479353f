"""Processes are ended with all that belongs to them."""

import subprocess
import sys
import time

import psutil

from pipelines.processes import end_processes, started

#: Begins another process that does not mind being asked to end, tells its number, and begins one more when it is asked itself.
RESTLESS = """
import signal, subprocess, sys, time
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(60)"
def again(*_):
    print(subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.DEVNULL).pid, flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, again)
print(subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.DEVNULL).pid, flush=True)
time.sleep(60)
"""


def test_what_a_process_starts_while_it_ends_is_ended_too() -> None:
    with subprocess.Popen([sys.executable, "-c", RESTLESS], stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        first = int(process.stdout.readline())
        began = time.monotonic()
        end_processes([process.pid])
        second = int(process.stdout.readline())
        assert [started(pid) for pid in (process.pid, first, second)] == [None] * 3
        assert time.monotonic() - began < 5
    assert not psutil.pid_exists(second) or psutil.Process(second).status() == psutil.STATUS_ZOMBIE


def test_a_process_that_is_gone_needs_no_end() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    process.wait()
    end_processes([process.pid])
