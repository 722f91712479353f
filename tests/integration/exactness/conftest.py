"""Databases for examples, of the session's server."""

import pytest
from sqlalchemy import Engine

from tests.integration.exactness.databases import Databases


@pytest.fixture(scope="session")
def fresh_databases(postgres_url: str, _template: tuple[Engine, str]) -> Databases:
    """Databases on the server of this session."""
    return Databases(postgres_url, *_template)
