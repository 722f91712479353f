"""The role of BI tools: it may read the marts and is created or updated by one call."""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg2 import sql
from sqlalchemy import Connection, Engine, RowMapping, text

from resources.variables import WAREHOUSE_URL, SettingsError
from resources.warehouse.server.roles import (
    Access,
    Password,
    access,
    check_name,
    login_statements,
    role_attributes,
    run,
)

MART = "mart"
#: Schemas of this program that readers of marts may not use.
_OURS = ("raw", "ops", "staging")


@dataclass(frozen=True)
class Limits:
    """How much of the server a reader may use at once.

    A statement that reads a mart blocks its replacement by a build, and other readers wait behind
    the build. So statements and idle transactions are limited in time. The number of connections is
    enforced. The times only protect against accidents: a session may change them, and a build that
    waits too long fails (`lock_timeout` of the dbt project).
    """

    connections: int = 20
    statement_seconds: int = 120

    def settings(self, version: int, *, by_superuser: bool) -> dict[str, str]:
        """Return the settings of the role that its creator may set, for a server version such as
        170002.
        """
        settings = {
            "default_transaction_read_only": "on",
            "statement_timeout": f"{self.statement_seconds}s",
            "idle_in_transaction_session_timeout": "1min",
            "search_path": MART,
        }
        if version >= _WITH_TRANSACTION_TIMEOUT:
            settings["transaction_timeout"] = f"{5 * self.statement_seconds}s"
        if by_superuser:
            settings["temp_file_limit"] = "10GB"
        return settings


_WITH_TRANSACTION_TIMEOUT = 170_000

_HERE = text(
    """
    SELECT current_user AS loader, current_database() AS database,
        current_setting('server_version_num')::int AS version,
        current_setting('is_superuser') = 'on' AS by_superuser,
        has_database_privilege(:who, current_database(), 'CONNECT') AS connects,
        ARRAY(SELECT nspname::text FROM pg_namespace WHERE nspname = ANY(:schemas)
            ORDER BY 1) AS schemas
    """
)
_OF_EVERYBODY = text(
    """
    SELECT n.nspname, a.privilege_type
    FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n',
        n.nspowner))) AS a
    WHERE a.grantee = 0 AND (n.nspname = ANY(:ours) OR n.nspname = 'public'
        AND a.privilege_type = 'CREATE')
        AND pg_has_role(n.nspowner, 'USAGE')
    ORDER BY 1, 2
    """
)
_OTHERS = text(
    "SELECT rolname FROM pg_roles "
    "WHERE (NOT rolsuper OR rolname = current_user) AND rolname <> :role AND "
    "rolname !~ '^pg_' ORDER BY 1"
)
_TOO_MUCH = text(
    """
    SELECT p.privilege || ' on schema ' || n.nspname
    FROM pg_namespace AS n CROSS JOIN (VALUES ('CREATE'), ('USAGE')) AS p (privilege)
    WHERE has_schema_privilege(:role, n.oid, p.privilege)
        AND (n.nspname = ANY(:ours) OR p.privilege = 'CREATE' AND n.nspname IN ('public', :mart))
    ORDER BY 1
    """
)


def grant_bi(
    engine: Engine, role: str, password_given: str | None, limits: Limits | None = None
) -> Access:
    """Let a role log in and read schema `mart`, now and after each build, and nothing else.
    Repeating it changes nothing.

    The limits are those given, else the defaults, whatever the role had before. A new role gets a
    random password if none is given; an existing one keeps its password. The server gets only a
    SCRAM verifier.

    Raises:
        SettingsError: `role` is not a valid name, or the role has other rights.
        WarehouseError: the loader may not create roles; the message has the statements for an
            administrator.
    """
    check_name(role)
    with engine.begin() as conn:
        known = role_attributes(conn, role)
        if known and known["is_owner"]:
            raise SettingsError(
                "--role", role, "a role that can do nothing else; this one owns tables"
            )
        password = Password.choose(password_given, known)
        verifier = password.verifier(conn, role)
        run(
            conn,
            list(_statements(conn, role, known, verifier, limits or Limits())),
            verifier,
            WAREHOUSE_URL,
        )
        too_much = tuple(
            conn.execute(_TOO_MUCH, {"role": role, "ours": list(_OURS), "mart": MART}).scalars()
        )
    return access(engine.url, role, (MART,), password, created=known is None, too_much=too_much)


def _statements(
    conn: Connection, role: str, known: RowMapping | None, verifier: str | None, limits: Limits
) -> Iterator[sql.Composed]:
    """Yield the statements that set up the role; for an existing one only the differences."""
    # A role that does not exist yet can connect if PUBLIC can.
    asked = {"who": role if known else "public", "schemas": [MART, *_OURS]}
    here = conn.execute(_HERE, asked).mappings().one()
    names = {"role": sql.Identifier(role), "mart": sql.Identifier(MART)}
    names |= {
        "loader": sql.Identifier(here["loader"]),
        "database": sql.Identifier(here["database"]),
    }

    def said(statement: str, **more: sql.Composable) -> sql.Composed:
        return sql.SQL(statement).format(**names, **more)

    yield from login_statements(role, known, verifier)
    if known is None or known["connections"] != limits.connections:
        yield said(
            "ALTER ROLE {role} CONNECTION LIMIT {number}", number=sql.Literal(limits.connections)
        )
    for name, value in limits.settings(here["version"], by_superuser=here["by_superuser"]).items():
        if known is None or f"{name}={value}" not in known["settings"]:
            yield said(
                "ALTER ROLE {role} SET {name} = {value}",
                name=sql.Identifier(name),
                value=sql.Literal(value),
            )
    if not here["connects"]:
        yield said("GRANT CONNECT ON DATABASE {database} TO {role}")
    others = sql.SQL(", ").join(
        map(sql.Identifier, conn.execute(_OTHERS, {"role": role}).scalars())
    )
    for schema, privilege in conn.execute(_OF_EVERYBODY, {"ours": list(_OURS)}):
        # Existing roles keep the rights that PUBLIC had.
        what = {"privilege": sql.SQL(privilege), "schema": sql.Identifier(schema)}
        yield said("GRANT {privilege} ON SCHEMA {schema} TO {others}", others=others, **what)
        yield said("REVOKE {privilege} ON SCHEMA {schema} FROM PUBLIC", **what)
    for schema in map(sql.Identifier, sorted({*_OURS} & {*here["schemas"]})):
        yield said("REVOKE ALL ON SCHEMA {schema} FROM {role}", schema=schema)
        yield said("REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}", schema=schema)
        yield said(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {loader} IN SCHEMA {schema} REVOKE "
            "ALL ON TABLES FROM {role}",
            schema=schema,
        )
    if MART not in here["schemas"]:
        yield said("CREATE SCHEMA {mart} AUTHORIZATION {loader}")
    yield said("REVOKE ALL ON SCHEMA {mart} FROM {role}")
    yield said("GRANT USAGE ON SCHEMA {mart} TO {role}")
    yield said("REVOKE ALL ON ALL TABLES IN SCHEMA {mart} FROM {role}")
    yield said("GRANT SELECT ON ALL TABLES IN SCHEMA {mart} TO {role}")
    # dbt creates the tables again in each build.
    yield said(
        "ALTER DEFAULT PRIVILEGES FOR ROLE {loader} IN SCHEMA {mart} GRANT "
        "SELECT ON TABLES TO {role}"
    )
