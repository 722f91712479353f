"""Roles in PostgreSQL: how to create one, which existing roles are refused, and how to connect as
one.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from psycopg2 import errorcodes, sql

# psycopg2 writes its class in small letters
from psycopg2.extensions import connection as PgConnection  # noqa: N812
from psycopg2.extensions import encrypt_password
from sqlalchemy import URL, Connection, RowMapping, text

from resources.variables import SettingsError
from resources.warehouse.warehouse_errors import WarehouseError

_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_RESERVED = {"public", "none"}
#: Options of the administrator's URL that other clients need; not its key files and connection
#: limits.
_OF_CLIENTS = {"sslmode"}

_ABOUT_ROLE = text(
    """
    SELECT r.rolcanlogin, coalesce(r.rolconfig, '{}') AS settings, r.rolconnlimit AS connections,
        r.rolname IN (current_user, session_user) AS is_own,
        r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication
            OR r.rolbypassrls AS is_powerful,
        ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members AS m WHERE m.member = r.oid
            ORDER BY 1) AS member_of,
        EXISTS (SELECT FROM pg_class AS c WHERE c.relowner = r.oid) AS is_owner
    FROM pg_roles AS r WHERE r.rolname = :role
    """
)


@dataclass(frozen=True)
class Access:
    """How to connect as a role, and the rights that it has because every role has them."""

    role: str
    created: bool
    schemas: tuple[str, ...]
    """The schemas that it may use."""
    url: str
    """For psql and SQLAlchemy; without the password."""
    host: str
    port: int
    database: str
    too_much: tuple[str, ...]
    password_set: bool
    new_password: str | None = field(repr=False)
    """The random password of a new role without a given one; it is not stored anywhere."""


def check_name(role: str) -> None:
    """Raise SettingsError unless the text is a valid name for a new role."""
    if not _NAME.fullmatch(role) or role in _RESERVED:
        raise SettingsError(
            "--role",
            role,
            "small letters, digits and _, not beginning with a digit or pg_, 63 at most",
        )


def role_attributes(conn: Connection, role: str) -> RowMapping | None:
    """Return the attributes of a role, None when there is none.

    Raises:
        SettingsError: it has other rights: it is an administrator, or a member of another role.
    """
    known = conn.execute(_ABOUT_ROLE, {"role": role}).mappings().first()
    if known and known["is_own"]:
        raise SettingsError(
            "--role", role, "another role than the one that makes it (the user of the URL)"
        )
    if known and known["is_powerful"]:
        raise SettingsError(
            "--role", role, "a role that can do nothing else; this one is an administrator"
        )
    if known and known["member_of"]:
        raise SettingsError(
            "--role",
            role,
            "a role that can do nothing else; this one has the rights of "
            f"{', '.join(known['member_of'])}",
        )
    return known


@dataclass(frozen=True)
class Password:
    """The password of a role: a given one, a random one of a new role, or an unchanged one."""

    given: str | None = field(repr=False)
    made_up: str | None = field(repr=False)

    @classmethod
    def choose(cls, given: str | None, known: RowMapping | None) -> "Password":
        """Return the password for a role."""
        return cls(given, None if given or known else secrets.token_urlsafe(24))

    def verifier(self, conn: Connection, role: str) -> str | None:
        """Return a SCRAM verifier for the server: it may log statements, so it does not get the
        password.
        """
        password = self.given or self.made_up
        return (
            encrypt_password(password, role, scope=_driver(conn), algorithm="scram-sha-256")
            if password
            else None
        )


def login_statements(
    role: str, known: RowMapping | None, verifier: str | None
) -> Iterator[sql.Composed]:
    """Yield the statements that let a role log in; for an existing one only the differences."""
    if known is None:
        yield sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role))
    elif not known["rolcanlogin"]:
        yield sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role))
    if verifier:
        yield sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(role), sql.Literal(verifier)
        )


def run(
    conn: Connection, statements: Sequence[sql.Composed], verifier: str | None, variable: str
) -> None:
    """Run statements; `variable` has the URL of the connection.

    Raises:
        WarehouseError: the user lacks the rights; the message has the statements for an
            administrator.
    """
    script = [one.as_string(_driver(conn)) for one in statements]
    try:
        for statement in script:
            # No parameters, so that a percent sign in a name is not a placeholder.
            conn.exec_driver_sql(statement, execution_options={"no_parameters": True})
    except WarehouseError as error:
        if getattr(error.__cause__, "pgcode", None) != errorcodes.INSUFFICIENT_PRIVILEGE:
            raise
        shown = "; ".join(script)
        # Not chained: that would show the verifier.
        raise WarehouseError(
            f"The user of {variable} may not create or change this role. Let an administrator "
            "run this in that database, with a "
            "password in place of the dots, then run the command again: "
            f"{shown.replace(verifier, '…') if verifier else shown};",
            cause="database_refused",
        ) from None


def _driver(conn: Connection) -> PgConnection:
    driver = conn.connection.driver_connection
    assert isinstance(driver, PgConnection)  # noqa: S101 - the only driver
    return driver


def access(
    url: URL,
    role: str,
    schemas: tuple[str, ...],
    password: Password,
    *,
    created: bool,
    too_much: tuple[str, ...] = (),
) -> Access:
    """Return how to connect as a role to the database of a URL."""
    query = {name: str(value) for name, value in url.query.items()}
    host, port = (
        url.host or query.get("host", "localhost"),
        url.port or int(query.get("port", 5432)),
    )
    database = url.database or query.get("dbname", "")
    kept = {name: value for name, value in query.items() if name in _OF_CLIENTS}
    own = URL.create("postgresql", username=role, database=database, query=kept)
    # A socket folder cannot be the host of a URL.
    own = (
        own.update_query_dict({"host": host, "port": str(port)})
        if host.startswith("/")
        else own.set(host=host, port=port)
    )
    return Access(
        role=role,
        created=created,
        schemas=schemas,
        url=own.render_as_string(),
        host=host,
        port=port,
        database=database,
        too_much=too_much,
        password_set=password.given is not None,
        new_password=password.made_up,
    )
