"""Creates engines from URLs; their errors are one clear line without a secret."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from resources.warehouse.server.pooler import POOLED
from resources.warehouse.server.server_errors import refusal
from resources.warehouse.warehouse_errors import WarehouseError

OLDEST_VERSION = 14

#: Settings of a connection unless the URL has others. A load is idle for minutes while it reads or
#: waits. Keepalives stop firewalls from closing the connection, and detect a dead one within
#: minutes. Unix sockets ignore them.
_CONNECTION = {
    "connect_timeout": "10",
    "application_name": "backlog-elt",
    "keepalives_idle": "60",
    "keepalives_interval": "15",
    "keepalives_count": "4",
    "tcp_user_timeout": "120000",
}
#: Sent when a connection opens; it overrides PGCLIENTENCODING, the role and the URL.
_UTF8 = {"client_encoding": "utf8"}
#: The same on the server's side: the locks and transactions of a vanished machine are released
#: within minutes, not hours. Statements see what others have committed meanwhile, whatever the
#: default of the role. All this is SQL, because poolers refuse `options` in the URL. The number of
#: the answering process reveals a pooler.
_SESSION = (
    "SET TIME ZONE 'UTC'; SET tcp_keepalives_idle = 60; SET tcp_keepalives_interval = 15; "
    "SET tcp_keepalives_count = 4; SET default_transaction_isolation = 'read committed'; "
    "SELECT pg_backend_pid()"
)
#: A connection that was idle for this many seconds is tested before use.
RESTED_SECONDS = 1.0


def parse_url(url: str) -> URL:
    """Return the URL with the driver used here; accepts `postgres://` and `postgresql://`.

    Raises:
        WarehouseError: it is not a PostgreSQL URL; the message does not repeat it, since it may
            hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername.split("+")[0] not in {"postgres", "postgresql"}:
        raise WarehouseError(
            "WAREHOUSE_URL cannot be read: expected postgresql://user:password@host:5432/database.",
            cause="database_refused",
        )
    if "@" in (parsed.host or ""):
        raise WarehouseError(
            "WAREHOUSE_URL cannot be read: write an @ in the password as %40, since the "
            "host begins after the first.",
            cause="database_refused",
        )
    return parsed.set(drivername="postgresql+psycopg2")


def in_utf8(url: str) -> str:
    """Return the URL for connections made by others, with UTF-8 as their encoding."""
    rendered = make_url(url).update_query_dict(_UTF8).render_as_string(hide_password=False)
    address, mark, query = rendered.partition("?")
    return address + mark + query.replace("+", "%20")  # libpq would take a + for itself


def socket_folder(url: str) -> str:
    """Return the folder of a URL's Unix socket, an empty text if the URL has a host."""
    parsed = parse_url(url)
    host = parsed.host or str(parsed.query.get("host", ""))
    return host if host.startswith("/") else ""


def mask(url: str) -> str:
    """Return the URL with its secrets masked; without a password a client can use it."""
    parsed = parse_url(url)
    query = {
        name: "***" if "password" in name.lower() else value for name, value in parsed.query.items()
    }
    return parsed.set(drivername="postgresql", query=query).render_as_string(hide_password=True)


def engine(url: str, *, pool_size: int = 3) -> Engine:
    """Return an engine on the warehouse, without connecting. With `pool_size` 0 each use has its
    own connection.

    Sessions use UTC and UTF-8. An idle pooled connection is tested before use, so a restart of the
    server causes no error. Failures of the server are raised as WarehouseError; a refused record
    stays SQLAlchemy's DBAPIError.

    Raises:
        WarehouseError: at once for a bad URL, and from any later use of the engine.
    """
    parsed = parse_url(url)
    pool: dict[str, Any] = {"pool_size": pool_size} if pool_size else {"poolclass": NullPool}
    made = create_engine(
        parsed.set(query={**_CONNECTION, **parsed.query}),
        connect_args=_UTF8,
        hide_parameters=True,
        use_native_hstore=False,
        **pool,
    )
    event.listen(made, "handle_error", _translate)
    event.listen(made, "connect", _prepare_session)
    event.listen(made, "checkin", _note_rest)
    event.listen(made, "checkout", partial(_test_rested, made))
    return made


@contextmanager
def opened_engine(url: str, *, pool_size: int = 3) -> Iterator[Engine]:
    """Yield an engine as `engine` does, and close its connections."""
    made = engine(url, pool_size=pool_size)
    try:
        yield made
    finally:
        made.dispose()


def check_tables(url: str, table: str) -> None:
    """Connect once, and check that a table exists or can be created in the default schema.

    Raises:
        WarehouseError: the server cannot be used, or the user may not create tables in that
            database.
    """
    usable = text(
        "SELECT to_regclass(:name) IS NOT NULL OR has_schema_privilege(current_schema(), 'CREATE')"
    )
    with opened_engine(url) as made, made.connect() as connection:
        if not connection.execute(usable, {"name": table}).scalar_one():
            raise WarehouseError(
                "The user of WAREHOUSE_URL may not create tables there: make it "
                "the owner of that database.",
                cause="database_refused",
            )


def has_table(url: str, name: str) -> bool:
    """Return whether a database has a table, such as `ops.alembic_version`.

    Raises:
        WarehouseError: the server cannot be used.
    """
    exists = text("SELECT to_regclass(:name) IS NOT NULL")
    with engine(url, pool_size=0).connect() as connection:
        return bool(connection.execute(exists, {"name": name}).scalar_one())


def _note_rest(_connection: Any, entry: ConnectionPoolEntry) -> None:
    entry.info["rests_since"] = monotonic()


def _test_rested(made: Engine, connection: Any, entry: ConnectionPoolEntry, _fairy: Any) -> None:
    """Make the pool connect again if the server was restarted.

    Testing before each use (`pool_pre_ping`) would add one round trip to the four of a short read.
    """
    rested = monotonic() - entry.info.get("rests_since", monotonic())
    if rested > RESTED_SECONDS or _has_spoken(connection):
        try:
            made.dialect.do_ping(connection)
        except made.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _has_spoken(connection: Any) -> bool:
    """Whether the server has sent something unrequested, as before it closes a connection."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


def _prepare_session(connection: Any, entry: ConnectionPoolEntry) -> None:
    version = connection.server_version
    if version < OLDEST_VERSION * 10_000:
        raise WarehouseError(
            f"PostgreSQL {version // 10_000} is too old: {OLDEST_VERSION} or later is needed.",
            cause="database_unfit",
        )
    encoding = connection.get_parameter_status("server_encoding")
    if encoding != "UTF8":
        raise WarehouseError(
            f"The database is encoded as {encoding}: create one with ENCODING "
            "'UTF8' TEMPLATE template0.",
            cause="database_unfit",
        )
    if connection.encoding != "UTF8":  # a pooler may have settings of its own
        connection.set_client_encoding("UTF8")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(_SESSION)
        entry.info[POOLED] = cursor.fetchone() != (connection.info.backend_pid,)
    connection.autocommit = False


def _translate(context: ExceptionContext) -> None:
    """Raise a WarehouseError for an error of the server; ignore errors of a statement or
    its data.
    """
    if context.sqlalchemy_exception is None:
        return
    error = context.original_exception
    found = refusal(error, connecting=context.connection is None)
    if found is not None:
        raise WarehouseError(found.line, cause=found.cause) from error
