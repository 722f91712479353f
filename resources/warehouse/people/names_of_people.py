"""The names and other texts by which the warehouse knows a user: what `forget` erases."""

from sqlalchemy import Connection, Text, cast, select, text

from resources.masking import identity_of
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.schema_ops_records import names

_AT_ONCE = 500

#: Names of a person who is already forgotten, shown as `:gone` in rows. Change logs have no ids,
#: but their entries connect: the assignee set by one change is replaced by the next, and the last
#: one set is the present assignee. A name that another person is known to have is not returned.
_IN_CHANGE_LOGS = text(
    """
    WITH logged AS (
        SELECT c.issue_id, c.old_value, c.new_value,
            lag(c.new_value) OVER o AS value_before, lead(c.old_value) OVER o AS value_after,
            lead(c.comment_id) OVER o IS NULL AS last
        FROM raw.issue_changes AS c
        WHERE c.space_key = :space_key AND c.field = 'assignee' AND c.deleted_at IS NULL
        WINDOW o AS (PARTITION BY c.issue_id ORDER BY c.created_at, c.comment_id, c.position)
    ), found AS (
        SELECT old_value AS name FROM logged WHERE value_before = :gone
        UNION SELECT new_value FROM logged WHERE value_after = :gone
        UNION SELECT l.new_value FROM logged AS l
        JOIN raw.issues AS i ON i.space_key = :space_key AND i.id = l.issue_id
        WHERE l.last AND i.assignee_id = :user_id AND i.deleted_at IS NULL
    )
    SELECT f.name FROM found AS f
    WHERE f.name IS NOT NULL AND f.name NOT LIKE 'forgotten-%'
        AND NOT EXISTS (SELECT FROM raw.users AS u WHERE u.space_key = :space_key
            AND u.name = f.name)
        AND NOT EXISTS (SELECT FROM ops.names AS n WHERE n.space_key = :space_key
            AND n.kind = 'users' AND n.name = f.name)
    """
)


def known_by(conn: Connection, space_key: str, user_id: int) -> tuple[set[str], set[str]]:
    """Return the names that a user has or had in raw and ops, and all texts that identify the user,
    names included.
    """
    called: set[str] = set()
    texts: set[str] = set()
    for spec in SPECS.values():
        payload = spec.table.c.payload
        query = select(payload).where(
            spec.table.c.space_key == space_key, cast(payload, Text).like(f'%"id": {user_id}%')
        )
        for record in conn.execute(query.execution_options(yield_per=_AT_ONCE)).scalars():
            named = identity_of(record, user_id)
            texts |= {value for _, value in named}
            called |= {value for name, value in named if name == "name"}
    columns = names.c
    of_user = (columns.space_key == space_key, columns.kind == "users", columns.id == user_id)
    called.update(conn.execute(select(columns.name.distinct()).where(*of_user)).scalars())
    changes = SPECS["issue_changes"].table.c
    for value, identifier in (
        (changes.old_value, changes.old_id),
        (changes.new_value, changes.new_id),
    ):
        query = select(value.distinct()).where(
            changes.space_key == space_key,
            changes.field == "assignee",
            identifier == user_id,
            value.is_not(None),
        )
        called.update(conn.execute(query).scalars())
    gone = f"forgotten-{user_id}"
    if gone in called:
        of_logs = conn.execute(
            _IN_CHANGE_LOGS, {"space_key": space_key, "user_id": user_id, "gone": gone}
        )
        called.update(of_logs.scalars())
    return called - {gone}, (texts | called) - {gone}
