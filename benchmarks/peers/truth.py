"""What a copy shows, next to what the source says: `python -m benchmarks.peers.truth` prints the
difference as JSON.

A process of its own, so that its memory is not that of the processes it compares.
"""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg2

from benchmarks.peers.runners.source import Record, client, comments_of, issue_pages, tables

#: Moment of the last change, text, status: what is compared of a row.
Row = tuple[datetime, str, int]


@dataclass(frozen=True)
class Difference:
    """Rows of the source that the copy lacks, those that it has in an older form, and those that it
    shows though they are gone.
    """

    source: int
    missed: int
    stale: int
    not_deleted: int


def differences(source: Mapping[int, Row], copy: Mapping[int, Row]) -> Difference:
    """Compare a table with its copy."""
    missed = len(source.keys() - copy.keys())
    stale = sum(row != copy[key] for key, row in source.items() if key in copy)
    return Difference(len(source), missed, stale, len(copy.keys() - source.keys()))


def row(moment: datetime | str, text: str | None, status: int) -> Row:
    """Return a row in the form that is compared: UTC, no empty text, no NUL, which PostgreSQL
    cannot hold.
    """
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return known.astimezone(UTC), (text or "").replace("\x00", ""), status


def issue_rows(records: Iterable[Record]) -> dict[int, Row]:
    """Return issues of the API as they are compared."""
    return {one["id"]: row(one["updated"], one["summary"], one["status"]["id"]) for one in records}


def comment_rows(records: Iterable[Record]) -> dict[int, Row]:
    """Return comments of the API as they are compared."""
    return {one["id"]: row(one["updated"], one["content"], 0) for one in records}


def _source() -> dict[str, dict[int, Row]]:
    """Read the source until two reads find the same issues: rows of equal age change places between
    pages.
    """
    with client() as http:
        expected = http.get("/issues/count").raise_for_status().json()["count"]
        issues: dict[int, Row] = {}
        while len(issues) < expected:
            for page in issue_pages(http):
                issues |= issue_rows(page)
        found = {"issues": issues}
        if "comments" in tables():
            found["comments"] = comment_rows(
                one for issue in issues for one in comments_of(http, issue)
            )
    return found


def _copy(query: str) -> dict[int, Row]:
    with (
        closing(psycopg2.connect(os.environ["PEER_DATABASE_URL"])) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(query)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return {key: row(moment, text, status) for key, moment, text, status in rows}


def main() -> None:
    """Compare the tables that `PEER_QUERIES` names."""
    queries: dict[str, str] = json.loads(os.environ["PEER_QUERIES"])
    found = {
        table: asdict(differences(rows, _copy(queries[table]))) for table, rows in _source().items()
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
