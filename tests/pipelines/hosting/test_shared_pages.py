"""Which memory of a process its copies go on sharing, with the Python of these tests and with that of the image."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.hosting.environment import PROJECT_ROOT

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="what a process shares is read as Linux tells it"
)

#: Makes objects, is copied, and lets the copy look at each of them: prints the MB that the copy then has of its own.
PROGRAM = """
import json, os, sys
from pipelines.hosting.shared_pages import IMMORTAL, keep_shared

class Kept:
    def twice(self):
        def once():
            return ("a constant of code in code", 0.12345)
        return once

kept = [[f"object {number}"] for number in range(200_000)]
once = Kept().twice()
made = keep_shared() if sys.argv[1] == "kept" else 0
sample = [kept[7], kept[7][0], Kept, Kept.twice, once.__code__, once.__code__.co_consts[1]]
immortal = [sys.getrefcount(one) == IMMORTAL for one in sample]
if (copy := os.fork()) == 0:
    for one in kept:
        text = one[0]
    lines = dict(line.split(":") for line in open("/proc/self/smaps_rollup") if ":" in line.split()[0])
    own = int(lines["Private_Dirty"].split()[0]) / 1000
    print(json.dumps({"made": made, "immortal": immortal, "own": own, "text": text}), flush=True)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]))
"""
[IMAGE] = {*re.findall(r"^FROM python:(3\.\d+)\.\d+-slim", (PROJECT_ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)}


def copied(python: str, how: str) -> dict[str, Any]:
    """Return what a copy of the program says, which was prepared for it (`kept`) or not."""
    done = subprocess.run([python, "-c", PROGRAM, how], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_with_the_python_of_the_image_a_copy_needs_no_memory_for_objects_that_it_looks_at() -> None:
    python = shutil.which(f"python{IMAGE}")
    # A version manager may have the name without the version.
    if python is None or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"there is no python{IMAGE} (.ci/run installs it)")
    alone, kept = copied(python, "alone"), copied(python, "kept")
    assert kept["text"] == alone["text"] == "object 199999"
    assert (alone["immortal"], kept["immortal"]) == ([False] * 6, [True] * 6)
    assert kept["made"] > 400_000
    assert alone["own"] > 20
    assert kept["own"] < alone["own"] / 5


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="from Python 3.12 on objects can be immortal")
def test_where_no_object_can_be_immortal_none_is_touched() -> None:
    kept = copied(sys.executable, "kept")
    assert (kept["made"], kept["immortal"], kept["text"]) == (0, [False] * 6, "object 199999")
