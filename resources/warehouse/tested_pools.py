"""Pools of connections that others make from a URL, as Dagster does: tested before use.

SQLAlchemy has plugins for that, which the URL names. So a restart of the server goes unnoticed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import URL, Engine, Pool
from sqlalchemy.dialects import plugins
from sqlalchemy.engine import CreateEnginePlugin

from resources.warehouse.connect import in_utf8

_PLUGIN = "backlog_elt_tested_pool"
_made: ContextVar[list[Engine]] = ContextVar("engines that are made meanwhile")


class TestedPool(CreateEnginePlugin):
    """Lets SQLAlchemy test a connection of the pool before it is used."""

    def update_url(self, url: URL) -> URL:
        """Return the URL as it is."""
        return url

    def handle_pool_kwargs(self, pool_cls: type[Pool], pool_args: dict[str, Any]) -> None:
        """Have connections tested."""
        pool_args["pre_ping"] = True

    def engine_created(self, engine: Engine) -> None:
        """Note the engine for `engines_made`."""
        _made.get([]).append(engine)


plugins.register(_PLUGIN, __name__, TestedPool.__name__)


def tested(url: str) -> str:
    """Return the URL for engines that others make: in UTF8, their connections tested before use."""
    return f"{in_utf8(url)}&plugin={_PLUGIN}"


@contextmanager
def engines_made() -> Iterator[list[Engine]]:
    """Yield the engines that this thread makes meanwhile from URLs of `tested`."""
    noted = _made.set([])
    try:
        yield _made.get()
    finally:
        _made.reset(noted)
