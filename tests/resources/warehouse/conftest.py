"""Builders for the warehouse's tests: a full issue, a merge with one line, the rows it left."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from resources.warehouse.raw.loader import MergeResult, merge
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.server.connect import parse_url
from tests.resources.warehouse.reading import Reads
from tests.sync_log import Log

Record = dict[str, Any]
Load = Callable[..., MergeResult]
Rows = Callable[[str], list[Record]]


def a_user(number: int, **changes: Any) -> Record:
    return {
        "id": 5_000 + number,
        "userId": f"user{number}",
        "name": f"森 {number}",
        "roleType": 2,
        "lang": "ja",
        "nulabAccount": {
            "nulabId": f"nulab{number}",
            "name": "Mori",
            "uniqueId": "mori",
            "iconUrl": "https://x.test/i",
        },
        "mailAddress": f"user{number}@acme.test",
        "lastLoginTime": "2026-05-06T07:08:09Z",
    } | changes


def an_issue(number: int = 1, **changes: Any) -> Record:
    version = {"id": 31, "projectId": 300, "name": "Q3", "description": None, "startDate": None,
               "releaseDueDate": "2026-09-30T00:00:00Z", "archived": False,
               "displayOrder": 1}  # fmt: skip
    return {
        "id": 90_000 + number,
        "projectId": 300,
        "issueKey": f"OPS-{number}",
        "keyId": number,
        "issueType": {
            "id": 1201,
            "projectId": 300,
            "name": "Task",
            "color": "#7ea800",
            "displayOrder": 0,
        },
        "summary": "鍵を回す",
        "description": "手順",
        "resolution": None,
        "priority": {"id": 3, "name": "Normal"},
        "status": {
            "id": 2,
            "projectId": 300,
            "name": "In Progress",
            "color": "#4488c5",
            "displayOrder": 2000,
        },
        "assignee": a_user(1),
        "category": [{"id": 77, "projectId": 300, "name": "Infra", "displayOrder": 2147483646}],
        "versions": [],
        "milestone": [version],
        "startDate": "2026-08-01T00:00:00Z",
        "dueDate": None,
        "estimatedHours": 2.5,
        "actualHours": None,
        "parentIssueId": None,
        "createdUser": a_user(2),
        "created": "2026-07-30T08:09:10Z",
        "updatedUser": a_user(3),
        "updated": "2026-08-02T01:00:00Z",
        "customFields": [],
        "attachments": [],
        "sharedFiles": [],
        "externalFileLinks": [],
        "stars": [],
    } | changes


@pytest.fixture
def user() -> Callable[..., Record]:
    """Build a user as the API sends it; keyword arguments replace fields."""
    return a_user


@pytest.fixture
def issue() -> Callable[..., Record]:
    """Build an issue as the API sends it; keyword arguments replace fields."""
    return an_issue


@pytest.fixture
def load(warehouse: Engine) -> Load:
    """Merge records into a raw table in one transaction."""

    def loaded(table: str, *records: Any, **options: Any) -> MergeResult:
        given = {"space_key": "acme", "timezone": "Asia/Tokyo", "run_id": "run-1"} | options
        with warehouse.begin() as conn:
            return merge(conn, SPECS[table], records, **given)

    return loaded


@pytest.fixture
def rows(warehouse: Engine) -> Rows:
    """Read a raw table whole, in the order of its key."""

    def read(table: str) -> list[Record]:
        columns = SPECS[table].table
        with warehouse.connect() as conn:
            return [
                dict(row)
                for row in conn.execute(select(columns).order_by(*columns.primary_key)).mappings()
            ]

    return read


@pytest.fixture
def log(warehouse: Engine) -> Iterator[Log]:
    """Give an empty log of syncs."""
    with Log(warehouse) as log:
        yield log


@pytest.fixture
def reads(warehouse: Engine, load: Any, issue: Any) -> Reads:
    """Three issues that were never read, the third in another project."""
    load("issues", issue(1), issue(2), issue(3, projectId=301))
    return Reads(warehouse)


@pytest.fixture
def read(reads: Reads) -> Reads:
    """Return the same, with the comments of all issues read up to 640010."""
    reads.finish(reads.pending())
    assert reads.pending() == []
    return reads


@pytest.fixture
def empty_url(warehouse: Engine, warehouse_url: str) -> Iterator[str]:
    """URL of a database beside the test's own with nothing in it."""
    name = f"{warehouse.url.database}_empty"
    admin = warehouse.execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    yield (
        parse_url(warehouse_url)
        .set(database=name, drivername="postgresql")
        .render_as_string(hide_password=False)
    )
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
