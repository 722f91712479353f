"""Who may write: the role that loads the warehouse and the one of Dagster's storage, each with the
rights to its own and no more.

An administrator makes them; what is there already becomes theirs, so that a deployment that began
as an administrator can go on with less.
"""

from collections.abc import Iterator

from psycopg2 import sql
from sqlalchemy import Connection, Engine, RowMapping, text

from resources.variables import DAGSTER_POSTGRES_URL, WAREHOUSE_URL
from resources.warehouse.server.roles import (
    Access,
    Password,
    access,
    check_name,
    login_statements,
    role_attributes,
    run,
)

#: What the loader makes and so owns.
LOADED = ("raw", "ops", "staging", "mart")
#: Where Dagster has its tables, in a database of its own.
DAGSTER = ("public",)

_SCHEMAS = text(
    "SELECT nspname, pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = "
    "ANY(:schemas) ORDER BY 1"
)
#: What belongs to a table (its indexes, the sequences of its identities) follows it.
_OTHERS = text(
    """
    SELECT n.nspname, c.relname, c.relkind::text AS kind
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(:schemas) AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
        AND pg_get_userbyid(c.relowner) <> :role
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid
            AND d.deptype IN ('a', 'i', 'e'))
    ORDER BY 1, 2
    """
)
_KINDS = {"v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE"}


def grant_loader(engine: Engine, role: str) -> Access:
    """Let a role load the warehouse: make schemas in this database and own those of this program;
    the same again changes nothing.

    Raises:
        SettingsError: `role` is no name for it, or a role that can do other things.
        WarehouseError: the user may not make roles; the message has the statements for somebody who
            may.
    """
    return _grant(engine, role, LOADED, WAREHOUSE_URL)


def grant_dagster(engine: Engine, role: str) -> Access:
    """Let a role keep Dagster's storage in this database, and nothing else; the same again changes
    nothing.

    Raises:
        SettingsError, WarehouseError: as `grant_loader`.
    """
    return _grant(engine, role, DAGSTER, DAGSTER_POSTGRES_URL)


def _grant(engine: Engine, role: str, schemas: tuple[str, ...], variable: str) -> Access:
    check_name(role)
    with engine.begin() as conn:
        known = role_attributes(conn, role)
        password = Password.choose(None, known)
        verifier = password.verifier(conn, role)
        run(conn, list(_owner_statements(conn, role, known, verifier, schemas)), verifier, variable)
    return access(engine.url, role, schemas, password, created=known is None)


def _owner_statements(
    conn: Connection,
    role: str,
    known: RowMapping | None,
    verifier: str | None,
    schemas: tuple[str, ...],
) -> Iterator[sql.Composed]:
    own = sql.Identifier(role)
    database = sql.Identifier(str(conn.execute(text("SELECT current_database()")).scalar_one()))
    yield from login_statements(role, known, verifier)
    rights = "CONNECT, TEMPORARY" if schemas == DAGSTER else "CONNECT, TEMPORARY, CREATE"
    yield sql.SQL(f"GRANT {rights} ON DATABASE {{}} TO {{}}").format(database, own)
    for schema, owner in conn.execute(_SCHEMAS, {"schemas": list(schemas)}):
        if schemas == DAGSTER:
            yield sql.SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(
                sql.Identifier(schema), own
            )
        elif owner != role:
            yield sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(sql.Identifier(schema), own)
    for schema, name, kind in conn.execute(_OTHERS, {"schemas": list(schemas), "role": role}):
        what = sql.SQL(_KINDS.get(kind, "TABLE"))
        yield sql.SQL("ALTER {} {} OWNER TO {}").format(what, sql.Identifier(schema, name), own)
