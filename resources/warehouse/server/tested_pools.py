"""Lets other programs, such as Dagster, test pooled connections before use, by a plugin in the URL.

So they survive a restart of the server. SQLAlchemy supports plugins that a URL names.
"""

from typing import Any

from sqlalchemy import URL, Pool
from sqlalchemy.dialects import plugins
from sqlalchemy.engine import CreateEnginePlugin

from resources.warehouse.server.connect import in_utf8

_PLUGIN = "backlog_elt_tested_pool"


class TestedPool(CreateEnginePlugin):
    """A plugin of SQLAlchemy that tests a pooled connection before use."""

    def update_url(self, url: URL) -> URL:
        """Return the URL unchanged."""
        return url

    def handle_pool_kwargs(self, pool_cls: type[Pool], pool_args: dict[str, Any]) -> None:
        """Switch the tests on."""
        pool_args["pre_ping"] = True


plugins.register(_PLUGIN, __name__, TestedPool.__name__)


def tested(url: str) -> str:
    """Return the URL for engines made by others: in UTF-8, with connections tested before use."""
    return f"{in_utf8(url)}&plugin={_PLUGIN}"
