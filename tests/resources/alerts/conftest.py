"""Where alerts go in these tests."""

from tests.sinks import sink as sink  # a fixture
