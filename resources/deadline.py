"""HTTP requests that end: each attempt has so many seconds from the first byte sent to the last one read.

httpx knows no such limit. Its read timeout begins anew with every byte, so that a server that sends one now and then, in the
headers or in the body, is never given up. Here every wait of a connection (to connect, to agree on TLS, to send, to read) is given
what is left of the whole, which costs a look at the clock.
"""

import functools
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import httpx

_SocketOptions = Iterable[Any]
_Error = type[httpcore.TimeoutException]


def limited_client(seconds: float, **options: Any) -> httpx.Client:
    """Return a client each of whose requests is answered whole within `seconds`, or ends with a timeout of httpx; close it.

    `options` are those of `httpx.Client`. A request that is redirected, or sent again with another token, has its time anew.
    """
    deadline = _Deadline(seconds)
    authorities = _authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    client = httpx.Client(**options, verify=authorities, event_hooks={"request": [deadline.begin]})
    # Where the connections are made can be said to httpcore, but not through httpx, which reads proxies from the environment.
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            pool = transport._pool
            if not isinstance(pool._network_backend, httpcore.NetworkBackend):
                raise TypeError("this version of httpx opens connections in another way")
            pool._network_backend = _Backend(pool._network_backend, deadline)
    return client


@functools.cache
def _authorities(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return whom TLS trusts, as httpx reads it from these variables; to read the file takes longer than many an answer."""
    return httpx.create_ssl_context()


class _Deadline:
    """When the request of each thread must be answered."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._of_thread = threading.local()

    def begin(self, _request: httpx.Request) -> None:
        self._of_thread.until = time.monotonic() + self._seconds

    def wait(self, act: Callable[[float], Any], timeout: float | None, error: _Error) -> Any:
        """Do something that may wait, for no longer than `timeout` and what is left; raise `error` when nothing is."""
        left = self._of_thread.until - time.monotonic()
        if left > 0:
            try:
                return act(left if timeout is None else min(timeout, left))
            except httpcore.TimeoutException:
                if timeout is not None and timeout < left:
                    raise
        raise error(f"not answered whole within {self._seconds:g} seconds")


class _Backend(httpcore.NetworkBackend):
    def __init__(self, inner: httpcore.NetworkBackend, deadline: _Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        def connect(seconds: float) -> httpcore.NetworkStream:
            return self._inner.connect_tcp(host, port, seconds, local_address, socket_options)

        return _Stream(self._deadline.wait(connect, timeout, httpcore.ConnectTimeout), self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        found: bytes = self._deadline.wait(lambda seconds: self._inner.read(max_bytes, seconds), timeout, httpcore.ReadTimeout)
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._deadline.wait(lambda seconds: self._inner.write(buffer, seconds), timeout, httpcore.WriteTimeout)

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        def agree(seconds: float) -> httpcore.NetworkStream:
            return self._inner.start_tls(ssl_context, server_hostname, seconds)

        return _Stream(self._deadline.wait(agree, timeout, httpcore.ConnectTimeout), self._deadline)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
