"""The floor of PostgreSQL: read everything each time, and COPY id and JSON into an empty table."""

import io
import json
from collections.abc import Iterable
from contextlib import closing

import psycopg2

from benchmarks.peers.runners.source import (
    Record,
    client,
    comments_of,
    database_url,
    issue_pages,
    tables,
)

ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def main() -> None:
    """Replace both tables in one transaction."""
    comments = "comments" in tables()
    with (
        closing(psycopg2.connect(database_url())) as connection,
        connection,
        connection.cursor() as cursor,
        client() as http,
    ):
        for table in ("issues", "comments"):
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (id bigint PRIMARY KEY, payload jsonb)"
            )
            cursor.execute(f"TRUNCATE {table}")
        for page in issue_pages(http):
            _copy(cursor, "issues", page)
            if comments:
                _copy(
                    cursor,
                    "comments",
                    (one for issue in page for one in comments_of(http, issue["id"])),
                )


def _copy(cursor: "psycopg2.extensions.cursor", table: str, records: Iterable[Record]) -> None:
    # By id: rows of equal age change places from page to page, and a row that comes twice would
    # break the key.
    cursor.execute(f"CREATE TEMPORARY TABLE page (LIKE {table}) ON COMMIT DROP")
    lines = "".join(
        f"{one['id']}\t{json.dumps(one, ensure_ascii=False).translate(ESCAPES)}\n"
        for one in records
    )
    cursor.copy_expert("COPY page FROM STDIN", io.StringIO(lines))
    cursor.execute(f"INSERT INTO {table} SELECT * FROM page ON CONFLICT (id) DO NOTHING")
    cursor.execute("DROP TABLE page")


main()
