"""A webhook and a mail server on this machine that keep the messages they get."""

from collections.abc import Iterator
from contextlib import ExitStack
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from tests.http_servers import Quiet, serving
from tests.ports import free_port


class WebhookSink:
    """Takes every POST, as (path, body) in `received`, and answers with `status` and `answer`;
    refuses as many first ones as `failures` says.
    """

    def __init__(self) -> None:
        self.received: list[tuple[str, str]] = []
        self.status, self.answer, self.failures = 200, "ok", 0
        sink = self

        class Handler(Quiet):
            def do_POST(self) -> None:  # noqa: N802 - the library's name
                body = self.body()
                sink.failures -= 1
                status = sink.status if sink.failures < 0 else 500
                if status == 200:
                    sink.received.append((self.path, body))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(sink.answer.encode())

        self._serving = ExitStack()
        self.url = self._serving.enter_context(serving(Handler))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.close()


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    """Return a server that takes messages by HTTP and keeps them."""
    with WebhookSink() as made:
        yield made


class MailSink:
    """Takes all mail but that for `unknown`, as (recipients, mail) in `received`; it offers no
    encryption.
    """

    def __init__(self) -> None:
        self.received: list[tuple[list[str], EmailMessage]] = []
        self.unknown: set[str] = set()
        port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self.url = f"smtp://127.0.0.1:{port}"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or refuse one that is unknown."""
        if address in self.unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        """Keep a mail."""
        mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self.received.append((list(envelope.rcpt_tos), mail))
        return "250 OK"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
