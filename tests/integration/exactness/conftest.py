"""Databases for examples, of the session's server."""

from collections.abc import Iterator

import pytest

from tests.integration.exactness.databases import Databases, databases


@pytest.fixture(scope="session")
def fresh_databases(postgres_url: str) -> Iterator[Databases]:
    """Databases on the server of this session."""
    with databases(postgres_url) as made:
        yield made
