"""Where alerts go in these tests."""

from collections.abc import Iterator

import pytest

from tests.sinks import WebhookSink


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    """Return a server that takes messages by HTTP and keeps them."""
    with WebhookSink() as made:
        yield made
