"""Who takes part: how each is run, with which settings, where its rows are, and what it
cannot do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from benchmarks.peers.environments import pins


@dataclass(frozen=True)
class Contestant:
    """One way to copy a space.

    `environment` is None for our own interpreter. `queries` return what it shows as alive, by
    table: id, moment of the last change, a text, and for issues the status.
    """

    name: str
    title: str
    runner: str
    settings: str
    environment: str | None = "plain"
    packages: tuple[str, ...] = ()
    queries: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> str:
        """Name the versions that were measured."""
        found = (
            {one: version(one) for one in self.packages}
            if self.environment is None
            else pins(self.environment)
        )
        return ", ".join(f"{one} {found[one]}" for one in self.packages)


_JSON = {
    "issues": "SELECT id, (payload->>'updated')::timestamptz, payload->>'summary', "
    "(payload#>>'{status,id}')::bigint FROM issues",
    "comments": "SELECT id, (payload->>'updated')::timestamptz, "
    "payload->>'content', 0 FROM comments",
}
_FLAT = {
    "issues": "SELECT id, updated::timestamptz, summary, status__id::bigint FROM peer.issues",
    "comments": "SELECT id, updated::timestamptz, content, 0 FROM peer.comments",
}
_COLUMNS = {
    **_FLAT,
    "issues": "SELECT id, updated::timestamptz, summary, status_id FROM peer.issues",
}
_NESTED = {
    **_FLAT,
    "issues": "SELECT id, updated::timestamptz, summary, (status->>'id')::bigint FROM peer.issues",
}

CONTESTANTS = (
    Contestant(
        "ours",
        "backlog-elt",
        "ours",
        "issues alone: the asset raw/issues, as chosen in the Dagster UI; with comments: the "
        "command load, which also reads users, "
        "projects, masters and the activity feed, keeps the history, evaluates its "
        "checks and compares all counts",
        None,
        ("dagster", "psycopg2-binary"),
        {
            "issues": "SELECT id, updated_at, summary, status_id FROM raw.issues "
            "WHERE deleted_at IS NULL",
            "comments": "SELECT id, updated_at, content, 0 FROM raw.comments "
            "WHERE deleted_at IS NULL",
        },
    ),
    Contestant(
        "dlt",
        "dlt, defaults",
        "dlt_rest",
        "rest_api source, merge by id, incremental by updated, nested tables, INSERT statements",
        "dlt",
        ("dlt",),
        _FLAT,
    ),
    Contestant(
        "dlt-best",
        "dlt, best settings",
        "dlt_rest",
        "as dlt, with max_table_nesting 0, parquet through ADBC, intermediate files not compressed",
        "dlt",
        ("dlt", "adbc-driver-postgresql", "pyarrow"),
        _NESTED,
        {
            "PEER_BEST": "1",
            "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
            "EXTRACT__DATA_WRITER__DISABLE_COMPRESSION": "true",
        },
    ),
    Contestant(
        "singer",
        "singer-sdk, defaults",
        "singer",
        "a RESTStream tap with replication key updated, piped into "
        "target-postgres with INSERT statements",
        "singer",
        ("singer-sdk", "meltanolabs-target-postgres"),
        _NESTED,
    ),
    Contestant(
        "singer-best",
        "singer-sdk, COPY",
        "singer",
        "as singer, with use_copy, and without validate_records, "
        "add_record_metadata and activate_version",
        "singer",
        ("singer-sdk", "meltanolabs-target-postgres"),
        _NESTED,
        {"PEER_BEST": "1"},
    ),
    Contestant(
        "sling",
        "sling, fed by httpx",
        "sling",
        "it has no source for Backlog: a small fetcher writes JSON lines with some columns and "
        "the JSON, sling merges them "
        "(incremental, by id, types of all columns given)",
        "sling",
        ("sling-linux-amd64", "httpx"),
        _COLUMNS,
    ),
    Contestant(
        "orm",
        "SQLAlchemy ORM",
        "orm",
        "httpx, Session.merge for each row, a commit for each page",
        packages=("sqlalchemy", "psycopg2-binary"),
        queries={table: query.replace("peer.", "") for table, query in _COLUMNS.items()},
    ),
    Contestant(
        "copy",
        "floor: everything again, COPY",
        "copy",
        "httpx, reads all each time, COPY of id and JSON into an emptied table; no columns",
        packages=("httpx", "psycopg2-binary"),
        queries=_JSON,
    ),
    Contestant(
        "fetch",
        "floor: fetch, discard",
        "fetch",
        "httpx, reads what changed, stores nothing",
        packages=("httpx",),
    ),
)

#: Who could not take part, and why.
ABSENT = {
    "ingestr 1.1.76": "it has no source for Backlog and none for a REST API "
    "of one's own; its package "
    "also fetches its program "
    "from elsewhere when it first starts",
}
