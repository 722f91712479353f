"""The roles that write: the loader of the warehouse and the owner of Dagster's storage, each
limited to its own tables.

An administrator creates them. They become the owners of existing tables, so that a deployment that
began as an administrator can continue with fewer rights.
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

#: The schemas that the loader creates and owns.
LOADED = ("raw", "ops", "staging", "mart")
#: The schema of Dagster's tables, in a database of its own.
DAGSTER = ("public",)

_SCHEMAS = text(
    "SELECT nspname, pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = "
    "ANY(:schemas) ORDER BY 1"
)
#: Indexes and sequences of a table follow its owner.
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
    """Let a role load the warehouse: create schemas in this database and own those of this program.
    Repeating it changes nothing.

    Raises:
        SettingsError: `role` is not a valid name, or the role has other rights.
        WarehouseError: the user may not create roles; the message has the statements for an
            administrator.
    """
    return _grant(engine, role, LOADED, WAREHOUSE_URL)


def grant_dagster(engine: Engine, role: str) -> Access:
    """Let a role own Dagster's storage in this database, and nothing else. Repeating it changes
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
