"""One `up` for each home: who holds the lock, and that nobody else does."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipelines.hosting.runtime import Runtime, is_held, take
from resources.variables import SettingsError

#: Takes the lock, starts a process that lives on, says the number of that, and holds the lock until
#: it is killed.
HOLDS = """
import subprocess, sys, time
from pathlib import Path
from pipelines.hosting.runtime import take
taken = take(Path(sys.argv[1]))
if taken is not None:
    sleeping = [sys.executable, "-c", "import time; time.sleep(300)"]
    print(subprocess.Popen(sleeping, stdout=subprocess.DEVNULL).pid, flush=True)
    time.sleep(300)
print(0, flush=True)
"""


def holding(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(home)], stdout=subprocess.PIPE, text=True
    )


def child_of(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_of_many_that_start_at_the_same_moment_exactly_one_has_the_lock(tmp_path: Path) -> None:
    processes = [holding(tmp_path / "home") for _ in range(6)]
    try:
        children = {process.pid: child_of(process) for process in processes}
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    [pid] = [pid for pid, child in children.items() if child]
    os.kill(children[pid], 9)
    assert Runtime.last(tmp_path / "home") == Runtime(pid=pid)


def test_the_lock_ends_with_a_killed_process_though_its_child_lives(tmp_path: Path) -> None:
    with holding(tmp_path) as process:
        child = child_of(process)
        held = is_held(tmp_path)
        process.kill()
    lived = Path(f"/proc/{child}").exists()
    freed, taken = not is_held(tmp_path), take(tmp_path)
    os.kill(child, 9)
    assert (held, lived, freed) == (True, True, True)
    assert taken is not None
    assert Runtime.last(tmp_path) == Runtime(pid=os.getpid())
    taken.close()


def test_who_asks_does_not_keep_others_from_the_lock(tmp_path: Path) -> None:
    ended = threading.Event()
    asking = threading.Thread(target=lambda: [is_held(tmp_path) for _ in iter(ended.is_set, True)])
    asking.start()
    try:
        for _ in range(50):
            taken = take(tmp_path)
            assert taken is not None
            taken.close()
    finally:
        ended.set()
        asking.join()


def test_two_paths_to_one_home_have_one_lock(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "home")
    taken = take(tmp_path / "home")
    assert taken is not None
    assert is_held(tmp_path / "link")
    taken.close()
    assert not is_held(tmp_path / "link")


def test_another_machine_or_container_is_named() -> None:
    assert Runtime(pid=7).who == "process 7"
    assert Runtime(pid=7, host="web-1.example").who == "process 7 on web-1.example"


@pytest.mark.parametrize("home", ["/proc/home", "/dev/null/home", "/proc"])
def test_a_home_that_cannot_be_written_to_is_named(home: str) -> None:
    with pytest.raises(
        SettingsError,
        match=rf"BACKLOG_ELT_HOME is '{home}': expected a folder that can "
        r"be created and written to",
    ):
        take(Path(home))
