"""The long form of the property test (`make soak`): `python -m tests.integration.exactness.soak
--mutations 200000 --minutes 120`.

Plays examples on an embedded server of its own until so many changes are made, or so much time is
gone, and says how far it is. Each round has a number; a round that fails says it, and `--first
NUMBER` begins with it again. Exits with 1 when an example did not end equal.
"""

import argparse
import os
import sys
import time
import traceback
import warnings

#: Examples of a round, which share one number.
EXAMPLES = 10


def main() -> int:
    """Play, print, and return the exit code."""
    parser = argparse.ArgumentParser(
        description="Let people, syncs, deaths and faults meet, and compare warehouse and source."
    )
    parser.add_argument(
        "--mutations", type=int, default=200_000, help="end after so many changes of the source"
    )
    parser.add_argument(
        "--minutes", type=float, default=120, help="end after so much time, whatever was reached"
    )
    parser.add_argument(
        "--first", type=int, default=1_000, help="number of the first round; each round has its own"
    )
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="examples of a round")
    options = parser.parse_args()
    for name in [
        name
        for name in os.environ
        if name.startswith(("BACKLOG_", "DAGSTER_")) or name == "WAREHOUSE_URL"
    ]:
        del os.environ[name]
    os.environ.update(BACKLOG_HISTORY_START="2026-01", DAGSTER_DISABLE_TELEMETRY="true")
    warnings.simplefilter("ignore")
    # Imported here, when the variables that the assets read have been set.
    from tests.integration.exactness.databases import databases, server
    from tests.integration.exactness.play import play

    made = failed = examples = 0
    began = time.monotonic()
    number = options.first
    with server() as own, databases(own.url) as fresh:
        while made < options.mutations and time.monotonic() - began < options.minutes * 60:
            try:
                figures = play(fresh, examples=options.examples, number=number)
            except Exception:
                failed += 1
                _say(f"round {number} did not end equal:\n{traceback.format_exc()}")
            else:
                made, examples = made + figures.mutations, examples + figures.examples
                minutes = (time.monotonic() - began) / 60
                _say(
                    f"round {number}: {made:,} changes in {examples:,} examples, {minutes:.1f} "
                    f"minutes, {failed} rounds failed"
                )
            number += 1
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
