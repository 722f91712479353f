"""Databases of tests: copies of one that is made once."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from resources.warehouse.connect import parse_url


def database_url(server: str, name: str) -> str:
    """Return the URL of a database of a server."""
    return parse_url(server).set(database=name, drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def copy_of(admin: Engine, template: str) -> Iterator[str]:
    """Give the name of a copy of a database to which nobody is connected, and drop the copy afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield name
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
