"""Answers that have no end, plain or compressed, and a server of them."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from io import BufferedIOBase
from itertools import repeat

from tests.http_servers import Quiet, serving

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Flood:
    """The parts of a body, the encoding that its head states, and the status."""

    parts: Callable[[], Iterator[bytes]]
    encoding: str = "identity"
    status: int = 200

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What the head says of the body."""
        return [
            ("Content-Type", "application/json"),
            ("Content-Encoding", self.encoding),
            ("Transfer-Encoding", "chunked"),
        ]

    def write(self, out: BufferedIOBase) -> None:
        """Write the body until the other side hangs up."""
        with suppress(OSError):
            for part in self.parts():
                out.write(b"%x\r\n%b\r\n" % (len(part), part))
            out.write(b"0\r\n\r\n")


@cache
def _spaces() -> tuple[bytes, bytes]:
    """Return a beginning of a gzip, and what may follow any number of times: each inflates to a
    thousand times its size.
    """
    packing = zlib.compressobj(9, wbits=31)
    spaces = b" " * 64 * MEGABYTE
    one, other = (packing.compress(spaces) + packing.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return one, other


def _inflating() -> Iterator[bytes]:
    """Yield a gzip without end."""
    beginning, more = _spaces()
    yield beginning
    yield from repeat(more)


def _doubly_inflating() -> Iterator[bytes]:
    """Yield a gzip of a gzip: less than a kilobyte, and a hundred megabytes."""
    yield gzip.compress(gzip.compress(b" " * 100 * MEGABYTE))


FLOODS = {
    "plain": Flood(lambda: repeat(b" " * 65_536)),
    "gzip": Flood(_inflating, "gzip"),
    "bytes": Flood(lambda: repeat(b" ")),
    "gzip in gzip": Flood(_doubly_inflating, "gzip, gzip"),
}


@contextmanager
def flooding(flood: Flood) -> Iterator[str]:
    """Yield the address of a server that answers so whatever it is asked."""

    class Handler(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802 - the library's name
            self.send_response(flood.status)
            for name, value in flood.headers:
                self.send_header(name, value)
            self.end_headers()
            flood.write(self.wfile)

    with serving(Handler) as url:
        yield url
