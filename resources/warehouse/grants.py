"""Who may read the warehouse: roles for other programs, made and brought up to date by one call each.

Add here: another kind of role. Keep out: tables and schemas (`schema.py`, `migrations`), what a command prints (`pipelines`).
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from psycopg2 import errorcodes, sql
from psycopg2.extensions import connection as PgConnection  # noqa: N812 - psycopg2 writes its class in small letters
from psycopg2.extensions import encrypt_password
from sqlalchemy import URL, Connection, Engine, RowMapping, text

from resources.settings import SettingsError
from resources.warehouse.errors import WarehouseError

MART = "mart"
#: Schemas of this program that readers of marts have no business in.
_OURS = ("raw", "ops", "staging")
_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_RESERVED = {"public", "none"}
#: What of the loader's URL is of use to other clients: not its files of keys, and not the limits of its own connections.
_OF_CLIENTS = {"sslmode"}

#: Guards against accidents; the barrier is the grants. A statement that reads a mart keeps a build from replacing it, and all
#: others from reading it meanwhile: so none may last for ever, nor may a transaction that does nothing.
SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "2min",
    "idle_in_transaction_session_timeout": "5min",
    "search_path": MART,
}

_ABOUT_ROLE = text(
    """
    SELECT r.rolcanlogin, coalesce(r.rolconfig, '{}') AS settings,
        r.rolname IN (current_user, session_user) AS is_loader,
        r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls AS is_powerful,
        ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members AS m WHERE m.member = r.oid ORDER BY 1) AS member_of,
        EXISTS (SELECT FROM pg_class AS c WHERE c.relowner = r.oid) AS is_owner
    FROM pg_roles AS r WHERE r.rolname = :role
    """
)
_HERE = text(
    """
    SELECT current_user AS loader, current_database() AS database,
        has_database_privilege(:who, current_database(), 'CONNECT') AS connects,
        ARRAY(SELECT nspname::text FROM pg_namespace WHERE nspname = ANY(:schemas) ORDER BY 1) AS schemas
    """
)
_OF_EVERYBODY = text(
    """
    SELECT n.nspname, a.privilege_type
    FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
    WHERE a.grantee = 0 AND (n.nspname = ANY(:ours) OR n.nspname = 'public' AND a.privilege_type = 'CREATE')
        AND pg_has_role(n.nspowner, 'USAGE')
    ORDER BY 1, 2
    """
)
_OTHERS = text(
    "SELECT rolname FROM pg_roles "
    "WHERE (NOT rolsuper OR rolname = current_user) AND rolname <> :role AND rolname !~ '^pg_' ORDER BY 1"
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


@dataclass(frozen=True)
class Access:
    """What a role has got: how to connect, and what it can do besides because everybody can."""

    role: str
    created: bool
    url: str
    """For psql and SQLAlchemy; without the password."""
    host: str
    port: int
    database: str
    too_much: tuple[str, ...]
    password_set: bool
    new_password: str | None = field(repr=False)
    """The random password of a role that was made without one being given; it is kept nowhere."""


def check_name(role: str) -> None:
    """Raise SettingsError unless the name can be that of a role for readers."""
    if not _NAME.fullmatch(role) or role in _RESERVED:
        raise SettingsError("--role", role, "small letters, digits and _, not beginning with a digit or pg_, 63 at most")


def grant_bi(engine: Engine, role: str, password: str | None) -> Access:
    """Let a role log in and read schema `mart`, now and after each build, and nothing else; the same again changes nothing.

    A role that is new gets a random password where none is given, one that exists keeps the password that it has. The server
    is told only a SCRAM verifier of it.

    Raises:
        SettingsError: `role` is no name for it, or a role that can do other things.
        WarehouseError: the loader may not make roles; the message has the statements for somebody who may.
    """
    check_name(role)
    with engine.begin() as conn:
        known = conn.execute(_ABOUT_ROLE, {"role": role}).mappings().first()
        if known:
            _refuse(role, known)
        made_up = None if password or known else secrets.token_urlsafe(24)
        driver = conn.connection.driver_connection
        assert isinstance(driver, PgConnection)  # noqa: S101 - the only driver
        given = password or made_up
        verifier = encrypt_password(given, role, scope=driver, algorithm="scram-sha-256") if given else None
        _run(conn, [one.as_string(driver) for one in _statements(conn, role, known, verifier)], verifier)
        too_much = tuple(conn.execute(_TOO_MUCH, {"role": role, "ours": list(_OURS), "mart": MART}).scalars())
    query = {name: str(value) for name, value in engine.url.query.items()}
    host, port = engine.url.host or query.get("host", "localhost"), engine.url.port or int(query.get("port", 5432))
    database = engine.url.database or query.get("dbname", "")
    kept = {name: value for name, value in query.items() if name in _OF_CLIENTS}
    url = URL.create("postgresql", username=role, database=database, query=kept)
    # A folder of sockets cannot stand where the name of a host does.
    url = url.update_query_dict({"host": host, "port": str(port)}) if host.startswith("/") else url.set(host=host, port=port)
    return Access(
        role=role,
        created=known is None,
        url=url.render_as_string(),
        host=host,
        port=port,
        database=database,
        too_much=too_much,
        password_set=password is not None,
        new_password=made_up,
    )


def _refuse(role: str, known: RowMapping) -> None:
    if known["is_loader"]:
        raise SettingsError("--role", role, "another role than the one that loads (the user of WAREHOUSE_URL)")
    if known["is_powerful"] or known["is_owner"]:
        raise SettingsError("--role", role, "a role that can do nothing else; this one is an administrator or owns tables")
    if known["member_of"]:
        raise SettingsError(
            "--role", role, f"a role that can do nothing else; this one has the rights of {', '.join(known['member_of'])}"
        )


def _statements(conn: Connection, role: str, known: RowMapping | None, verifier: str | None) -> Iterator[sql.Composed]:
    """Yield what makes the role as it should be; of a role that is known only what differs."""
    # Of a role that is still to be made one can know that everybody may connect.
    asked = {"who": role if known else "public", "schemas": [MART, *_OURS]}
    here = conn.execute(_HERE, asked).mappings().one()
    names = {"role": sql.Identifier(role), "mart": sql.Identifier(MART)}
    names |= {"loader": sql.Identifier(here["loader"]), "database": sql.Identifier(here["database"])}

    def said(statement: str, **more: sql.Composable) -> sql.Composed:
        return sql.SQL(statement).format(**names, **more)

    if known is None:
        yield said("CREATE ROLE {role} LOGIN")
    elif not known["rolcanlogin"]:
        yield said("ALTER ROLE {role} LOGIN")
    if verifier:
        yield said("ALTER ROLE {role} PASSWORD {password}", password=sql.Literal(verifier))
    for name, value in SETTINGS.items():
        if known is None or f"{name}={value}" not in known["settings"]:
            yield said("ALTER ROLE {role} SET {name} = {value}", name=sql.Identifier(name), value=sql.Literal(value))
    if not here["connects"]:
        yield said("GRANT CONNECT ON DATABASE {database} TO {role}")
    others = sql.SQL(", ").join(map(sql.Identifier, conn.execute(_OTHERS, {"role": role}).scalars()))
    for schema, privilege in conn.execute(_OF_EVERYBODY, {"ours": list(_OURS)}):
        # Each role that there is keeps what everybody had.
        what = {"privilege": sql.SQL(privilege), "schema": sql.Identifier(schema)}
        yield said("GRANT {privilege} ON SCHEMA {schema} TO {others}", others=others, **what)
        yield said("REVOKE {privilege} ON SCHEMA {schema} FROM PUBLIC", **what)
    for schema in map(sql.Identifier, sorted({*_OURS} & {*here["schemas"]})):
        yield said("REVOKE ALL ON SCHEMA {schema} FROM {role}", schema=schema)
        yield said("REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}", schema=schema)
        yield said("ALTER DEFAULT PRIVILEGES FOR ROLE {loader} IN SCHEMA {schema} REVOKE ALL ON TABLES FROM {role}", schema=schema)
    if MART not in here["schemas"]:
        yield said("CREATE SCHEMA {mart} AUTHORIZATION {loader}")
    yield said("REVOKE ALL ON SCHEMA {mart} FROM {role}")
    yield said("GRANT USAGE ON SCHEMA {mart} TO {role}")
    yield said("REVOKE ALL ON ALL TABLES IN SCHEMA {mart} FROM {role}")
    yield said("GRANT SELECT ON ALL TABLES IN SCHEMA {mart} TO {role}")
    # dbt makes the tables anew with each build.
    yield said("ALTER DEFAULT PRIVILEGES FOR ROLE {loader} IN SCHEMA {mart} GRANT SELECT ON TABLES TO {role}")


def _run(conn: Connection, statements: list[str], verifier: str | None) -> None:
    try:
        for statement in statements:
            # No parameters: a percent sign in a name is no placeholder.
            conn.exec_driver_sql(statement, execution_options={"no_parameters": True})
    except WarehouseError as error:
        if getattr(error.__cause__, "pgcode", None) != errorcodes.INSUFFICIENT_PRIVILEGE:
            raise
        script = "; ".join(statements)
        # Not chained: that would show the verifier.
        raise WarehouseError(
            "The user of WAREHOUSE_URL may not make or change this role. Let an administrator run this in the warehouse, with a "
            f"password in place of the dots, then run the command again: {script.replace(verifier, '…') if verifier else script};"
        ) from None
