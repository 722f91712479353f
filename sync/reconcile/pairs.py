"""Pairs of rows: some records of the source, each with the row that the warehouse has of it.

Each method reads the warehouse first, so that the source is never older than what it is compared
with, and returns what differs with the record of the source (None where there is none).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Engine, select

from resources.backlog.changelog import changes_of
from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter, Record
from resources.backlog.errors import NotFound
from resources.backlog.scan import PROJECTS_PER_REQUEST
from resources.warehouse.raw.record_content import content_hash
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from sync.by_id import IDS_PER_REQUEST, chunks
from sync.change_ids import ADDED
from sync.reconcile.compare_rows import (
    Hash,
    Row,
    as_differences,
    differing_rows,
    label_of,
    of_issue,
    source_frame,
    warehouse_frame,
    with_ids,
)
from sync.reconcile.lists import Listed, read_list
from sync.reconcile.masked_people import People
from sync.reconcile.payload_columns import Within, wrong_columns
from sync.reconcile.verdict import EXTRA, Difference

#: A row that differs, and the record that the source has of it.
Found = list[tuple[Difference, Any]]
HISTORY = ("comments", "issue_changes")


def changes_of_comment(comment: Any, issue_id: int, project_id: int) -> list[Record]:
    """Return the changes that a comment reports; of one without a usable id, none."""
    known = isinstance(comment, dict) and isinstance(comment.get("id"), int)
    return changes_of(comment, issue_id, project_id) if known else []


def _content_of_change(spec: TableSpec, change: Record) -> str:
    """Return a hash of what the source says of a change.

    The ids behind a value are found when a comment is loaded, from names as they were known then:
    they are left out on both sides.
    """
    return content_hash(spec, {name: value for name, value in change.items() if name not in ADDED})


_HASHES: Mapping[str, Hash] = {"issue_changes": _content_of_change}


@dataclass(frozen=True)
class Parts:
    """How much is compared at once: `rows` that are read anew, which bounds the memory, `issues`
    whose comments are read again, `ids` and `projects` of one request.
    """

    rows: int = 1_000
    issues: int = 20
    ids: int = IDS_PER_REQUEST
    projects: int = PROJECTS_PER_REQUEST


PARTS = Parts()


@dataclass(frozen=True)
class Pairs:
    """Compares chosen rows of one space; `visible` are the ids of all projects that the key can
    see.

    What is read of the source goes through `people` at once, as stored rows did: masked is compared
    with masked, and nobody is shown.
    """

    client: BacklogClient
    people: People
    engine: Engine
    space_key: str
    timezone: str
    visible: Sequence[int]
    parts: Parts = PARTS

    # -- lists -------------------------------------------------------------------------------------

    def listed(
        self,
        table: str,
        project_id: int | None,
        *,
        fresh: bool = True,
    ) -> tuple[Listed, Found]:
        """Compare a list with the rows of its table; return the list too.

        Not `fresh`: the client's copy may do.

        Raises:
            BacklogError: the list is refused or the source is not available.
        """
        scope = {} if project_id is None else {"project_id": project_id}
        stored = self._stored(
            table, *(SPECS[table].table.c[name] == value for name, value in scope.items())
        )
        listed = read_list(self.client, table, project_id, fresh=fresh)
        if listed is None:
            return Listed([], whole=False), []
        found = self._differing(
            table,
            [Row(record, project_id or 0) for record in self.people.masked(listed.records)],
            stored,
            project_id=project_id,
        )
        return listed, [(one, record) for one, record in found if listed.whole or one.kind != EXTRA]

    # -- issues ------------------------------------------------------------------------------------

    def issues(self, ids: Collection[int]) -> Found:
        """Compare issues by id, wherever they are now."""
        found: Found = []
        for asked in chunks(sorted(ids), self.parts.ids):
            stored = self._stored("issues", with_ids(SPECS["issues"], asked))
            found += self._differing(
                "issues",
                [of_issue(record) for record in self.people.masked(self._by_id(asked))],
                stored,
                within=("id", asked),
            )
        return found

    def these_issues(self, records: Sequence[Record]) -> Found:
        """Compare issues that were just read."""
        records = self.people.masked(records)
        ids = [
            record["id"]
            for record in records
            if isinstance(record, dict) and isinstance(record.get("id"), int)
        ]
        stored = self._stored("issues", with_ids(SPECS["issues"], ids))
        return self._differing(
            "issues", [of_issue(record) for record in records], stored, within=("id", ids)
        )

    def _by_id(self, ids: Sequence[int]) -> list[Record]:
        # Not `IssuesById`: a record without an id differs itself, and is no reason to ask fewer
        # projects for the others.
        records: list[Record] = []
        missing = set(ids)
        for projects in chunks(self.visible, self.parts.projects):
            if missing:
                page = self.client.issue_page(
                    IssueFilter(project_id=projects, id=tuple(sorted(missing)))
                )
                records += page.everything
                missing -= page.ids
        return records

    # -- comments and their changes ----------------------------------------------------------------

    def comments(self, issues: Mapping[int, int]) -> Found:
        """Compare all comments of issues (id -> project), and the changes that they report; an
        issue that is gone has none.
        """
        found: Found = []
        for asked in chunks(sorted(issues), self.parts.issues):
            stored = self._history(asked)
            rows = [row for issue in asked for row in self.comments_of(issue, issues[issue]) or []]
            found += self._matched(asked, rows, stored)
        return found

    def these_comments(self, issues: Sequence[int], rows: Sequence[Row]) -> Found:
        """Compare the comments of issues that were just read whole."""
        return self._matched(issues, rows, self._history(issues))

    def comments_of(self, issue_id: int, project_id: int) -> list[Row] | None:
        """Read the comments of an issue whole, None when it is gone."""
        try:
            pages = self.client.comments(issue_id)
            return [
                Row(comment, project_id, issue_id)
                for page in pages
                for comment in self.people.masked(page.everything)
            ]
        except NotFound:
            return None

    def _history(self, issues: Sequence[int]) -> dict[str, pd.DataFrame]:
        return {
            table: self._stored(table, with_ids(SPECS[table], issues, "issue_id"))
            for table in HISTORY
        }

    def _matched(
        self, issues: Sequence[int], comments: Sequence[Row], stored: Mapping[str, pd.DataFrame]
    ) -> Found:
        rows = {
            "comments": comments,
            "issue_changes": [
                Row(change, row.project_id, row.issue_id)
                for row in comments
                for change in self.people.masked(
                    changes_of_comment(row.record, row.issue_id, row.project_id)
                )
            ],
        }
        within = ("issue_id", issues)
        return [
            one
            for table in HISTORY
            for one in self._differing(table, rows[table], stored[table], within=within)
        ]

    # -- any table ---------------------------------------------------------------------------------

    def _stored(self, table: str, *chosen: ColumnElement[bool]) -> pd.DataFrame:
        with self.engine.connect() as connection:
            return warehouse_frame(
                connection,
                SPECS[table],
                self.space_key,
                *chosen,
                hashed=_HASHES.get(table, content_hash),
            )

    def _differing(
        self,
        table: str,
        rows: Sequence[Row],
        stored: pd.DataFrame,
        *,
        within: Within | None = None,
        project_id: int | None = None,
    ) -> Found:
        """Compare the two sides, and the columns of the stored rows with their payload; each row is
        named once.
        """
        spec = SPECS[table]
        source = source_frame(spec, rows, _HASHES.get(table, content_hash))
        found = list(as_differences(spec, differing_rows(source, stored)))
        known = {difference.key for difference, _ in found}
        with self.engine.connect() as connection:
            wrong = wrong_columns(
                connection,
                spec,
                self.space_key,
                self.timezone,
                project_id=project_id,
                within=within,
            )
            spoilt = {one.key: one for one in wrong if one.key not in known}
        for row in source[source["key"].isin(list(spoilt))].to_dict("records"):
            # The columns that say where the row belongs may be the wrong ones.
            wrong_place = spoilt[row["key"]].project_id
            placed = replace(
                spoilt[row["key"]],
                project_id=row["project_id"],
                issue_id=row["issue_id"],
                label=label_of(row["record"]),
                stored_in=0 if wrong_place == row["project_id"] else wrong_place,
            )
            found.append((placed, row["record"]))
        return found


def labelled(engine: Engine, space_key: str, found: Sequence[Difference]) -> list[Difference]:
    """Give comments and changes the key of their issue, by which people know them, where the
    warehouse has that.
    """
    issues = SPECS["issues"].table.c
    unlabelled = {one.issue_id for one in found if one.issue_id and not one.label}
    query = select(issues.id, issues.issue_key).where(
        issues.space_key == space_key, with_ids(SPECS["issues"], sorted(unlabelled))
    )
    with engine.connect() as connection:
        keys = {int(identifier): str(key) for identifier, key in connection.execute(query)}
    return [replace(one, label=one.label or keys.get(one.issue_id, "")) for one in found]
