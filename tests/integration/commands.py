"""The `backlog-elt` command in a process of its own, as somebody at a shell has it.

Add here: a way commands are run. Keep out: checks.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_SECONDS = 180


@dataclass(frozen=True)
class Done:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything that it wrote."""
        return self.out + self.err

    @property
    def lines(self) -> list[str]:
        """The lines on standard error."""
        return self.err.splitlines()


@dataclass(frozen=True)
class Shell:
    """A folder to stand in and the variables that are set there; nothing else of the test's own environment but PATH."""

    folder: Path
    variables: Mapping[str, str]

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the command; `variables` are set besides."""
        base = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines", *arguments],
            cwd=self.folder,
            env={**base, **self.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **variables: str) -> Done:
        """Run the command to its end."""
        return end(self.start(*arguments, **variables))


def end(process: "subprocess.Popen[str]") -> Done:
    """Wait for a started command to end by itself."""
    try:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Done(process.returncode, out, err)
