"""What Dagster writes on standard error when its storage does not take a message, kept from it: a
command says it in one line.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO

#: How Dagster begins; the statement and its parameters follow in many lines. Where the message was
#: an event, it raises the error.
LOST = "Exception while writing logger call to event log"
#: It then writes the events of a batch one by one, each of which is stored or raises.
AGAIN = ("Exception while storing event batch", "Falling back to storing multiple")


class _Stream:
    """A stream that counts what is lost instead of writing it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, text: str) -> int:
        """Write, or count."""
        if text.startswith(LOST):
            self.lost += 1
            return len(text)
        if text.startswith(AGAIN):
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def without_lost_messages() -> Iterator[None]:
    """Keep them from standard error; where the block ends well nevertheless, say how many there
    were.
    """
    stream = _Stream(sys.stderr)
    with redirect_stderr(stream):
        yield
    if stream.lost:
        sys.stderr.write(
            f"Dagster's storage did not take {stream.lost} messages: its "
            "log of this run has gaps.\n"
        )
