"""The promises of exact change capture as figures: requests, latency, refusals, kills, random
changes; each next to its bound.

`python benchmarks/exactness.py` (part of `make bench`) takes about ten minutes on two cores; names
of parts after it choose some, and `--kills 100 --examples 40` measure as much as the tests do. It
exits with 1 when warehouse and source are not equal, and when a figure is over its bound; on a
machine that others use too, look twice at the latter.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Iterator

from benchmarks.figures import Figure, show

OURS = ("BACKLOG_", "DAGSTER_", "WAREHOUSE_")


# Imported when their turn comes: assets read variables then, and a child's peak of memory starts
# from that of this process.
def _latency(options: argparse.Namespace) -> Iterator[Figure]:
    from benchmarks.daemon import latency

    return latency(options.changes)


def _requests(_: argparse.Namespace) -> Iterator[Figure]:
    from benchmarks.capture import requests

    return requests()


def _limits(_: argparse.Namespace) -> Iterator[Figure]:
    from benchmarks.pressure import pressure

    return pressure()


def _kills(options: argparse.Namespace) -> Iterator[Figure]:
    from benchmarks.capture import kills

    return kills(options.kills)


def _examples(options: argparse.Namespace) -> Iterator[Figure]:
    from benchmarks.capture import changes

    return changes(options.examples)


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(
        description="Print the figures of exact change capture next to their bounds."
    )
    parser.add_argument("--kills", type=int, default=20, help="loads that are killed")
    parser.add_argument("--examples", type=int, default=6, help="examples of random changes")
    parser.add_argument(
        "--changes",
        type=int,
        default=12,
        help="changes whose way through the running daemon is timed",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of a table"
    )
    parts: dict[str, Callable[[argparse.Namespace], Iterator[Figure]]] = {
        "latency": _latency,
        "requests": _requests,
        "limits": _limits,
        "kills": _kills,
        "random": _examples,
    }
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"measure only these of {', '.join(parts)}"
    )
    options = parser.parse_args()
    if not parts.keys() >= set(options.parts):
        parser.error(f"parts are {', '.join(parts)}")
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    os.environ.update(BACKLOG_HISTORY_START="2024-01", DAGSTER_DISABLE_TELEMETRY="true")
    warnings.simplefilter("ignore")
    return show((parts[part](options) for part in options.parts or parts), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
