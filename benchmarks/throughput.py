"""The merge by itself, next to the least that PostgreSQL can do with the same payloads: `python -m
benchmarks.throughput 20000`.

Prints `{"rows", "merge_seconds", "again_seconds", "copy_seconds"}`, medians of rounds that take
turns on one database.
"""

import io
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, text

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter, Record
from resources.warehouse.raw.loader import merge
from resources.warehouse.raw.record_content import to_text
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.server.connect import engine
from resources.warehouse.server.embedded import ensure_server
from resources.warehouse.server.migrations import upgrade

BATCH = 1_000
ROUNDS = 3
COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def main(rows: int) -> None:
    """Measure with so many issues of the space that BACKLOG_URL names."""
    with BacklogClient(
        os.environ["BACKLOG_URL"], ApiKeyQuery(os.environ["BACKLOG_API_KEY"])
    ) as client:
        pages = client.issues(IssueFilter(sort="created", order="asc"))
        records = [
            record for _, page in zip(range(rows // 100), pages, strict=False) for record in page
        ]
    made = engine(ensure_server(Path(os.environ["BACKLOG_ELT_HOME"])).url())
    upgrade(made)
    with made.begin() as connection:
        compression = "COMPRESSION lz4" if _has_lz4(made) else ""
        connection.execute(text(f"CREATE TABLE copied (id bigint, payload jsonb {compression})"))
    lines = "".join(
        f"{record['id']}\t{to_text(record).translate(COPY_ESCAPES)}\n" for record in records
    )
    found: dict[str, list[float]] = {"merge_seconds": [], "again_seconds": [], "copy_seconds": []}
    for _ in range(ROUNDS):
        _clear(made)
        found["merge_seconds"].append(_timed(lambda: _merge(made, records)))
        found["again_seconds"].append(_timed(lambda: _merge(made, records)))
        found["copy_seconds"].append(_timed(lambda: _copy(made, lines)))
    medians = {name: statistics.median(seconds) for name, seconds in found.items()}
    sys.stdout.write(json.dumps({"rows": len(records), **medians}) + "\n")


def _has_lz4(made: Engine) -> bool:
    query = (
        "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    )
    with made.connect() as connection:
        return bool(connection.execute(text(query)).scalar_one())


def _clear(made: Engine) -> None:
    with made.begin() as connection:
        connection.execute(text("TRUNCATE raw.issues, copied"))
    with made.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))


def _merge(made: Engine, records: list[Record]) -> None:
    for start in range(0, len(records), BATCH):
        with made.begin() as connection:
            merge(
                connection,
                SPECS["issues"],
                records[start : start + BATCH],
                space_key="bench",
                timezone="Asia/Tokyo",
                run_id="bench",
            )


def _copy(made: Engine, lines: str) -> None:
    with made.begin() as connection:
        cursor = connection.connection.cursor()
        cursor.copy_expert("COPY copied (id, payload) FROM STDIN", io.StringIO(lines))


def _timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    main(int(sys.argv[1]))
