"""Waiting for what comes by itself in a moment."""

import time
from collections.abc import Callable

import httpx


def eventually(what: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so, and fail when it is not within so many seconds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Say whether a server answers well at an address."""
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False
