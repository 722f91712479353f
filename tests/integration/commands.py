"""The `backlog-elt` command in a process of its own, as at a shell."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.integration.terminal import Terminal

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
    """A folder to stand in and the variables that are set there; nothing else of the test's own
    environment but PATH.
    """

    folder: Path
    variables: Mapping[str, str]

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the command, or the module after `-m`; `variables` are set besides."""
        words = arguments if arguments[:1] == ("-m",) else ("-m", "pipelines", *arguments)
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env=self._environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def on_terminal(self, *arguments: str, **variables: str) -> Terminal:
        """Start the command in a window."""
        command = [sys.executable, "-m", "pipelines", *arguments]
        return Terminal(command, environment=self._environment(variables), folder=self.folder)

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        base = {
            name: os.environ[name]
            for name in ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR")
            if name in os.environ
        }
        return {**base, **self.variables, **variables}

    def run(self, *arguments: str, **variables: str) -> Done:
        """Run the command to its end."""
        return end(self.start(*arguments, **variables))

    def succeed(self, *arguments: str, **variables: str) -> Done:
        """Run the command to its end, which must be a good one."""
        done = self.run(*arguments, **variables)
        assert done.code == 0, done.text
        return done


def end(process: "subprocess.Popen[str]") -> Done:
    """Wait for a started command to end by itself."""
    try:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Done(process.returncode, out, err)
