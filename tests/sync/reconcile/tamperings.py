"""Hands in the database: statements that spoil one row each, and how the comparison is to call
that.

`{issue}` is the oldest issue with changes, `{comment}` its first comment, `{other}` an issue of
another project without comments, `{member}` a membership.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sync.reconcile.verdict import COLUMN, CONTENT, EXTRA, MISSING, STALE
from tests.syncs import Syncs


@dataclass(frozen=True)
class Tampering:
    """Statements that spoil a row, and the (table, kind) of each difference that comes of it."""

    name: str
    statements: tuple[str, ...]
    reported: frozenset[tuple[str, str]]

    def do(self, syncs: Syncs) -> None:
        """Spoil the row."""
        names = chosen(syncs)
        for statement in self.statements:
            for name, value in names.items():
                statement = statement.replace("{" + name + "}", str(value))
            syncs.change(statement.replace(":", "\\:"))


def chosen(syncs: Syncs) -> dict[str, int]:
    """Return the rows that the statements name."""
    [row] = syncs.query(
        "SELECT c.issue_id AS issue, c.comment_id AS comment FROM raw.issue_changes c ORDER BY "
        "c.issue_id, c.comment_id LIMIT 1"
    )
    [other] = syncs.query(
        "SELECT max(o.id) AS other FROM raw.issues i JOIN raw.issues o USING (space_key) "
        f"WHERE i.id = {row['issue']} AND o.project_id <> i.project_id "
        "AND NOT EXISTS (SELECT FROM raw.comments c WHERE c.issue_id = o.id)"
    )
    return {**row, **other}


def together(tamperings: Sequence[Tampering]) -> Iterator[Tampering]:
    """Yield as few tamperings as do the same, each one that spoils no table twice."""
    by_table: dict[frozenset[str], list[Tampering]] = {}
    for one in tamperings:
        by_table.setdefault(frozenset(table for table, _ in one.reported), []).append(one)
    for turn in zip_longest(*by_table.values()):
        parts = [one for one in turn if one is not None]
        yield Tampering(
            ", ".join(one.name for one in parts),
            tuple(statement for one in parts for statement in one.statements),
            frozenset(reported for one in parts for reported in one.reported),
        )


def _one(name: str, statement: str, *reported: tuple[str, str]) -> Tampering:
    return Tampering(name, (statement,), frozenset(reported))


ISSUES = [
    _one("a lost row", "DELETE FROM raw.issues WHERE id = {issue}", ("issues", MISSING)),
    _one(
        "a row marked deleted",
        "UPDATE raw.issues SET deleted_at = now() WHERE id = {issue}",
        ("issues", MISSING),
    ),
    _one(
        "a changed column",
        "UPDATE raw.issues SET status_id = 99 WHERE id = {issue}",
        ("issues", COLUMN),
    ),
    _one(
        "a column set to null",
        "UPDATE raw.issues SET summary = NULL WHERE id = {issue}",
        ("issues", COLUMN),
    ),
    _one(
        "a changed list",
        "UPDATE raw.issues SET category_ids = '{1,2}' WHERE id = {issue}",
        ("issues", COLUMN),
    ),
    _one(
        "another project",
        "UPDATE raw.issues SET project_id = 7 WHERE id = {issue}",
        ("issues", COLUMN),
    ),
    _one(
        "a changed payload",
        """UPDATE raw.issues SET payload = jsonb_set(payload, '{summary}', '"x"'), """
        "summary = 'x' WHERE id = {issue}",
        ("issues", CONTENT),
    ),
    _one(
        "an empty payload",
        "UPDATE raw.issues SET payload = '{}' WHERE id = {issue}",
        ("issues", STALE),
    ),
    _one(
        "a payload that is no object",
        "UPDATE raw.issues SET payload = '[]' WHERE id = {issue}",
        ("issues", STALE),
    ),
    _one(
        "a payload that cannot be typed",
        "UPDATE raw.issues SET payload = jsonb_set(payload, '{category}', '3') WHERE id = {issue}",
        ("issues", CONTENT),
    ),
    _one(
        "a stale version",
        "UPDATE raw.issues "
        """SET payload = jsonb_set(payload, '{updated}', '"2020-01-01T00:00:00Z"'), """
        "updated_at = '2020-01-01 00:00:00+00' WHERE id = {issue}",
        ("issues", STALE),
    ),
    _one(
        "a version of the future",
        "UPDATE raw.issues "
        """SET payload = jsonb_set(payload, '{updated}', '"2099-01-01T00:00:00Z"'), """
        "updated_at = '2099-01-01 00:00:00+00' WHERE id = {issue}",
        ("issues", STALE),
    ),
    _one(
        "a row too many",
        "INSERT INTO raw.issues SELECT (jsonb_populate_record(i, '{\"id\": 77}')).* FROM "
        "raw.issues i WHERE id = {issue}",
        ("issues", EXTRA),
    ),
]

HISTORY = [
    _one("a lost comment", "DELETE FROM raw.comments WHERE id = {comment}", ("comments", MISSING)),
    _one(
        "a comment marked deleted",
        "UPDATE raw.comments SET deleted_at = now() WHERE id = {comment}",
        ("comments", MISSING),
    ),
    _one(
        "a changed text",
        "UPDATE raw.comments SET content = 'x' WHERE id = {comment}",
        ("comments", COLUMN),
    ),
    _one(
        "an edited comment",
        """UPDATE raw.comments SET payload = jsonb_set(payload, '{content}', '"x"'), """
        "content = 'x' WHERE id = {comment}",
        ("comments", CONTENT),
    ),
    _one(
        "a stale comment",
        "UPDATE raw.comments "
        """SET payload = jsonb_set(payload, '{updated}', '"2020-01-01T00:00:00Z"') """
        "WHERE id = {comment}",
        ("comments", STALE),
    ),
    _one(
        "a comment too many",
        "INSERT INTO raw.comments SELECT (jsonb_populate_record(c, '{\"id\": 77}')).* FROM "
        "raw.comments c WHERE id = {comment}",
        ("comments", EXTRA),
    ),
    _one(
        "a comment of no issue",
        "INSERT INTO raw.comments "
        """SELECT (jsonb_populate_record(c, '{"id": 77, "issue_id": 88}')).* """
        "FROM raw.comments c WHERE id = {comment}",
        ("comments", EXTRA),
    ),
    _one(
        "a comment at another issue",
        "UPDATE raw.comments SET issue_id = {other} WHERE id = {comment}",
        ("comments", COLUMN),
    ),
    _one(
        "a lost change",
        "DELETE FROM raw.issue_changes WHERE comment_id = {comment}",
        ("issue_changes", MISSING),
    ),
    _one(
        "a changed value",
        "UPDATE raw.issue_changes SET new_value = 'x' WHERE comment_id = "
        "{comment} AND position = 0",
        ("issue_changes", COLUMN),
    ),
    _one(
        "another field",
        """UPDATE raw.issue_changes SET payload = jsonb_set(payload, '{field}', '"x"'), """
        "field = 'x' WHERE comment_id = {comment} AND position = 0",
        ("issue_changes", CONTENT),
    ),
    _one(
        "a change too many",
        "INSERT INTO raw.issue_changes SELECT (jsonb_populate_record(c, '{\"position\": 77}')).* "
        "FROM raw.issue_changes c WHERE comment_id = {comment} AND position = 0",
        ("issue_changes", EXTRA),
    ),
]

LISTS = [
    _one("the space's name", "UPDATE raw.space SET name = 'x'", ("space", COLUMN)),
    _one(
        "the space's payload",
        """UPDATE raw.space SET payload = payload || '{"lang": "xx"}', lang = 'xx'""",
        ("space", CONTENT),
    ),
    _one(
        "a lost user",
        "DELETE FROM raw.users WHERE id = (SELECT max(id) FROM raw.users)",
        ("users", MISSING),
    ),
    _one(
        "a renamed user",
        "UPDATE raw.users SET name = 'x' WHERE id = (SELECT max(id) FROM raw.users)",
        ("users", COLUMN),
    ),
    _one(
        "a user too many",
        "INSERT INTO raw.users SELECT (jsonb_populate_record(u, '{\"id\": 77}')).* "
        "FROM raw.users u LIMIT 1",
        ("users", EXTRA),
    ),
    _one(
        "a lost project",
        "UPDATE raw.projects SET deleted_at = now() WHERE project_key = 'OPS'",
        ("projects", MISSING),
    ),
    _one(
        "a project's payload",
        """UPDATE raw.projects SET payload = payload || '{"useGantt": "x"}' """
        "WHERE project_key = 'OPS'",
        ("projects", CONTENT),
    ),
    _one(
        "lost members",
        "DELETE FROM raw.project_members WHERE user_id % 2 = 0",
        ("project_members", MISSING),
    ),
    _one(
        "a member too many",
        "INSERT INTO raw.project_members SELECT (jsonb_populate_record(m, '{\"user_id\": 77}')).* "
        "FROM raw.project_members m LIMIT 1",
        ("project_members", EXTRA),
    ),
    _one(
        "stale teams",
        """UPDATE raw.teams SET payload = payload || '{"updated": "2020-01-01T00:00:00Z"}'""",
        ("teams", STALE),
    ),
    _one(
        "renamed statuses", "UPDATE raw.statuses SET name = 'x' WHERE id = 1", ("statuses", COLUMN)
    ),
    _one(
        "statuses that cannot be typed",
        """UPDATE raw.statuses SET payload = payload || '{"displayOrder": "x"}' WHERE id = 1""",
        ("statuses", CONTENT),
    ),
    _one("lost types", "DELETE FROM raw.issue_types", ("issue_types", MISSING)),
    _one(
        "categories in another order",
        "UPDATE raw.categories SET display_order = 77",
        ("categories", COLUMN),
    ),
    _one(
        "versions that are due",
        "UPDATE raw.versions SET release_due_date = '1999-01-01'",
        ("versions", COLUMN),
    ),
    _one(
        "choices of a field",
        "UPDATE raw.custom_fields SET items = '[]' WHERE type_id = 5",
        ("custom_fields", COLUMN),
    ),
    _one("a priority", "UPDATE raw.priorities SET name = 'x' WHERE id = 2", ("priorities", COLUMN)),
    _one("a lost resolution", "DELETE FROM raw.resolutions WHERE id = 0", ("resolutions", MISSING)),
]
