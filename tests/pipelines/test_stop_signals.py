"""Each signal, at a hundred random moments, ends what listens to it, whatever that is doing."""

import os
import signal
import subprocess
import sys
import time
from random import Random

import pytest

from tests.integration.signals import STOPPING
from tests.seed import SEED

pytestmark = pytest.mark.full

TIMES = 100
#: Rounds of what `up` does, with cheap children: takes the lock, listens, starts processes, waits,
#: ends them. Meanwhile finalizers and locks of Python are busy, in which an exception of a handler
#: would be lost.
ROUNDS = """
import gc, os, subprocess, sys, threading
from pathlib import Path
from pipelines.hosting.runtime import take
from pipelines.processes import end_groups
from pipelines.stop_signals import Stop, StopSignals

class Busy:
    def __init__(self):
        self.itself = self
    def __del__(self):
        with lock:
            sorted(range(2_000))

lock, home = threading.Lock(), Path(sys.argv[1])
for number in range(int(sys.argv[2])):
    taken = take(home)
    stop, children = StopSignals(), []
    stop.catch()
    print(number, flush=True)
    try:
        while True:
            if len(children) < 3:
                apart = {"start_new_session": True, "stdout": subprocess.DEVNULL}
                children.append(subprocess.Popen(["sleep", "300"], **apart))
            for _ in range(20):
                Busy()
            gc.collect()
            subprocess.run(["true"], check=True)
            stop.sleep(0.003)
    except Stop:
        pass
    finally:
        end_groups(children)
        left = [child.poll() for child in children if child.poll() is None]
        taken.close()
    print(left, flush=True)
"""


@pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)
def test_a_signal_at_a_hundred_random_moments_is_never_lost(
    number: signal.Signals, tmp_path: object
) -> None:
    rng = Random(SEED)  # noqa: S311 - moments, not secrets
    command = [sys.executable, "-c", ROUNDS, str(tmp_path), str(TIMES)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for one in range(TIMES):
            assert process.stdout.readline() == f"{one}\n", process.stderr.read()
            time.sleep(rng.random() * 0.05)
            process.send_signal(number)
            if rng.random() < 0.3:  # a window that closes sends two
                process.send_signal(rng.choice(STOPPING))
            assert process.stdout.readline() == "[]\n", process.stderr.read()
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


#: Is asked to end and hangs: in a call that nothing interrupts, with the lock of the screen held by
#: somebody else.
HANGS = """
import ctypes, threading
from pipelines.stop_signals import StopSignals
stop = StopSignals()
stop.catch()
print("listens", flush=True)
libc = ctypes.CDLL(None)
while True:
    libc.sleep(300)  # returns early; a handler runs only then
    threading.Lock().acquire() and threading.Event().wait()
"""


@pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)
def test_a_second_signal_ends_what_hangs(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listens\n"
        process.send_signal(signal.SIGTERM)
        process.send_signal(number)  # means the same
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.2)
        process.send_signal(number)
        assert process.wait(60) == 128 + number


def test_under_nohup_the_end_of_the_terminal_is_none() -> None:
    program = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from pipelines.stop_signals import StopSignals\nstop = StopSignals()\n"
        "stop.catch()\nprint(1, flush=True)\nstop.sleep(300)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert said.splitlines()[-1] == b"pipelines.stop_signals.Stop"


@pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)
@pytest.mark.parametrize("command", ["load", "up", "serve"])
def test_a_command_that_is_interrupted_before_it_works_says_nothing(
    command: str, number: signal.Signals, tmp_path: object
) -> None:
    program = (
        "import sys; from pipelines.stop_signals import end_silently; "
        "end_silently(); print(1, flush=True)\n"
        "sys.argv = ['backlog-elt', *sys.argv[1:]]; from pipelines.cli import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, command],
        env={**os.environ, "BACKLOG_ELT_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (-number, b"")
