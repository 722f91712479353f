"""Pools of connections that others make from a URL, as Dagster does: tested before use.

SQLAlchemy lets a URL name plugins for that. So a restart of the server goes unnoticed.
"""

from typing import Any

from sqlalchemy import URL, Pool
from sqlalchemy.dialects import plugins
from sqlalchemy.engine import CreateEnginePlugin

from resources.warehouse.server.connect import in_utf8

_PLUGIN = "backlog_elt_tested_pool"


class TestedPool(CreateEnginePlugin):
    """Lets SQLAlchemy test a connection of the pool before it is used."""

    def update_url(self, url: URL) -> URL:
        """Return the URL as it is."""
        return url

    def handle_pool_kwargs(self, pool_cls: type[Pool], pool_args: dict[str, Any]) -> None:
        """Have connections tested."""
        pool_args["pre_ping"] = True


plugins.register(_PLUGIN, __name__, TestedPool.__name__)


def tested(url: str) -> str:
    """Return the URL for engines that others make: in UTF8, their connections tested before use."""
    return f"{in_utf8(url)}&plugin={_PLUGIN}"
