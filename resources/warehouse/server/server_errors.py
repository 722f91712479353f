"""What an error of PostgreSQL means: the code of its cause, and a line that says what to do.

By SQLSTATE. Only what libpq says of a connection that was not made is read as text.
"""

import re
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from resources.problems.causes import Failure
from resources.warehouse.server import embedded_log

_UNUSABLE = "The warehouse cannot be used ({}): "
_CHECK = "check WAREHOUSE_URL and the server, and run again"
_TEMPORARY = "let an administrator of the server raise temp_file_limit for this role, and run again"
_STOPPED = (
    "PostgreSQL has stopped or is restarting: run again when it answers; what was committed is kept"
)
_LOST = ("database_stopped", f"{_UNUSABLE}{_STOPPED}.")
#: What an error of the server means, by its SQLSTATE or the class of that: the code of the cause,
#: and a line around what the server says.
_BY_STATE = {
    "08": _LOST,
    "25006": (
        "database_refused",
        "The PostgreSQL server is read-only: point WAREHOUSE_URL at the primary ({}).",
    ),
    "40001": (
        "database_busy",
        "PostgreSQL undid the work because another program got in between: run again ({}).",
    ),
    "40P01": (
        "database_busy",
        "PostgreSQL broke a deadlock with another program: run again ({}).",
    ),
    "42501": (
        "database_refused",
        (
            "The user of WAREHOUSE_URL lacks a right: grant it CREATE on the "
            "database and its own schemas ({})."
        ),
    ),
    "42P01": (
        "table_missing",
        (
            "A table of the warehouse is missing: restore a backup, or load into an empty "
            "database ({})."
        ),
    ),
    "42P07": (
        "database_refused",
        (
            "The database holds a table of another program where one of ours belongs: give "
            "WAREHOUSE_URL a database of its own ({})."
        ),
    ),
    "53": ("database_busy", f"{_UNUSABLE}{_CHECK}."),
    "53100": (
        "disk_full",
        "The disk of the PostgreSQL server is full: free some space and run again ({}).",
    ),
    "53200": (
        "database_busy",
        (
            "The PostgreSQL server is out of memory: give it more, or run "
            "again when it is less busy ({})."
        ),
    ),
    "53300": (
        "connections_used_up",
        (
            "The PostgreSQL server has no connection left: raise "
            "max_connections, or close other clients ({})."
        ),
    ),
    "53400": ("database_unfit", f"{_UNUSABLE}{_TEMPORARY}."),
    "55P03": (
        "database_busy",
        (
            "Another program uses a table that has to be changed: end its transaction "
            "(pg_stat_activity shows it), and run again ({})."
        ),
    ),
    "57": _LOST,
    "57014": (
        "database_busy",
        "PostgreSQL cancelled the statement: raise statement_timeout, or run again ({}).",
    ),
    "58": _LOST,
}
#: A missing table is an error of the server if migrations create it. Marts do not exist before a
#: build.
_MISSING, _MIGRATED = "42P01", re.compile(r'"(ops|raw)\.')
#: libpq's error for a server that does not listen; it has the folder of the socket.
_SOCKET = re.compile(
    r'^connection to server on socket "(.+)/\.s\.PGSQL\.\d+" failed: '
    r"(No such file|Connection refused)",
)

#: A lost connection has no SQLSTATE. These are the classes themselves, not their subclasses.
_WITHOUT_STATE = {"OperationalError", "InterfaceError", "DatabaseError"}

#: What libpq says of a connection that was not made, for which it has no SQLSTATE: by a pattern,
#: the code of the cause, and what to do. Messages in another language than English match none.
_BY_TEXT = {
    r"password authentication failed|no password supplied": (
        "database_refused",
        "check the user and password in WAREHOUSE_URL",
    ),
    r'database ".*" does not exist': (
        "database_refused",
        "create the database, or correct its name in WAREHOUSE_URL",
    ),
    r'role ".*" does not exist': (
        "database_refused",
        "create the user, or correct its name in WAREHOUSE_URL",
    ),
    r"certificate verify failed|server certificate for .* does not match|root certificate": (
        "database_refused",
        (
            "set sslrootcert in WAREHOUSE_URL to the file of the authority "
            "that signed the server's, and the host to the name in that"
        ),
    ),
    r"no pg_hba\.conf entry|SSL(?! SYSCALL)": (
        "database_refused",
        "let the server's pg_hba.conf accept this client, or set sslmode in WAREHOUSE_URL",
    ),
    r"too many (clients|connections)|remaining connection slots": (
        "connections_used_up",
        "raise max_connections, or close other clients",
    ),
    "No space left on device": (
        "disk_full",
        "free some space on the server's disk, and run again",
    ),
    "temp_file_limit": ("database_unfit", _TEMPORARY),
    r"server closed|terminating connection|connection (was|already) closed|database system is|"
    r"SSL SYSCALL|(receive|send) data": ("database_stopped", _STOPPED),
}


def refusal(error: BaseException, *, connecting: bool = False) -> Failure | None:
    """Return the cause of a driver's error, and a line that says what to do, if it is an error of
    the server; else None. `connecting` says that there was no connection yet.
    """
    said, state = _first_line(error), getattr(error, "pgcode", None)
    if state is None and type(error).__name__ not in _WITHOUT_STATE:
        return None
    if state is None and connecting:
        return _not_connected(said)
    found = _LOST if state is None else _BY_STATE.get(state) or _BY_STATE.get(state[:2])
    if found is None or (state == _MISSING and not _MIGRATED.search(said)):
        return None
    cause, line = found
    return Failure(cause, line.format(said))


def refusal_behind(error: BaseException | None) -> Failure | None:
    """Return `refusal` of an error of SQLAlchemy, or of one that it caused, as in Dagster's
    storage.
    """
    while error is not None and not isinstance(error, DBAPIError):
        error = error.__cause__
    if error is None or error.orig is None:
        return None
    return refusal(error.orig, connecting=error.statement is None)


def _not_connected(said: str) -> Failure:
    socket = _SOCKET.match(said)
    data = socket and embedded_log.data_behind(Path(socket[1]))
    if data:
        why = embedded_log.last_failure(data)
        cause, to_do = of_embedded(
            why, f"run again, which starts it; its log is {data / embedded_log.FILE}"
        )
        line = f"The embedded PostgreSQL in {data} has stopped ({why or said}): {to_do}."
        return Failure(cause, line)
    cause, to_do = _known(said) or ("warehouse_unusable", _CHECK)
    return Failure(cause, f"{_UNUSABLE.format(said)}{to_do}.")


def of_embedded(said: str, otherwise: str) -> tuple[str, str]:
    """Return the cause for an embedded server that does not run, by the last failure in its log,
    and what to do, `otherwise` when the failure is unknown.
    """
    cause, to_do = _known(said) or ("", otherwise)
    return ("disk_full" if cause == "disk_full" else "embedded_stopped"), to_do


def advice(said: str) -> str | None:
    """Return what to do about a message of libpq, None when unknown."""
    known = _known(said)
    return known and known[1]


def _known(said: str) -> tuple[str, str] | None:
    """Return the cause of a message of libpq, and what to do, None when unknown."""
    return next((known for pattern, known in _BY_TEXT.items() if re.search(pattern, said)), None)


def _first_line(error: BaseException) -> str:
    """Return the server's own message; libpq puts no password into it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
